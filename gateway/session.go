package gateway

import (
	"cmp"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// session is one client. Three goroutines touch it: its transport's reader, its pump while there are requests, its
// writer while there is something to write; and the dispatcher, which alone decides which rooms it is in.
type session struct {
	// Set by open.
	g       *Gateway
	num     uint64
	client  rooms.Client // its ID is the client's; the rest is the dispatcher's
	about   link.About
	t       link.Transport
	started time.Time

	// Owned by the reader.
	limiter *rate.Limiter // made with the first request

	asking atomic.Pointer[ask.Ask] // set by the pump before it publishes, cleared by the dispatcher

	pump pump // see pump.go

	mu      sync.Mutex                     // guards the fields below; never held across I/O or an encode
	inbox   []request                      // waiting for their turn: at most maxInbox or maxInboxBytes, then the reader waits
	inboxed int                            // bytes of inbox
	pumping bool                           // a pump runs
	space   chan struct{}                  // made by a reader that waits; closed when there is space again
	out     []link.Out                     // waiting for the writer; see put for what fits
	queued  int                            // bytes of out and of what the writer has in hand
	writing bool                           // a writer runs
	lazy    bool                           // something was queued that the dispatcher has written a moment later
	closing bool                           // nothing more is queued
	why     error                          // the close that the gateway makes; nil when the connection ends otherwise
	over    bool                           // the connection has ended: nothing more is read or written
	rooms   map[proto.Room]proto.RequestID // those that the client is in, by which request; written by the dispatcher
}

// request is a client's request in its inbox, or one that the gateway makes in the client's order.
type request struct {
	frame   proto.Frame
	err     error // to be answered with, instead of carrying it out
	code    proto.Code
	size    int
	at      time.Time       // when it was read
	ghost   proto.RequestID // errLeave: a leave of the membership that this request made
	ghostIn proto.Room
}

// ID implements link.Session.
func (s *session) ID() proto.ClientID { return s.client.ID }

// Receive implements link.Session.
func (s *session) Receive(frame proto.Frame, err error, size int) bool {
	now := time.Now()
	r := request{frame: frame, err: err, code: proto.CodeBadRequest, size: size, at: now}
	if s.limiter == nil {
		s.limiter = rate.NewLimiter(rate.Limit(s.g.limits.Rate), s.g.limits.Burst)
	}
	if !s.limiter.AllowN(now, 1) {
		r.err, r.code = errRate, proto.CodeRateLimited
	}
	s.mu.Lock()
	for !s.over && len(s.inbox) > 0 && (len(s.inbox) >= maxInbox || s.inboxed+size > maxInboxBytes) {
		if s.space == nil {
			s.space = make(chan struct{})
		}
		space := s.space
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
		return request{}, false
	}
	r := s.inbox[0]
	s.inbox[0] = request{}
	s.inbox = s.inbox[1:]
	s.inboxed -= r.size
	if s.space != nil {
		close(s.space)
		s.space = nil
	}
	return r, true
}

// Send implements link.Session.
func (s *session) Send(out link.Out) { s.put(out) }

// flush starts the writer for what was queued without it.
func (s *session) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lazy = false
	s.startWriter()
}

// startWriter starts the writer if there is something to write and none runs. With mu held.
func (s *session) startWriter() {
	if !s.writing && len(s.out) > 0 && !s.over {
		s.writing = true
		s.g.spawn(s.write)
	}
}

// put queues a message that cannot be refused: an answer, or what happens in a room. Those are small. With twice MaxQueue
// waiting the session is closed: it has asked for more than it reads, or has heard nothing of its rooms for long.
func (s *session) put(out link.Out) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queue(out) {
		s.startWriter()
	}
}

// putLazily is put, but the message is written with the next one that is not lazy, or when flush is called. It reports
// whether somebody has to call that: whoever queued the first.
func (s *session) putLazily(out link.Out) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.queue(out) || s.writing || s.lazy {
		return false
	}
	s.lazy = true
	return true
}

