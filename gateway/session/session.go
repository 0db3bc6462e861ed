package session

import (
	"cmp"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/gateway/tokens"
	"github.com/parley-rtc/parley/proto"
)

// Session is one client. It implements [link.Session].
type Session struct {
	// Set by [Host.New].
	Num     uint64
	About   link.About
	Client  rooms.Client // its exported fields are the client's; the rest is the dispatcher's
	host    *Host
	started time.Time

	asking atomic.Pointer[ask.Ask] // set by the pump before it publishes, cleared by the dispatcher
	token  atomic.Pointer[tokens.Token]
	warned atomic.Bool  // it has been told that its token is about to expire
	owing  atomic.Bool  // something that a change of its token has brought with it was not answered
	Knocks atomic.Int64 // rooms at which the client knocks; the dispatcher's, the pump reads

	Pinged Pinged // owned by the dispatcher

	Out   Outbox
	Rooms Memberships
	in    inbox
	pump  pump

	mu        sync.Mutex     // guards the fields below
	transport link.Transport // nil once the connection has ended and the session is kept
	limiter   *rate.Limiter  // made with the first request
	closing   bool           // the gateway closes the connection, or it has ended
	over      bool           // the connection has ended: nothing more is read or written
	why       error          // the close that the gateway makes; nil when the connection ends otherwise
	keep      time.Duration  // how long the session outlives its connection; set by End
}

// Pinged is a ping with a count that has not been answered.
type Pinged struct {
	Count uint64
	At    time.Time // zero: there is none
}

// ID implements [link.Session].
func (s *Session) ID() proto.ClientID { return s.Client.ID }

// Began returns when the connection began to stand.
func (s *Session) Began() time.Time { return s.started }

// Age returns for how long the connection has stood.
func (s *Session) Age() time.Duration { return time.Since(s.started) }

// Receive implements [link.Session].
func (s *Session) Receive(frame proto.Frame, err error, size int) bool {
	now := time.Now()
	r := request{frame: frame, err: err, code: proto.CodeBadRequest, size: size, at: now}
	if errors.Is(err, proto.ErrTooLarge) {
		r.code = proto.CodeTooLarge
	}
	if !s.allow(now) {
		r.err, r.code = errRate, proto.CodeRateLimited
	}
	queued, first := s.in.receive(r)
	if first {
		s.host.Spawn(s.pump.run)
	}
	return queued
}

// allow reports whether the client may make a request now.
func (s *Session) allow(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limiter == nil {
		s.limiter = rate.NewLimiter(rate.Limit(s.host.Limits.Rate), s.host.Limits.Burst)
	}
	return s.limiter.AllowN(now, 1)
}

// push queues what the gateway makes in the client's order.
func (s *Session) push(r request) {
	if s.in.push(r) {
		s.host.Spawn(s.pump.run)
	}
}

// QueueLeave has the client's pump leave a room that the client should not be in: what a request joined, or with none,
// whichever of its requests is in doubt there.
func (s *Session) QueueLeave(room proto.Room, joined proto.RequestID) {
	s.push(request{at: time.Now(), err: errLeave, ghost: joined, ghostIn: room})
}

// Pong implements [link.Session].
func (s *Session) Pong(count uint64) { s.host.Dispatcher.Pong(s, count) }

// Send implements [link.Session].
func (s *Session) Send(out link.Out) { s.Out.Put(out) }

// Tell queues an event, with the ref of the request that it answers.
func (s *Session) Tell(e proto.Event, ref string) {
	s.Send(link.Out{Message: link.NewMessage(e), Ref: ref})
}

// Token returns who the client is and what it may; nil: the gateway asks for no tokens.
func (s *Session) Token() *tokens.Token { return s.token.Load() }

// Asking returns the request under way, or nil.
func (s *Session) Asking() *ask.Ask { return s.asking.Load() }

// Resolve ends the request under way. The pump may then send the next. Dispatcher only.
func (s *Session) Resolve(a *ask.Ask, outcome rooms.Outcome) {
	if a != nil {
		s.asking.CompareAndSwap(a, nil)
		a.Resolve(outcome)
	}
}

// Close ends the connection from the gateway's side, once. It does not wait for the peer: a goroutine does.
func (s *Session) Close(why link.Close) {
	known := why != link.Internal // of a write that failed, the reader knows more
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return
	}
	s.closing = true
	if known {
		s.why = why
	}
	transport := s.transport
	s.mu.Unlock()
	s.Out.shut()
	s.host.Door.Closing(1)
	s.host.Spawn(func() {
		defer s.host.Door.Closing(-1)
		if known {
			s.End(why) // at once: a peer that does not answer takes its time, and the others need not wait for that
		}
		transport.Close(why)
		s.End(why)
	})
}

// End implements [link.Session]. The requests that were read are carried out still, in order: who says goodbye and closes
// has said it. Leaving its rooms, or being kept, is the last of them.
func (s *Session) End(cause error) {
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return
	}
	s.over, s.closing = true, true
	why := cmp.Or(s.why, cause) // the reader only sees that the connection is closed
	s.keep = s.keepAfter(why)
	s.mu.Unlock()
	s.Out.end()
	s.in.end()
	s.host.Door.Left(s, why)
	s.push(request{at: time.Now(), err: errEnded})
}

// What ends a request before it reaches the room service.
var (
	errRate   = errors.New("too many requests: this one was not carried out, slow down")
	errLeave  = errors.New("a membership that should not be") // marks an item: it is to be left
	errEnded  = errors.New("the connection ended")            // marks the last item of an inbox
	errReview = errors.New("a new token")                     // marks an item: what it has brought with it is asked for again
	errOver   = errors.New("the session is over")             // the same of one that was kept
)

// Busy reports whether something that was received is not carried out yet, or something that was queued not written.
func (s *Session) Busy() bool { return s.in.busy() || s.Out.busy() }

// Waiting returns how many requests wait for their turn.
func (s *Session) Waiting() int { return s.in.length() }
