package proto

import "github.com/go-json-experiment/json/jsontext"

// What gateways tell each other of sessions, on the subjects of [Subjects.GatewayPush] and [Subjects.GatewayPeer]. The sender's
// gateway keeps each signal to a resumable client until the end of that client's connection has confirmed it: it is the signal's
// keeper. It pushes signals to the target's gateway, which answers each push, and confirms what the client's pongs have
// confirmed. A client's new gateway asks the keepers of those who may have sent it signals, and the gateway that it was on before for
// what that one keeps of the client's own.

// PeerKind is what a gateway says to another.
type PeerKind string

// What gateways say to each other of sessions, and who says it to whom. Behind each stand the members that it has, beside from and
// room.
const (
	// Pushed answers a push, to the keeper: senderId, targetId, turn, since, senderSince, n, state, gateway.
	Pushed PeerKind = "pushed"
	// Confirm says, to keepers, what targets' ends have confirmed: pairs (room, senderId, targetId, turn,
	// since, senderSince, n).
	Confirm PeerKind = "confirm"
	// Ask asks, where a client has resumed a room, the gateways of the other members what they keep for it: targetId, turn, since, pairs
	// (senderId, n: the last that the client has heard), fresh. What is at or below n counts as confirmed.
	Ask PeerKind = "ask"
	// Told answers it: targetId, turn, since, pairs (senderId, since: the sender's; n: the last that is kept, 0: nothing is; sure: above which
	// everything was kept, or is; or gateway and turn: where the sender has moved, and by which
	// turn it is there).
	Told PeerKind = "told"
	// HandOver asks, where a client has resumed a room, the gateway that it was in there by before for what it keeps of the client:
	// id, turn; fresh: it wants nothing, and that one drops it; or of: what that one kept of the client by that turn has arrived. That
	// one first closes what it has of an earlier turn.
	HandOver PeerKind = "hand-over"
	// HandedOver answers it, or comes unasked where a gateway hears of a later turn elsewhere: id, turn, of: the turn by which the client
	// was there (0: that gateway has nothing of it), since: the client's, gateway and nextTurn: to which one it had handed it over before,
	// and by which turn the client was there, page (from 0), more; n and seq: for targets that joined before seq and are in none of the pairs it is sure only above n; pairs (targetId,
	// gateway, turn, since, n: the last held or delivered, sure, recent, signals).
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
	Kind     PeerKind  `json:"event"`
	From     GatewayID `json:"from"`
	Room     Room      `json:"room,omitzero"`
	ID       ClientID  `json:"id,omitzero"`
	SenderID ClientID  `json:"senderId,omitzero"`
	TargetID ClientID  `json:"targetId,omitzero"`
	Turn     int64     `json:"turn,omitzero"`
	Since    uint64    `json:"since,omitzero"`
	// SenderSince is the since of the sender's stay: what was sent in an earlier one is none of this.
	SenderSince uint64     `json:"senderSince,omitzero"`
	Seq         uint64     `json:"seq,omitzero"`
	N           int64      `json:"n,omitzero"`
	State       Took       `json:"state,omitzero"`
	Gateway     GatewayID  `json:"gateway,omitzero"`
	Fresh       bool       `json:"fresh,omitzero"`
	Of          int64      `json:"of,omitzero"`
	NextTurn    int64      `json:"nextTurn,omitzero"`
	Page        int        `json:"page,omitzero"`
	More        bool       `json:"more,omitzero"` // another page follows
	Pairs       []PeerPair `json:"pairs,omitempty"`
}

// PeerPair is what is said of one sender and one target in one room.
type PeerPair struct {
	Room        Room             `json:"room,omitzero"`
	SenderID    ClientID         `json:"senderId,omitzero"`
	TargetID    ClientID         `json:"targetId,omitzero"`
	Turn        int64            `json:"turn,omitzero"`        // of the target; told, where the sender has moved: of the sender
	Since       uint64           `json:"since,omitzero"`       // of the target's stay; told: of the sender's
	SenderSince uint64           `json:"senderSince,omitzero"` // of the sender's
	N           int64            `json:"n,omitzero"`
	Sure        int64            `json:"sure,omitzero"`
	Gateway     GatewayID        `json:"gateway,omitzero"`
	Recent      []int64          `json:"recent,omitempty"`  // hand-over: the numbers of the last signals held or delivered
	Signals     []jsontext.Value `json:"signals,omitempty"` // hand-over: what is kept, as pushes have it
}
