package sim

import (
	"errors"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/worker"
)

// How long a leader is believed, as roomsvc/journal has it.
const (
	lease     = 3500 * time.Millisecond
	probation = time.Second
)

var errAway = errors.New("the journal cannot be reached")

// store is the stream as a replica reaches it, over a connection of its own.
type store struct {
	r       *replica
	ids     uint64
	pending map[uint64]bool
	sent    int64 // when the last question arrives: they keep their order
	feedAt  int64 // when the last record of the feed arrives

	until  int64 // when the lease ends
	since  int64 // from when on the leader was in touch without a break
	leader int
}

// ask sends a question, which the leader gets a moment later, if there is one in reach.
func (s *store) ask(q worker.Question, do func(done func(worker.Result))) (uint64, error) {
	w := s.r.w
	if w.ill(w.Loss / 10) {
		s.r.hurt(time.Second)
		return 0, errAway
	}
	if s.pending == nil {
		s.pending = make(map[uint64]bool)
	}
	s.ids++
	id := s.ids
	s.pending[id] = true
	s.sent = max(s.sent, w.now+int64(w.span(0, 2*time.Millisecond)))
	if w.ill(w.Loss / 2) {
		s.r.hurt(2 * time.Second)
	} else {
		sent := s.sent
		w.at(sent, func() {
			if s.r.alive || s.r.died > sent {
				do(func(r worker.Result) { s.answer(q, id, r) })
			}
		})
	}
	return id, nil
}

// answer brings the answer to a question: lost, late, or twice.
func (s *store) answer(q worker.Question, id uint64, r worker.Result) {
	w := s.r.w
	if w.ill(w.Loss / 2) {
		s.r.hurt(2 * time.Second)
		return
	}
	late := w.span(0, 2*time.Millisecond)
	if w.ill(w.Loss) {
		s.r.hurt(time.Second)
		late = w.span(0, 400*time.Millisecond)
		if w.chance(20) && (r.Err != nil || r.State == nil && r.Seq != 0) { // an append's, which stays true
			late = w.span(0, 3*time.Second)
		}
	}
	times := 1
	if w.ill(w.Loss / 2) {
		times = 2
	}
	w.after(late, func() {
		if !s.pending[id] {
			return
		}
		delete(s.pending, id)
		for range times {
			s.r.soon(func() { s.r.worker.Answer(w.time(), q, id, r) })
		}
	})
}

// Append implements [worker.Store].
func (s *store) Append(q worker.Question, token proto.Token, record []byte, expect uint64, ttl time.Duration) (uint64, error) {
	return s.ask(q, func(done func(worker.Result)) { s.r.w.stream.append(s.r.node, token, record, expect, ttl, done) })
}

// Read implements [worker.Store].
func (s *store) Read(q worker.Question, token proto.Token) (uint64, error) {
	return s.ask(q, func(done func(worker.Result)) {
		if r, ok := s.r.w.stream.read(s.r.node, token); ok {
			s.r.w.note("%s reads %s at %d", s.r.name, token, r.Seq)
			done(r)
		}
	})
}

// Forget implements [worker.Store].
func (s *store) Forget(id uint64) { delete(s.pending, id) }

// Sure implements [worker.Store].
func (s *store) Sure() bool { return s.r.w.now < s.until && s.r.w.now-s.since >= int64(probation) }

// Followed implements [worker.Store].
func (s *store) Followed() bool { return s.r.ready }

// renew asks whether the leader is in touch with most of the copies.
func (s *store) renew() {
	w := s.r.w
	st := w.stream
	if st.stalled || st.stale != nil && st.stale.node == s.r.node || !w.net.reach(s.r.node, st.leader) {
		return
	}
	if w.now >= s.until || s.leader != st.leader {
		s.since = w.now
		if w.now == 0 {
			s.since = -int64(probation)
		}
	}
	s.leader, s.until = st.leader, w.now+int64(lease)
}
