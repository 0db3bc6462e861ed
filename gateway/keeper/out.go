package keeper

import "github.com/parley-rtc/parley/proto"

// OutKind says what is to be done.
type OutKind uint8

// What can be asked for. Behind each stand the fields of [Out] that it uses, beside Kind.
const (
	// Push: hand signals to a target's gateway, which may be this one. Gateway, Push.
	Push OutKind = iota
	// Post: tell a gateway, which may be this one. Gateway, Say.
	Post
	// Settle: the request of a client has ended. Peer, Num, Outcome, Ref; Room, Target, N for what it is told.
	Settle
	// Tell: later word of a signal that was held: Outcome is Sent or NotFound. Peer, Ref, Room, Target.
	Tell
	// Compare: where a target is is not known: the room's roster says. Room.
	Compare
)

// Outcome is what became of a signal.
type Outcome uint8

// The outcomes.
const (
	Sent     Outcome = iota // it stands in the queue of the target's connection
	Held                    // it is kept until the target comes back
	NotFound                // the target is not in that room
	Full                    // there is no room for it: unavailable
	TooOld                  // its number is not above the pair's last
)

// Out is one thing to be done. It is valid until the next Step.
type Out struct {
	Kind    OutKind
	Gateway proto.GatewayID
	Push    *proto.Push
	Say     *proto.Peer
	Peer    any
	Num     uint64
	Outcome Outcome
	Ref     string
	Room    proto.Room
	Target  proto.ClientID
}
