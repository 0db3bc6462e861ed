package session

import (
	"log/slog"
	"time"

	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// Host is what all sessions of a gateway share. It does not change while there are sessions.
type Host struct {
	Gateway proto.GatewayID
	Limits  Limits
	Request time.Duration // from a frame's reading to unavailable
	Signal  time.Duration // the same for a signal
	Review  time.Duration // before it is asked again for what a new token has brought with it
	Began   time.Time     // of the clock that turns and the core go by
	Asker   *ask.Asker
	Fits    func(size int) bool // whether NATS takes a request
	Spawn   func(task func())   // runs a goroutine that the gateway's Run waits for
	// Renew checks a token that a client brings in the place of another; nil: the gateway asks for none.
	Renew      func(s *Session, text string) error
	Users      Users                       // nil: they are not limited
	Source     func(address string) string // what an address counts as; nil: the address
	Dispatcher Dispatcher
	Door       Door
	Metrics    Metrics
	Log        *slog.Logger
	ICE        func(name string) *proto.More // the STUN and TURN servers, with credentials for whoever is called so
}

// Users limit what the clients of one user may take.
type Users interface {
	// MayJoin reports whether a client's user may enter another room now.
	MayJoin(s *Session, now time.Time) bool
	// MayCreate takes a place for a room that a client is about to create, and reports whether there was one. Where there was, Created
	// is called once the request is over.
	MayCreate(s *Session) bool
	Created(s *Session)
}

// Limits bound what a client may take.
type Limits struct {
	MaxQueue int // bytes waiting for the client, beyond which signals to it are refused
	MaxRooms int
	Rate     int // requests a second
	Burst    int // requests at once
	MaxMeta  int // bytes of what a client says of itself
}

// Dispatcher hears what a session is about to do. Its methods do not block, and what is said before a request is sent, it
// hears before anything that the request brings.
type Dispatcher interface {
	Begin(s *Session, a *ask.Ask)      // a create, join or leave is about to be sent
	GiveUp(s *Session, a *ask.Ask)     // the time of a request is up
	Ended(s *Session)                  // the connection has ended, the session is about to leave its rooms
	Departed(s *Session, settled bool) // it has asked for all its leaves; settled: nothing that it ever asked is unanswered
	Renewed(s *Session)                // it has another token than before
	Away(s *Session)                   // the connection has ended, what was read is carried out, and the session is kept: see [Session.Depart]
	PutOff(s *Session)                 // a leave of a session whose time is up was not answered: [Session.Depart] is to be called again later
	Keep(s *Session, k *Kept)          // a signal to a resumable member is to be kept and pushed; its ask is resolved in any case
	Pong(s *Session, count uint64)     // its client's end has answered the ping with a count
}

// Door counts who is connected.
type Door interface {
	Left(s *Session, cause error) // the connection is over
	Closing(by int)               // so many more connections are being closed by the gateway
}

// Metrics count what sessions do.
type Metrics interface {
	Refused(name proto.Name, outcome string)                      // a request that the gateway answered itself
	Asked(op proto.Op, outcome rooms.Outcome, took time.Duration) // one that went to the room service
	Overflow(queue string)                                        // a bounded queue was full: outgoing or signals
}

// clock returns a time as turns and the core have it.
func (h *Host) clock(t time.Time) int64 { return int64(t.Sub(h.Began)) }

// Kept is a signal to a member whose session is resumable.
type Kept struct {
	Ask    *ask.Ask // the client's request: its Room, Num, Ref and Target
	Stay   *proto.Stay
	N      int64
	Signal []byte // signal-receive, as the target's socket receives it; nobody writes to it
}

// New returns the session of a connection. num is the gateway's number for it.
func (h *Host) New(num uint64, t link.Transport, about link.About) *Session {
	client := rooms.Client{ID: about.ID, Turn: about.Turn, Keep: int64(about.Keep) * int64(time.Second)}
	s := &Session{Num: num, About: about, Client: client, host: h, transport: t, started: time.Now()}
	s.Client.Peer = s
	s.token.Store(about.Token)
	s.Out.s, s.pump.s = s, s
	return s
}
