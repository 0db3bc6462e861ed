package gateway

import (
	"cmp"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

// session is one client. Three goroutines touch it: its transport's reader, its pump while there are requests, its
// writer while there is something to write; and the dispatcher, which alone decides which rooms it is in.
type session struct {
	// Set by open.
	g       *Gateway
	num     uint64
	id      proto.ClientID
	about   link.About
	t       link.Transport
	started time.Time

	// Owned by the reader.
	limiter *rate.Limiter // made with the first request

	asking atomic.Pointer[ask] // set by the pump before it publishes, cleared by the dispatcher

	pump pump // see pump.go

	mu      sync.Mutex                 // guards the fields below; never held across I/O or an encode
	inbox   []request                  // waiting for their turn: at most maxInbox or maxInboxBytes, then the reader waits
	inboxed int                        // bytes of inbox
	pumping bool                       // a pump runs
	space   chan struct{}              // made by a reader that waits; closed when there is space again, or less to do
	out     []link.Out                 // waiting for the writer: MaxQueue bytes with what that has in hand, or one message; else the session is closed
	queued  int                        // bytes of out and of what the writer has in hand
	writing bool                       // a writer runs
	closing bool                       // nothing more is queued
	why     error                      // the close that the gateway makes; nil when the connection ends otherwise
	over    bool                       // the connection has ended: nothing more is read or written
	ended   bool                       // so have the requests that were read before that: it leaves its rooms
	rooms   map[proto.Room]*membership // written by the dispatcher only, which may read it without mu

	// Owned by the dispatcher.
	goneAt time.Time             // when it ended with a question open
	parted map[proto.Room]parted // rooms left lately
}

// request is a client's request in its inbox, or one that the gateway makes in the client's order.
type request struct {
	frame   proto.Frame
	err     error // to be answered with, instead of carrying it out
	code    proto.Code
	size    int
	at      time.Time       // when it was read
	ghost   proto.RequestID // a leave of the gateway's own, of the membership that this request made
	ghostIn proto.Room
}

// ID implements link.Session.
func (s *session) ID() proto.ClientID { return s.id }

// Receive implements link.Session.
func (s *session) Receive(frame proto.Frame, err error, size int) bool {
	now := time.Now()
	r := request{frame: frame, err: err, code: proto.CodeBadRequest, size: size, at: now}
	if err != nil && errors.Is(err, proto.ErrTooLarge) {
		r.code = proto.CodeTooLarge
	}
	if s.limiter == nil {
		s.limiter = rate.NewLimiter(rate.Limit(s.g.limits.Rate), s.g.limits.Burst)
	}
	if !s.limiter.AllowN(now, 1) {
		r.err, r.code = errRate, proto.CodeRateLimited
	}
	s.mu.Lock()
	for !s.over && len(s.inbox) > 0 && (len(s.inbox) >= maxInbox || s.inboxed+size > maxInboxBytes) {
		space := s.awaited()
		s.mu.Unlock()
		<-space
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	s.push(r)
	return true
}

// push appends to the inbox and starts a pump where none runs. With mu held.
func (s *session) push(r request) {
	s.inbox = append(s.inbox, r)
	s.inboxed += r.size
	if !s.pumping {
		s.pumping = true
		s.g.spawn(s.runPump)
	}
}

// pop takes the next request, or ends the pump.
func (s *session) pop() (request, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.inbox) == 0 {
		s.inbox = nil // an idle session keeps no memory for requests
		s.pumping = false
		s.wakeReader()
		return request{}, false
	}
	r := s.inbox[0]
	s.inbox[0] = request{}
	s.inbox = s.inbox[1:]
	s.inboxed -= r.size
	s.wakeReader()
	return r, true
}

// Send implements link.Session.
func (s *session) Send(out link.Out) { s.put(out, true) }

// flush starts the writer for what was queued without it.
func (s *session) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.startWriter()
}

// startWriter starts the writer if there is something to write and none runs. With mu held.
func (s *session) startWriter() {
	if !s.writing && len(s.out) > 0 && !s.over {
		s.writing = true
		s.g.spawn(s.write)
	}
}

// put queues a message, and reports whether the connection was open and had room for it. It is written now, or with the
// next that is, or when somebody calls flush.
func (s *session) put(out link.Out, now bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	size := out.Size()
	if len(s.out) > 0 && s.queued+size > s.g.limits.MaxQueue { // nobody is slow for whom the writer has all in hand
		s.g.metrics.overflows.WithLabelValues("outgoing").Inc()
		s.close(link.TooSlow)
		return false
	}
	s.queued += size
	s.out = append(s.out, out)
	if now {
		s.startWriter()
	}
	return true
}

// tell queues an event of the session's own.
func (s *session) tell(e proto.Event, ref string) {
	s.Send(link.Out{Message: link.NewMessage(e), Ref: ref})
}

// write is the writer: it lives while there is something to write.
func (s *session) write() {
	var batch []link.Out
	for {
		s.mu.Lock()
		for i := range batch {
			s.queued -= batch[i].Size()
		}
		if len(s.out) == 0 || s.over {
			s.writing = false
			s.out = nil
			s.wakeReader()
			s.mu.Unlock()
			return
		}
		clear(batch)
		batch, s.out = s.out, batch[:0]
		s.mu.Unlock()
		if err := s.t.Write(batch); err != nil {
			s.fail(err)
			return
		}
	}
}

// fail drops what is queued after a write that went wrong: the reader will see that the connection is over.
func (s *session) fail(err error) {
	why := link.Internal
	if errors.Is(err, os.ErrDeadlineExceeded) {
		why = link.TooSlow // its queue has not overflowed, but it has taken nothing for long
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing = false
	s.out = nil
	s.wakeReader()
	s.close(why)
}

// close ends the connection from our side, once. With mu held.
func (s *session) close(why link.Close) {
	if s.closing {
		return
	}
	s.closing = true
	known := why != link.Internal // of a write that failed, the reader knows more
	if known {
		s.why = why
	}
	s.g.door.close(1)
	s.g.spawn(func() {
		defer s.g.door.close(-1)
		if known {
			s.End(why) // at once: a peer that does not answer takes its time, and the others need not wait for that
		}
		s.t.Close(why)
		s.End(why)
	})
}

// shut is close for those that do not hold mu.
func (s *session) shut(why link.Close) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close(why)
}

// End implements link.Session. The requests that were read are carried out still, in order: who says goodbye and closes
// has said it. Leaving its rooms is the last of them.
func (s *session) End(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.over, s.closing = true, true
	s.out = nil
	s.wakeReader()
	s.g.closed(s, cmp.Or(s.why, cause)) // the reader only sees that the connection is closed
	s.push(request{at: time.Now(), err: errEnded})
}

// membership returns the session's membership of a room, or nil.
func (s *session) membership(room proto.Room) *membership {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rooms[room]
}
