package roomsvc

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/worker"
)

// follow brings what the journal has to the workers until ctx ends.
func (s *Service) follow(ctx context.Context) error {
	return s.journal.Follow(ctx, (*feed)(s), s.trouble)
}

// feed passes the stream on to the workers.
type feed Service

// Begin implements [journal.Handler]: memory for many rooms is made at once rather than bit by bit.
func (f *feed) Begin(records uint64) {
	s := (*Service)(f)
	const many = 10_000
	if records < many {
		return
	}
	share := int(records) / len(s.crew.runners) // rooms fit into memory
	s.crew.each(func(w *worker.Worker) { w.Begin(time.Now(), share) })
}

// Apply implements [journal.Handler].
func (f *feed) Apply(token proto.Token, seq uint64, record []byte, at time.Time) {
	if token == proto.RevokedToken {
		(*Service)(f).revoked.feed(seq, record)
		return
	}
	(*Service)(f).crew.of(token).post(mail{token: token, seq: seq, data: record, at: at})
}

// CaughtUp implements [journal.Handler]: the replica is ready when every worker has come to this point.
func (f *feed) CaughtUp() {
	s := (*Service)(f)
	left := new(atomic.Int64)
	left.Store(int64(len(s.crew.runners)))
	s.crew.each(func(w *worker.Worker) {
		w.CaughtUp(time.Now())
		if left.Add(-1) == 0 && s.jc.IsConnected() {
			s.followed.Store(true)
			s.awake.Ring()
		}
	})
}

// Reset implements [journal.Handler].
func (f *feed) Reset() {
	s := (*Service)(f)
	s.log.Warn("the journal's stream is another one than before; everything is read anew")
	s.followed.Store(false)
	s.crew.each(func(w *worker.Worker) { w.Reset(time.Now()) })
}
