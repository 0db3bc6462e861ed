package rooms

import "github.com/parley-rtc/parley/proto"

// InKind says what has happened.
type InKind uint8

// What can happen. Behind each stand the fields of [In] that it uses, beside Kind and Now.
const (
	Open       InKind = iota // a connection stands: Client
	Begin                    // a create, join or leave of a client is about to be sent: Client, Ask
	Answer                   // it was answered: Client, Ask (Num and ID), Event, Payload, Bears
	GiveUp                   // it was not answered in time: Client, Ask (Num)
	Ended                    // a client's connection has ended; it is about to leave its rooms: Client
	Departed                 // and has asked for all its leaves: Client, Settled
	Event                    // a room event: Event, Payload
	Signal                   // a signal for a client: To, Event, Payload, Reply
	Check                    // what a replica believes of a room's members here: Check
	Roster                   // the answer to AskRoster, of whatever kind: Num, Event
	NoRoster                 // there was none in time: Num
	Refused                  // a Deliver's queue did not take the signal: Client, Event (Room, SenderID, N)
	Notice                   // something for one client that is no change of a room: To, Event, Payload
	Dismissed                // a client was taken out of a room that its new token does not allow: Client, Ask (Room, Joined)
	Fenced                   // a request that the core has nothing to do with was answered so: Client, Ask (Room)
	CompareAll               // events may have been missed: every room is compared with its roster: Why
	Tick                     // a second has passed

	// Of resumable sessions.
	Away        // a client's connection has ended, and its session is kept: Client
	Push        // another gateway, or this one's keeper, pushes signals: Push
	PushRefused // a DeliverPush's queue did not take all: Client, Event (Room, SenderID, N: the last that it took)
	Told        // a keeper says what it keeps: Say
	Hint        // a member elsewhere is away: Say
	Elsewhere   // a client has resumed a room at another gateway by a later turn: Say (Room, ID, Turn, From)
	Pong        // a client's end has all that was queued before a ping: Client, Num
	CompareRoom // where a member is is not known: Room is compared with its roster: Say (Room)
	Pulse       // a quarter of a second has passed
)

// In is one thing that has happened. It is borrowed: what a core keeps of it, it copies, but for Payload, which nobody may
// write to afterwards.
type In struct {
	Kind    InKind
	Now     int64 // nanoseconds since any moment, never going back
	Client  *Client
	Ask     Ask
	Event   *proto.Event
	Payload []byte          // the event's JSON as it came over NATS; nil: there is none
	Bears   proto.RequestID // Answer: the request that the client's record bears, where the answer says it
	To      proto.ClientID  // Signal: for whom
	Reply   string          // Signal: where it is answered
	Check   *proto.CheckRoom
	Num     uint64       // Roster, NoRoster: which one
	Why     Reason       // CompareAll
	Settled bool         // Departed: everything that the client ever asked for has been answered
	Message string       // Event: a word to who was removed by it
	Stays   *proto.Stays // Answer, Event, Roster: the members' stays, where it carries them
	Push    *proto.Push
	Say     *proto.Peer
}

// Ask is what a core knows of a request that is on its way to the room service: a create, join, enter, resume, leave or close. A client has one under way
// at a time. (turns.Ask is the same with its deadline, ask.Ask with its attempts.)
type Ask struct {
	Op     proto.Op
	Room   proto.Room
	Num    uint64          // names it among its client's
	ID     proto.RequestID // its Parley-Request
	Joined proto.RequestID // a leave: the request whose membership it ends
	Ref    string          // the client's, for the answer
	Silent bool            // the gateway asks for itself: the client is told nothing
	Policy proto.Policy    // create, enter: what happens when the owner is gone
	Full   bool            // an enter that is asked as a join, since its user owns as many rooms as it may: it must create none
	Shows  *proto.More     // create, join, enter: what others are to see of the client; nil: nothing
	// Of a resume: what the client has taken note of.
	Seq   uint64
	Heard map[proto.ClientID]int64
	Fresh bool
}

// Reason says why a roster is asked for.
type Reason string

// The reasons. Those of [CompareAll] are the last three.
const (
	Gap       Reason = "gap"       // an event names a change before it that was not told
	Sender    Reason = "sender"    // a signal from a sender who is not known in the room
	Checked   Reason = "check"     // a check differs
	Unchecked Reason = "unchecked" // no check has named the room for long
	Moved     Reason = "moved"     // where a member of a resumable session is is not known
	Reconnect Reason = "reconnect" // NATS was away
	Overflow  Reason = "overflow"  // NATS brought more than could be taken
	Defect    Reason = "defect"    // handling something failed half-way
)

// Reasons lists them.
func Reasons() []Reason {
	return []Reason{Gap, Sender, Checked, Unchecked, Moved, Reconnect, Overflow, Defect}
}
