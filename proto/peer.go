package proto

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// What gateways tell each other of sessions, on the subjects of [Subjects.GatewayPush] and [Subjects.GatewayPeer]. The sender's
// gateway keeps each signal to a resumable client until the end of that client's connection has confirmed it: it is the signal's
// keeper. It pushes signals to the target's gateway, which answers each push, and confirms what the client's pongs have
// confirmed. A client's new gateway asks the keepers of those who may have sent it signals, and the gateway that it was on before for
// what that one keeps of the client's own.

// ErrPeer is wrapped by what [DecodePeer] and [DecodePush] return.
var ErrPeer = errors.New("bad message of a gateway")

// Push hands signals of one sender to one target, in one room, to the target's gateway. They stand in the sender's order.
type Push struct {
	From   GatewayID // the keeper, which hears the answer
	Target ClientID
	Turn   int64  // of the target, as the keeper knows it
	Since  uint64 // of the target's stay
	// SenderSince is the Since of the sender's stay; 0 where it has none. A target's gateway that knows of a later one takes none of these.
	SenderSince uint64
	// Prev is the number of the sender's signal to that target in that room before the first of these that the keeper still keeps; 0: there is
	// none. A gateway that has not taken it refuses these: [TookGap].
	Prev    int64
	Signals []jsontext.Value // signal-receive with n each, as the target's socket receives them
}

// AppendPush appends a push's JSON: {"from","targetId","turn","since","senderSince","prev","count","signals":[…]}.
func AppendPush(b []byte, p *Push) []byte {
	b = append(b, `{"from":`...)
	b = appendString(b, string(p.From))
	b = appendField(b, "targetId", string(p.Target))
	b = appendUint(b, "turn", uint64(max(p.Turn, 0)))
	b = appendUint(b, "since", p.Since)
	b = appendUint(b, "senderSince", p.SenderSince)
	b = appendUint(b, "prev", uint64(max(p.Prev, 0)))
	b = appendUint(b, "count", uint64(len(p.Signals)))
	b = append(b, `,"signals":[`...)
	for i, s := range p.Signals {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, s...)
	}
	return append(b, `]}`...)
}

// DecodePush reads a push. A single signal, in the layout of [AppendPush], is passed on unread, and shares memory with b. The error
// wraps [ErrPeer].
func DecodePush(b []byte) (Push, error) {
	c := cursor{b: b}
	var p Push
	c.literal(`{"from":"`)
	p.From = GatewayID(c.plain())
	c.literal(`,"targetId":"`)
	p.Target = ClientID(c.plain())
	c.literal(`,"turn":`)
	p.Turn = int64(min(c.number(), MaxTurn))
	c.literal(`,"since":`)
	p.Since = c.number()
	c.literal(`,"senderSince":`)
	p.SenderSince = c.number()
	c.literal(`,"prev":`)
	p.Prev = int64(min(c.number(), maxNumber))
	c.literal(`,"count":1,"signals":[`)
	if one, ok := bytes.CutSuffix(c.b, []byte(`]}`)); ok && !c.bad {
		p.Signals = []jsontext.Value{one}
		return p, nil
	}
	var w struct {
		From        GatewayID        `json:"from"`
		Target      ClientID         `json:"targetId"`
		Turn        int64            `json:"turn"`
		Since       uint64           `json:"since"`
		SenderSince uint64           `json:"senderSince"`
		Prev        int64            `json:"prev"`
		Signals     []jsontext.Value `json:"signals"`
	}
	if err := json.Unmarshal(b, &w, loneSurrogates); err != nil {
		return Push{}, fmt.Errorf("%w: %w", ErrPeer, err)
	}
	return Push{
		From: w.From, Target: w.Target, Turn: w.Turn, Since: w.Since, SenderSince: w.SenderSince, Prev: w.Prev, Signals: w.Signals,
	}, nil
}

// PeerKind is what a gateway says to another.
type PeerKind string

// What gateways say to each other of sessions, and who says it to whom. Behind each stand the members that it has, beside from and
// room.
const (
	// Pushed answers a push, to the keeper: senderId, targetId, turn, since, n, state, gateway.
	Pushed PeerKind = "pushed"
	// Confirm says, to keepers, what targets' ends have confirmed: pairs (room, senderId, targetId, turn, since, n).
	Confirm PeerKind = "confirm"
	// Ask asks, where a client has resumed a room, the gateways of the other members what they keep for it: targetId, turn, since, pairs
	// (senderId, n: the last that the client has heard), fresh. What is at or below n counts as confirmed.
	Ask PeerKind = "ask"
	// Told answers it: targetId, turn, since, pairs (senderId, n: the last that is kept, 0: nothing is; sure: above which everything was
	// kept, or is; or gateway and turn: where the sender has moved, and by which
	// turn it is there).
	Told PeerKind = "told"
	// HandOver asks, where a client has resumed a room, the gateway that it was in there by before for what it keeps of the client:
	// id, turn, fresh: it wants nothing, and that one drops it; or of: what that one kept
	// of the client by that turn has arrived. That one first closes what it has of an earlier turn.
	HandOver PeerKind = "hand-over"
	// HandedOver answers it, or comes unasked where a gateway hears of a later turn elsewhere: id, turn, of: the turn by which the client was
	// there (0: that gateway has nothing of it), since: the client's, gateway and nextTurn: to which one it had handed it
	// over before, and by which turn the client was there, page (from 0), more; n and seq: for
	// targets that joined before seq and are in none of the pairs it is sure only above n; pairs (targetId, gateway, turn, since, n: the
	// last held or delivered, sure, recent, signals).
	HandedOver PeerKind = "handed-over"
	// Away says, to the gateways of the other members, that a member is away: id, seq. It is a hint.
	Away PeerKind = "client-away"
)

