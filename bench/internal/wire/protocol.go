// Package wire is the light client side of Parley's transports: a socket that
// sends frames made beforehand and tells frames apart by looking at their
// first bytes, so that the load costs less than the server that it measures.
//
// gobwas/ws makes the handshake and the frames to send; it is used rather than
// coder/websocket because it leaves the connection in the caller's hands. One
// frame is one write of bytes that were masked once, and one read takes
// whatever the server has sent, with no goroutine, context or lock of the
// library's in between.
package wire

import (
	"bytes"
	"errors"
)

// Kind is what a frame from the server is.
type Kind int

// The kinds that a load has to tell apart.
const (
	Other Kind = iota
	Connected
	RoomCreated
	RoomJoined
	RoomLeft
	ClientJoined
	ClientLeft
	SignalReceive
	SignalSent
	Resumed
	Live
	Refused // an answer that no load expects: error, room-exists, not-in-room and the like
)

var kinds = map[string]Kind{
	"connected":        Connected,
	"room-created":     RoomCreated,
	"room-joined":      RoomJoined,
	"room-left":        RoomLeft,
	"client-joined":    ClientJoined,
	"client-left":      ClientLeft,
	"signal-receive":   SignalReceive,
	"signal-sent":      SignalSent,
	"resumed":          Resumed,
	"live":             Live,
	"room-exists":      Refused,
	"room-not-exists":  Refused,
	"not-in-room":      Refused,
	"target-not-found": Refused,
	"error":            Refused,
}

// Protocol is how the events are written in a transport's text frames.
type Protocol interface {
	// Path is the request target of the upgrade.
	Path() string
	// Subprotocols are those to offer.
	Subprotocols() []string
	// Open exchanges what stands before the first event, and returns the
	// client's id.
	Open(c *Conn) (id string, err error)
	// Kind tells a frame's event by its name.
	Kind(text []byte) Kind
	// Reply is the frame that the transport itself owes for this one, nil for
	// none.
	Reply(text []byte) []byte
	// Create, Join, Leave and Signal are the requests, as frames to Send. A
	// non-empty ref asks for a signal's confirmation, where the transport can.
	Create(room string) []byte
	Join(room string) []byte
	Leave(room string) []byte
	Signal(room, target, data, ref string) []byte
}

// Listed is how many clients a room-joined names, in either transport.
func Listed(text []byte) int {
	_, list, ok := bytes.Cut(text, []byte(`"clients":[`))
	if !ok {
		return 0
	}
	list, _, _ = bytes.Cut(list, []byte{']'})
	return bytes.Count(list, []byte{'"'}) / 2 // an id has no quote in it
}

// errUnexpected says that a server did not answer as the protocol has it.
var errUnexpected = errors.New("unexpected frame")

// kindAfter looks up the name that stands between a prefix and the next quote.
func kindAfter(text, prefix []byte) Kind {
	_, name, ok := bytes.Cut(text, prefix)
	if !ok {
		return Other
	}
	if name, _, ok = bytes.Cut(name, []byte{'"'}); !ok {
		return Other
	}
	return kinds[string(name)]
}
