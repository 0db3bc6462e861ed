package parley

import (
	"errors"
	"fmt"

	"github.com/parley-rtc/parley/proto"
)

// Code is what went wrong with a request: the server's codes (PROTOCOL.md, section 4), its answers that say no, and this package's own.
type Code string

// The answers that say no, and this package's own codes. The server's others come as they are: "forbidden", "room-full", "unavailable".
const (
	RoomExists     Code = "room-exists"
	RoomNotExists  Code = "room-not-exists"
	NotInRoom      Code = "not-in-room"
	TargetNotFound Code = "target-not-found"
	Refused        Code = "refused"      // who knocked was not let in
	Disconnected   Code = "disconnected" // the connection was lost, and with it the session, or there is none
	Closed         Code = "closed"       // the client is closed
)

// Error is why a request was refused.
type Error struct {
	Code    Code
	Message string // a sentence for people
	Room    string // the room that it is about, if any
}

func (e *Error) Error() string { return fmt.Sprintf("parley: %s: %s", e.Code, e.Message) }

// Temporary reports whether the same request may well succeed a little later.
func (e *Error) Temporary() bool {
	return e.Code == Code(proto.CodeUnavailable) || e.Code == Code(proto.CodeRateLimited) || e.Code == Disconnected
}

// CodeOf returns the code of an error of this package; empty for others.
func CodeOf(err error) Code {
	if e, is := errors.AsType[*Error](err); is {
		return e.Code
	}
	return ""
}

// ErrAddress is wrapped by what [Connect] returns for an address that cannot be.
var ErrAddress = errors.New("parley: no address of a server")

// ErrNoParley is wrapped by what [Connect] returns when something answers that is no Parley server.
var ErrNoParley = errors.New("parley: this is no Parley server")

var sentences = map[Code]string{
	Disconnected:   "the connection to the server was lost",
	Closed:         "the client is closed",
	NotInRoom:      "this client is not in that room",
	RoomExists:     "there is a room of that name already",
	RoomNotExists:  "there is no room of that name",
	TargetNotFound: "that member has left the room",
	Refused:        "this client was not let in",
}

func refusal(code Code, room string) *Error {
	return &Error{Code: code, Message: sentences[code], Room: room}
}

// The closing codes after which a client does not come back by itself.
const (
	closedUnauthorized = 4401
	closedByOperator   = 4403
	closedMoved        = 4409
	closedOverloaded   = 1013
	closedGoingAway    = 1001
)

// closing says what a closing code means.
func closing(code int, reason string) error {
	said := ""
	if reason != "" {
		said = " (" + reason + ")"
	}
	switch code {
	case closedGoingAway:
		return errors.New("parley: the server is going away for a moment" + said)
	case closedUnauthorized:
		return &Error{Code: Code(proto.CodeUnauthorized), Message: "the server does not take the token" + said + ": bring another, signed by the app's server"}
	case closedByOperator:
		return errors.New("parley: the operator has ended this user's connections")
	case closedMoved:
		return errors.New("parley: the session goes on in another connection that has its key")
	case closedOverloaded:
		return errors.New("parley: the server is overloaded" + said)
	default:
		return fmt.Errorf("parley: the connection was closed: %d%s", code, said)
	}
}