// queue appends a message, or closes a session that has taken too little. With mu held.
func (s *session) queue(out link.Out) bool {
	switch {
	case s.closing:
		return false
	case !s.fits(out, 2*int64(s.g.limits.MaxQueue)):
		s.g.metrics.overflows.WithLabelValues("outgoing").Inc()
		s.close(link.TooSlow)
		return false
	}
	s.append(out)
	return true
}

// offered is what became of a signal that was offered to a session.
type offered int

const (
	taken offered = iota // it is queued
	full                 // MaxQueue bytes wait: perhaps later
	gone                 // the connection is about to end
)

// offer queues a signal where there is room. Who is given more than it can read at once is not slow: its peers are told
// that it has no room, and try again. Who reads nothing at all is found by its transport.
func (s *session) offer(out link.Out) offered {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing:
		return gone
	case !s.fits(out, int64(s.g.limits.MaxQueue)):
		s.g.metrics.overflows.WithLabelValues("signals").Inc()
		return full
	}
	s.append(out)
	s.startWriter()
	return taken
}

// fits reports whether no more than most bytes wait with a message. One for whom the writer has all in hand is owed
// nothing, so it is given any one message. With mu held.
func (s *session) fits(out link.Out, most int64) bool {
	return len(s.out) == 0 || int64(s.queued)+int64(out.Size()) <= most
}

// append appends a message. With mu held.
func (s *session) append(out link.Out) {
	s.queued += out.Size()
	s.out = append(s.out, out)
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
			s.mu.Unlock()
			return
		}
		clear(batch)
		batch = s.hand(batch[:0])
		s.mu.Unlock()
		if err := s.t.Write(batch); err != nil {
			s.fail(err)
			return
		}
	}
}

// inHand is how many bytes the writer takes at once, unless one message is larger: what it has written is room for more.
const inHand = 256 << 10

// hand takes what is to be written next out of the queue, into the batch that was written before. With mu held.
func (s *session) hand(batch []link.Out) []link.Out {
	if s.queued <= inHand {
		batch, s.out = s.out, batch
		return batch
	}
	n, size := 0, 0
	for n < len(s.out) && (n == 0 || size+s.out[n].Size() <= inHand) {
		size += s.out[n].Size()
		n++
	}
	batch = append(batch, s.out[:n]...)
	clear(s.out[:n])
	s.out = s.out[n:]
	return batch
}

// fail drops what is queued after a write that went wrong: the reader will see that the connection is over.
func (s *session) fail(err error) {
	why := link.Internal
	if errors.Is(err, os.ErrDeadlineExceeded) {
		why = link.TooSlow // it has taken nothing for long
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing = false
	s.out = nil
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
	if s.space != nil {
		close(s.space)
		s.space = nil
	}
	s.g.closed(s, cmp.Or(s.why, cause)) // the reader only sees that the connection is closed
	s.push(request{at: time.Now(), err: errEnded})
}

// setRoom notes by which request the client is a member of a room. Dispatcher only.
func (s *session) setRoom(room proto.Room, joined proto.RequestID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms == nil {
		s.rooms = make(map[proto.Room]proto.RequestID)
	}
	s.rooms[room] = joined
}

// dropRoom notes that the client is no member of a room any more. Dispatcher only.
func (s *session) dropRoom(room proto.Room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.rooms, room)
}

// forgetRooms notes that the client has asked for all its leaves. Dispatcher only.
func (s *session) forgetRooms() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rooms = nil
}

// queueLeave has the client's pump leave a room that it should not be in: what a request joined, or with none, whichever of
// its requests is in doubt there. Dispatcher only.
func (s *session) queueLeave(room proto.Room, joined proto.RequestID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.push(request{at: time.Now(), err: errLeave, ghost: joined, ghostIn: room})
}

// resolve ends the request under way. The pump may then send the next. Dispatcher only.
func (s *session) resolve(a *ask.Ask, outcome rooms.Outcome) {
	if a != nil {
		s.asking.CompareAndSwap(a, nil)
		a.Resolve(outcome)
	}
}