// Took says what became of a push.
type Took string

// What can become of a push. N is the last signal of the pair that the target's gateway has taken.
const (
	TookAll   Took = "taken" // they stand in the queue of the target's open connection, or did so before
	TookAway  Took = "away"  // the target has no connection, or has not resumed this room
	TookWaits Took = "waits" // they are kept until the room is level or live: another answer follows
	TookGap   Took = "gap"   // one before them has not been taken
	TookFull  Took = "full"  // the target's queue has no room now
	TookMoved Took = "moved" // the target is in the room by a later turn, or at another gateway: Gateway, where that is known
	TookNone  Took = "none"  // the target is not in the room here by that stay
)

// Peer is what a gateway says to another of sessions, but for a [Push]. Which members stand depends on the kind.
type Peer struct {
	Kind     PeerKind   `json:"event"`
	From     GatewayID  `json:"from"`
	Room     Room       `json:"room,omitzero"`
	ID       ClientID   `json:"id,omitzero"`
	SenderID ClientID   `json:"senderId,omitzero"`
	TargetID ClientID   `json:"targetId,omitzero"`
	Turn     int64      `json:"turn,omitzero"`
	Since    uint64     `json:"since,omitzero"`
	Seq      uint64     `json:"seq,omitzero"`
	N        int64      `json:"n,omitzero"`
	State    Took       `json:"state,omitzero"`
	Gateway  GatewayID  `json:"gateway,omitzero"`
	Fresh    bool       `json:"fresh,omitzero"`
	Of       int64      `json:"of,omitzero"`
	NextTurn int64      `json:"nextTurn,omitzero"`
	Page     int        `json:"page,omitzero"`
	More     bool       `json:"more,omitzero"` // another page follows
	Pairs    []PeerPair `json:"pairs,omitempty"`
}

// PeerPair is what is said of one sender and one target in one room.
type PeerPair struct {
	Room     Room             `json:"room,omitzero"`
	SenderID ClientID         `json:"senderId,omitzero"`
	TargetID ClientID         `json:"targetId,omitzero"`
	Turn     int64            `json:"turn,omitzero"`  // of the target; told, where the sender has moved: of the sender
	Since    uint64           `json:"since,omitzero"` // of the target's stay
	N        int64            `json:"n,omitzero"`
	Sure     int64            `json:"sure,omitzero"`
	Gateway  GatewayID        `json:"gateway,omitzero"`
	Recent   []int64          `json:"recent,omitempty"`  // hand-over: the numbers of the last signals held or delivered
	Signals  []jsontext.Value `json:"signals,omitempty"` // hand-over: what is kept, as pushes have it
}

// AppendPeer appends a message's JSON.
func AppendPeer(b []byte, p *Peer) []byte {
	if p.Kind == Pushed {
		return appendPushed(b, p)
	}
	out, err := json.Marshal(p, loneSurrogates)
	if err != nil { // of signals that are no JSON, which no gateway keeps
		out = []byte(`{}`)
	}
	return append(b, out...)
}

// appendPushed appends the answer to a push, which there is one of for each signal.
func appendPushed(b []byte, p *Peer) []byte {
	b = append(b, `{"event":"pushed","from":`...)
	b = appendString(b, string(p.From))
	b = appendField(b, "room", string(p.Room))
	b = appendField(b, "senderId", string(p.SenderID))
	b = appendField(b, "targetId", string(p.TargetID))
	b = appendUint(b, "turn", uint64(max(p.Turn, 0)))
	b = appendUint(b, "since", p.Since)
	b = append(b, `,"n":`...)
	b = strconv.AppendInt(b, p.N, 10)
	b = appendField(b, "state", string(p.State))
	if p.Gateway != "" {
		b = appendField(b, "gateway", string(p.Gateway))
	}
	return append(b, '}')
}

// DecodePeer reads a message. The error wraps [ErrPeer].
func DecodePeer(b []byte) (Peer, error) {
	if p, ok := scanPushed(b); ok {
		return p, nil
	}
	var p Peer
	if err := json.Unmarshal(b, &p, loneSurrogates); err != nil {
		return Peer{}, fmt.Errorf("%w: %w", ErrPeer, err)
	}
	if p.Kind == "" || p.From.Check() != nil {
		return Peer{}, fmt.Errorf("%w: it has no kind, or says not whom it is from", ErrPeer)
	}
	return p, nil
}

// scanPushed reads the layout of appendPushed, of rooms with a plain name.
func scanPushed(b []byte) (Peer, bool) {
	c := cursor{b: b}
	p := Peer{Kind: Pushed}
	c.literal(`{"event":"pushed","from":"`)
	p.From = GatewayID(c.plain())
	c.literal(`,"room":"`)
	p.Room = Room(c.plain())
	c.literal(`,"senderId":"`)
	p.SenderID = ClientID(c.plain())
	c.literal(`,"targetId":"`)
	p.TargetID = ClientID(c.plain())
	c.literal(`,"turn":`)
	p.Turn = int64(min(c.number(), MaxTurn))
	c.literal(`,"since":`)
	p.Since = c.number()
	c.literal(`,"n":`)
	p.N = int64(min(c.number(), maxNumber))
	c.literal(`,"state":"`)
	p.State = Took(c.plain())
	if c.optional(`,"gateway":"`) {
		p.Gateway = GatewayID(c.plain())
	}
	c.literal(`}`)
	return p, !c.bad && len(c.b) == 0 && p.From != ""
}
