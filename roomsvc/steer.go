package roomsvc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/journal"
	"github.com/parley-rtc/parley/roomsvc/worker"
)

const steerEvery = 100 * time.Millisecond

// elsewhere is how long a connection over which no leader can be believed is kept before another NATS server is tried: this
// one may be cut off from those that have elected another. It is longer than most elections. When it does not help, the next
// time comes after twice as long.
const (
	elsewhere    = 12 * time.Second
	elsewhereMax = 5 * time.Minute
	unheard      = 2 * time.Second // without a lease: said
)

var errUnheard = errors.New("the journal's leader is not known to be in touch with most of its copies: " +
	"an election, or NATS is parted; requests that need it wait")

// link is what the steering goroutine has seen of a connection.
type link struct {
	role       string
	nc         *nats.Conn
	lease      *journal.Lease
	up         bool
	reconnects uint64
	lost       time.Time // when it was first seen away, or came back unseen

	held     time.Time     // when the lease did last
	looked   time.Time     // when it was looked at last
	patience time.Duration // how long it may be without
}

// renew keeps the lease, and tries another NATS server when that has not held for long.
func (l *link) renew(now time.Time, s *Service) {
	slept := now.Sub(l.looked) > time.Second // then what has come was not read yet
	l.looked = now
	l.lease.Renew()
	switch {
	case l.lease.Holds(0):
		l.held, l.patience = now, elsewhere
	case !l.up, slept, !l.lease.Answered():
		l.held = now
	case now.Sub(l.held) >= l.patience && len(l.nc.Servers()) > 1:
		l.held, l.patience = now, min(2*l.patience, elsewhereMax)
		s.log.Warn("this NATS server has lost touch with the journal's leader, trying another", "connection", l.role)
		_ = l.nc.ForceReconnect() // it fails only when the connection is closed, or is being made again already
	case now.Sub(l.held) >= unheard:
		s.trouble(fmt.Errorf("%w (connection %s)", errUnheard, l.role))
	}
}

// look reports whether the connection has come back, or was away and came back unseen, since the last look.
func (l *link) look(now time.Time) (back bool) {
	up, reconnects := l.nc.IsConnected(), l.nc.Stats().Reconnects
	back = up && (!l.up || reconnects != l.reconnects)
	if l.up && (!up || back) {
		l.lost = now
	}
	l.up = up
	if up {
		l.reconnects = reconnects
	}
	return back
}

// steer follows the state of both connections, says in beats whether this replica is ready, and has the workers do what
// is due, until ctx ends.
func (s *Service) steer(ctx context.Context) error {
	tick := time.NewTicker(steerEvery)
	defer tick.Stop()
	asked := link{role: requests, nc: s.nc, lease: s.touch, held: time.Now(), patience: elsewhere}
	journal := link{role: records, nc: s.jc, lease: s.journal.Lease(), held: time.Now(), patience: elsewhere}
	var ready bool
	var swept time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.awake:
		case <-tick.C:
		}
		now := time.Now()
		s.lookAtRequests(&asked, now)
		if first := journal.lost.IsZero(); journal.look(now) && !(first && journal.reconnects == 0) {
			s.journal.Kick()
		}
		journal.renew(now, s)
		if !s.untouched.Load() {
			asked.renew(now, s)
		}
		if !journal.up && !journal.lost.IsZero() && now.Sub(journal.lost) >= s.cfg.Timings.JournalAway {
			s.followed.Store(false)
		}
		followed := s.followed.Load()
		if followed && !s.serving.Load() && asked.up {
			if s.intake.requests == nil {
				if err := s.intake.serve(); err != nil {
					return err
				}
			}
			if err := s.nc.FlushTimeout(time.Second); err != nil {
				s.trouble(fmt.Errorf("subscribe to requests: %w", err))
				continue
			}
			s.serving.Store(true)
		}
		if now := followed && s.serving.Load(); now != ready && !s.stopping.Load() {
			ready = now
			if ready {
				s.log.Info("ready")
				s.watch.Say(proto.Up)
			} else {
				s.log.Warn("not ready: the journal is away")
				s.watch.Say(proto.Leaving)
			}
		}
		if now.Sub(swept) >= s.cfg.Timings.Sweep {
			swept = now
			s.sweep(now, ready && asked.up)
		}
	}
}

// inTouch reports whether the NATS server over which beats are heard has lately been in touch with most of the journal's
// copies. Beats that are missing at one that was cut off say nothing about who lives. Where the login may not ask, nobody knows,
// and it counts as in touch.
func (s *Service) inTouch() bool {
	const lately = 800 * time.Millisecond // of 3.5 s at most, that the lease still has to hold: nobody counts as gone before
	return s.untouched.Load() || !s.touch.Answered() || s.touch.Holds(lately)
}

func (s *Service) lookAtRequests(l *link, now time.Time) {
	was, lost := l.up, l.lost
	back := l.look(now)
	if was && !l.up {
		s.watch.Disconnected()
	}
	if !back {
		return
	}
	s.watch.Connected()
	if was {
		lost = now
	}
	if lost.IsZero() {
		return // it is connected for the first time
	}
	since := lost.Add(-s.cfg.Timings.Retell)
	s.crew.each(func(w *worker.Worker) { w.TellAgain(time.Now(), s.id, since) })
}

// sweep has each worker remove the members of gateways that are gone, and forget what need not be told again.
func (s *Service) sweep(now time.Time, remove bool) {
	before := now.Add(-3 * s.cfg.Timings.Retell)
	s.crew.each(func(w *worker.Worker) {
		w.Forget(time.Now(), before)
		w.Sweep(time.Now(), remove)
	})
}

// gone hears of processes that are gone, and has the workers do what follows from it.
func (s *Service) gone(role proto.Role, id string, lastHeard time.Time) {
	s.log.Info("a process is gone", "role", string(role), "process", id)
	if role != proto.RoleRoomsvc {
		if s.Ready() == nil {
			s.crew.each(func(w *worker.Worker) { w.Sweep(time.Now(), true) })
		}
		return
	}
	since := lastHeard.Add(-s.cfg.Timings.Retell)
	s.crew.each(func(w *worker.Worker) { w.TellAgain(time.Now(), proto.ReplicaID(id), since) })
}
