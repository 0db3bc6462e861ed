package keeper

import "github.com/parley-rtc/parley/proto"

// InKind says what has happened.
type InKind uint8

// What can happen. Behind each stand the fields of [In] that it uses, beside Kind and Now.
const (
	Send       InKind = iota // a client here sends a signal to a resumable member: Room, ID, Peer, Turn, Target, Stay (the target's), N, Signal, Ref, Num, Address
	Pushed                   // a target's gateway answers a push: Say
	Confirm                  // a target's gateway says what was confirmed: Say
	Asked                    // a target's new gateway asks what is kept: Say
	HandOver                 // a client's new gateway asks for what is kept of it: Say
	HandedOver               // the gateway that a client was on before answers that: Say
	StayIs                   // a member of a room that matters here has joined or come back, or (Stay nil) left: Room, ID, Stay; Fresh, where it came back fresh by this very change
	Compared                 // a room has been compared with its roster: Room, Seq, Stays: of all whose sessions are resumable
	Here                     // one of our clients is in a room from now on: Room, ID, Peer, Stay (its own), Address; one that came back: Before, Seq, Fresh
	NotHere                  // it is not any more: Room, ID, Turn; where it has come back elsewhere: Gateway, and Stay (the new one) if known
	Closed                   // a client's connection has ended: nothing can be said to it: ID, Turn
	Pulse                    // a quarter of a second has passed
)

// In is one thing that has happened. It is borrowed, but for Signal, which nobody may write to afterwards.
type In struct {
	Kind    InKind
	Now     int64 // nanoseconds since any moment, never going back
	Room    proto.Room
	ID      proto.ClientID // the sender; StayIs: any member
	Peer    any            // the driver's own handle of the client's connection
	Turn    int64          // of the client's connection; 0: it has no key
	Target  proto.ClientID
	Stay    *proto.Stay
	N       int64
	Signal  []byte // signal-receive with n, as the target's socket is to receive it
	Ref     string
	Num     uint64 // of the request, among its client's
	Address string // of the client, for the bounds
	// Before is the gateway that a client's record named before it came back: this one too where it was here, or where nobody knows any
	// more. Empty: it has not come back, but joined.
	Before  proto.GatewayID
	Fresh   bool
	Seq     uint64 // the room's, once it had come back; 0: not known
	Gateway proto.GatewayID
	Stays   *proto.Stays
	Say     *proto.Peer
}
