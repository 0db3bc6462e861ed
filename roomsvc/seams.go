package roomsvc

import (
	"errors"
	"fmt"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/journal"
	"github.com/parley-rtc/parley/roomsvc/room"
	"github.com/parley-rtc/parley/roomsvc/worker"
)

// store is a worker's journal: answers come by its mailbox.
type store struct{ r *runner }

func (s *store) Append(q worker.Question, token proto.Token, record []byte, expect uint64, ttl time.Duration) (uint64, error) {
	id, err := s.r.s.journal.Append(token, record, expect, ttl, s.answer(q))
	if errors.Is(err, journal.ErrTooLarge) {
		err = worker.ErrTooLarge
	}
	return id, err
}

func (s *store) Read(q worker.Question, token proto.Token) (uint64, error) {
	return s.r.s.journal.Read(token, s.answer(q))
}

// answer posts what the leader answers to a question.
func (s *store) answer(q worker.Question) func(uint64, journal.Result) {
	return func(id uint64, result journal.Result) {
		if errors.Is(result.Err, journal.ErrConflict) {
			result.Err = worker.ErrConflict
		}
		s.r.post(mail{question: q, id: id, result: worker.Result(result)})
	}
}

func (s *store) Forget(id uint64) { s.r.s.journal.Forget(id) }
func (s *store) Sure() bool       { return s.r.s.journal.Sure() }
func (s *store) Followed() bool   { return s.r.s.followed.Load() }

// peers is what a worker asks about other processes. Run makes the watch behind it, after the workers were made.
type peers Service

func (p *peers) First(token proto.Token, form int) bool {
	return p.watch.First(token, form)
}
func (p *peers) Form() int                                      { return p.watch.Form() }
func (p *peers) Early() bool                                    { return p.watch.Early() }
func (p *peers) Gone(gateway proto.GatewayID) (time.Time, bool) { return p.watch.Gone(gateway) }
func (p *peers) Know(role proto.Role, id string)                { p.watch.Know(role, id) }
func (p *peers) InTouch() bool                                  { return (*Service)(p).inTouch() }

// meter counts and logs what a worker says.
type meter Service

func (m *meter) Count(what worker.Counter, n int) {
	if what == worker.Underway {
		m.inflight.Add(int64(n))
		return
	}
	m.metrics.count(what, n)
}

func (m *meter) Answered(op proto.Op, e *proto.Event, took time.Duration) {
	m.metrics.answered(op, e, took)
}

func (m *meter) Appended(now time.Time, took time.Duration) {
	(*Service)(m).hasStored(now)
	m.metrics.appending.Observe(took.Seconds())
}

func (m *meter) Waits(now, began time.Time) { (*Service)(m).waits(began, now) }

func (m *meter) Moderated(q *room.Request, rec *proto.Record) {
	who := "operator"
	if !q.Admin {
		who = string(q.ClientID)
	}
	attrs := []any{"what", string(q.Op), "room", string(q.Room), "by", who}
	for _, a := range []struct{ name, value string }{
		{"user", q.Sub}, {"target", string(q.TargetID)}, {"banned", q.Banned}, {"removed", string(rec.Change.ID)},
	} {
		if a.value != "" && (a.name != "removed" || rec.Change.Event == proto.ClientLeft) {
			attrs = append(attrs, a.name, a.value)
		}
	}
	if q.Seconds > 0 {
		attrs = append(attrs, "seconds", q.Seconds)
	}
	m.log.Info("moderation", attrs...)
}

func (m *meter) Trouble(token proto.Token, err error) {
	if errors.Is(err, proto.ErrRecord) {
		m.metrics.skipped.Inc()
		err = fmt.Errorf("room %s: %w", token, err)
	}
	(*Service)(m).trouble(err)
}

func (m *meter) Skipped(token proto.Token, seq uint64, err error) {
	m.metrics.skipped.Inc()
	m.log.Warn("a journal record was skipped", "token", string(token), "seq", seq, "error", err)
}
