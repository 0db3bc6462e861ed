package gateway

import (
	"time"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/gateway/session"
)

// ping queues a ping with a count behind all that was queued for a client.
func (d *dispatcher) ping(s *session.Session, count uint64) {
	if s.Pinged.At.IsZero() { // else an earlier one waits
		s.Pinged = session.Pinged{Count: count, At: time.Now()}
	}
	s.Send(link.Out{Ping: count})
}

// ponged handles the answer of a client's end to such a ping, or to a later one.
func (d *dispatcher) ponged(s *session.Session, count uint64) {
	if at := s.Pinged.At; !at.IsZero() && count >= s.Pinged.Count {
		if time.Since(at) > lateConfirmation {
			d.g.metrics.late.Inc()
		}
		s.Pinged = session.Pinged{}
	}
	d.step(&rooms.In{Kind: rooms.Pong, Client: &s.Client, Num: count})
}
