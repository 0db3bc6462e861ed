package rooms

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-rtc/parley/proto"
)

// OutKind says what is to be done.
type OutKind uint8

// What can be asked for. Behind each stand the fields of [Out] that it uses, beside Kind.
const (
	// Member: the client is a member of Room from now on, by the request Joined; or its record there bears another than
	// before. To[0], Room, Joined.
	Member OutKind = iota
	// Parted: the client is no member of Room any more. To[0], Room.
	Parted
	// Disowned: the client is a member of Room still, and its owner no more. To[0], Room.
	Disowned
	// Tell: queue an event for each client of To. To, Event, Payload, Ref, Lazy.
	Tell
	// Deliver: queue a signal for a client and confirm it at Reply; where the queue does not take it, answer so and step
	// [Refused] before anything else comes in. To[0], Event, Payload (with the sender's count), Reply.
	Deliver
	// Ack: answer a signal's asker. Reply, Name, Room, ID (the target).
	Ack
	// Resolve: the request under way of a client has ended. To[0], Num, Outcome.
	Resolve
	// AskRoster: ask for a room's roster and step [Roster] or [NoRoster] with its number. Room, Num, Why (empty: it is asked
	// for once more).
	AskRoster
	// LeaveStranger: send a leave for a client that has no session here, fenced by Joined. The next check names it again:
	// a driver that has too many under way need not send it. Room, ID, Joined.
	LeaveStranger
	// QueueLeave: leave a room for a client, in the order of its own requests. Joined names the membership; empty: that of
	// whichever of its requests is in doubt there. To[0], Room, Joined.
	QueueLeave
	// Dropped: there was no room to keep something. Nothing else is lost by it: events show as a gap, signals are asked
	// again. Num: how many since the last Step.
	Dropped
	// Forget: nothing of an ended client is awaited any more. To[0].
	Forget

	// Oust: the client's session goes on with another connection: close this one with 4409, if it is open; its session here is
	// over in the rooms that it has lost, and kept in its others. To[0].
	Oust
	// DeliverPush: queue signals for a resumable client, in order; say in Answer what became of them and post it to Gateway. Where the
	// queue does not take one, step [PushRefused] before anything else comes in. To[0], Signals, Raw, Answer (all set as if it took all), Gateway.
	DeliverPush
	// Ping: queue a ping with the number Num behind all that was queued for the client. To[0], Num.
	Ping
	// Post: tell a gateway, which may be this one. Gateway, Say.
	Post
	// StayIs: what the keeper has to know: a member of a room here has joined or come back, or (Stay nil) left. Room, ID, Stay.
	StayIs
	// Here: one of our clients is in a room from now on, in which somebody's session is resumable. To[0], Room, Stay (its own; nil: it is not
	// resumable); of one that came back, Before, Fresh, and Num, the room's seq (0: not known). Before is this gateway also where nobody
	// knows any more.
	Here
	// NotHere: it is not any more, or nobody is left there who is resumable. To[0], Room; where it has come back elsewhere, Gateway, and Stay
	// (the new one) if known. Where it has come back to this gateway there is a new Here instead.
	NotHere
	// KeepAnew: the time for which a session is kept that is away begins anew: a later turn's resume is in doubt. To[0].
	KeepAnew
)

// Out is one thing to be done. It is valid until the next Step, as are To and what Event points to.
type Out struct {
	Kind    OutKind
	To      []*Client
	Room    proto.Room
	ID      proto.ClientID
	Joined  proto.RequestID
	Num     uint64
	Outcome Outcome
	Event   *proto.Event
	Payload []byte // the event's JSON as it came; nil: it is to be encoded
	Ref     string // of the request that Event answers
	Reply   string
	Name    proto.Name
	Why     Reason
	Gateway proto.GatewayID
	Before  proto.GatewayID
	Fresh   bool
	Stay    *proto.Stay
	Say     *proto.Peer
	Signals []proto.Event    // signal-receive with N
	Raw     []jsontext.Value // the JSON of each of Signals, as it came
	Answer  *proto.Peer
	Lazy    int // of a large room: how many members it has. Write it a moment later, with what comes meanwhile; 0: now
}

// Outcome says how a request ended.
type Outcome uint8

// The outcomes.
const (
	Unavailable Outcome = iota // not answered in time: whether it was carried out nobody knows
	OK                         // carried out
	Declined                   // answered otherwise
)

// emit appends what is to be done.
func (c *Core) emit(o Out) { c.outs = append(c.outs, o) }

// one returns a list of one client in the core's own memory.
func (c *Core) one(cl *Client) []*Client {
	c.to = append(c.to, cl)
	return c.to[len(c.to)-1:]
}

// tellOne has one client told an event, if it has a connection.
func (c *Core) tellOne(cl *Client, e *proto.Event, payload []byte) {
	if cl.stage != connected {
		return
	}
	c.emit(Out{Kind: Tell, To: c.one(cl), Event: e, Payload: payload})
}

// kicked returns the event that tells a client that it is in a room no longer and did not ask for that.
func kicked(room proto.Room, why proto.Reason) *proto.Event {
	return &proto.Event{Name: proto.RoomLeft, Room: room, Kicked: true, Reason: why}
}

// ack answers a signal's asker, or the keeper that has pushed it.
func (c *Core) ack(name proto.Name, k *kept) {
	if k.push != nil {
		c.answerPush(k.push, proto.TookNone, 0)
		return
	}
	o := Out{Kind: Ack, Name: name, Reply: k.reply, Room: k.e.Room}
	if name != proto.NotInRoom {
		o.ID = k.to
	}
	c.emit(o)
}
