// Package link is what stands between a client's session and the transport that carries it: transports turn frames into
// requests and messages into frames, nothing else; a session knows neither frames nor sockets.
package link

import (
	"errors"
	"fmt"
	"time"

	"github.com/parley-rtc/parley/gateway/tokens"
	"github.com/parley-rtc/parley/proto"
)

// Transport is a client's connection, as its session sees it.
type Transport interface {
	// Write sends messages in order, in one system call where it can. It blocks while the peer is slow, is called by one
	// goroutine at a time, and has to return soon after Close. The batch is the caller's again when it returns.
	Write(batch []Out) error
	// Close ends the connection with a code and reason as the transport has them. It is called at most once, may be
	// called while Write blocks, and may take seconds. The transport's reader then ends and calls [Session.End].
	Close(why Close)
}

// Session is a client, as its transport sees it.
type Session interface {
	// ID is the client id.
	ID() proto.ClientID
	// Receive hands over a request that took size bytes, or with err not nil (wrapping [proto.ErrFrame] or
	// [proto.ErrTooLarge]) one that is to be answered with an error event. Requests are handled one at a time, in order. It blocks while the client's queue
	// is full, and returns false once the session has ended.
	Receive(frame proto.Frame, err error, size int) bool
	// Send queues a message for the client. It does not block; a queue that overflows ends the session.
	Send(out Out)
	// WaitIdle waits until what was received has been answered and the answers have been written, for that long at most. It
	// is for the goroutine that calls Receive.
	WaitIdle(within time.Duration)
	// Pong says that the client's end has answered the ping with a count, see [Out]. A transport without pings never calls it.
	Pong(count uint64)
	// End says that the connection is over, and why: a [Parting] where the client said so. What was received is carried out still,
	// then the session's leaves are sent, or it is kept; it returns at once.
	End(cause error)
}

// Parting is why a connection is over that the client closed with a code.
type Parting struct {
	Code int
}

// Error says so.
func (p Parting) Error() string { return fmt.Sprintf("closed by the client with %d", p.Code) }

// Door has places for connections: as many as the gateway takes in all, and from one address.
type Door interface {
	// Enter takes a place for a connection from an address, with trusted proxies looked through. The error wraps [ErrFull] or
	// [ErrDraining]; without one the caller gives the place back with Leave.
	Enter(address string) error
	// Leave gives back the place of a connection from an address.
	Leave(address string)
}

// Opener makes the session of a connection that has a place. It returns an error that wraps [ErrDraining] when the gateway
// goes, and a [Close] when a connection with a key is not to be: the client hears that with its connection's end.
type Opener func(t Transport, about About) (Session, error)

// About is what a transport knows of a new connection.
type About struct {
	ID        proto.ClientID // the client id to bear
	Transport string         // "plain" or "socketio", for metrics and the log
	Address   string         // the client's address, with trusted proxies looked through
	// Turn is which connection of its session it is; 0: the session has no key. One with a key has its place at the door until
	// the session ends, which may be long after the connection: whoever made the session gives the place back.
	Turn int64
	Keep int // seconds that the session outlives the connection
	// Token is who the client is and what it may; nil: the gateway asks for no tokens.
	Token *tokens.Token
}

// Why somebody is not let in.
var (
	ErrFull     = errors.New("too many connections")
	ErrDraining = errors.New("the gateway is going away")
)

// Close is why the gateway ends a connection.
type Close struct {
	Code   int // a WebSocket closing code
	Reason string
}

// The closes that a gateway makes. Their codes are those of PROTOCOL.md section 2.
var (
	GoingAway     = Close{1001, "the gateway is going away, connect to another"}
	TooSlow       = Close{1008, "too slow"}
	Overloaded    = Close{1013, "overloaded, try again later"}
	Internal      = Close{1011, "internal"}
	Resumed       = Close{proto.CloseResumed, proto.CloseResumedReason}
	TooOften      = Close{1013, "too many connections of this session, try again later"}
	TooManyOfUser = Close{1013, "too many connections of this user, end one first"}
	UsedUp        = Close{1013, "this connection's numbers of signals are used up, connect again"}
)

// Disconnected is the close of a connection that an operator ends, or whose token an operator has taken back.
var Disconnected = Close{proto.CloseDisconnected, proto.CloseDisconnectedReason}

// Unauthorized is the close of a connection whose token does not count, or no more.
func Unauthorized(why error) Close {
	return Close{proto.CloseUnauthorized, proto.ClipTo(why.Error(), maxReason)}
}

// maxReason is the most bytes that a closing frame has for its reason.
const maxReason = 123

// What a client closes its connection with.
const (
	ClientLeaves = 1000 // it leaves all its rooms
	ClientGoes   = 1001 // its page is closed or loaded anew
)

// Error says why a session ended.
func (c Close) Error() string { return c.Reason }
