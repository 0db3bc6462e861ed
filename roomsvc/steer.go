package roomsvc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-rtc/parley/bus"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/journal"
	"github.com/parley-rtc/parley/roomsvc/worker"
)

const steerEvery = 100 * time.Millisecond

// unheard is how long a connection over which no leader can be believed passes without a word about it.
const unheard = 2 * time.Second

// elsewhere is how long such a connection is kept before another NATS server is tried: this one may be cut off from those that
// have elected another leader. It is longer than most elections.
func elsewhere() bus.Patience {
	return bus.Patience{First: 12 * time.Second, Most: 5 * time.Minute}
}

var errUnheard = errors.New("the journal's leader is not known to be in touch with most of its copies: " +
	"an election, or NATS is parted; requests that need it wait")

// link is what the steering goroutine has seen of a connection.
type link struct {
	role  string
	nc    *bus.Conn
	lease *journal.Lease
	mover *bus.Mover
	up    bool
	line  uint64    // over which it was up last; 0: it never was
	lost  time.Time // when it was first seen away, or came back unseen

	looked time.Time // when it was looked at last
	held   time.Time // when the lease did last; zero: never
	fine   time.Time // when it last held, or its not holding said nothing
}

func newLink(role string, nc *bus.Conn, lease *journal.Lease) *link {
	return &link{role: role, nc: nc, lease: lease, mover: bus.NewMover(elsewhere())}
}

// renew keeps the lease, and tries another NATS server when that has not held for long.
func (l *link) renew(now time.Time, s *Service) {
	slept := now.Sub(l.looked) > time.Second // then what has come was not read yet
	l.looked = now
	l.lease.Renew()
	counts := l.up && l.lease.Answered()
	if l.lease.Holds(0) {
		l.held, l.fine = now, now
	} else if !counts || slept {
		l.fine = now
	}
	if l.mover.Due(now, l.held, counts) && len(l.nc.Servers()) > 1 {
		s.log.Warn("this NATS server has lost touch with the journal's leader, trying another", "connection", l.role)
		l.nc.Move()
	} else if now.Sub(l.fine) >= unheard {
		s.trouble(fmt.Errorf("%w (connection %s)", errUnheard, l.role))
	}
}

// look reports whether the connection has come back, or was away and came back unseen, since the last look.
func (l *link) look(now time.Time) (back bool) {
	line := l.nc.Line()
	up := line != 0
	back = up && (!l.up || line != l.line)
	if l.up && (!up || back) {
		l.lost = now
	}
	l.up = up
	if up {
		l.line = line
	}
	return back
}

// steer follows the state of both connections, says in beats whether this replica is ready, and has the workers do what
// is due, until ctx ends.
func (s *Service) steer(ctx context.Context) error {
	tick := time.NewTicker(steerEvery)
	defer tick.Stop()
	asked, journal := newLink(requests, s.nc, s.touch), newLink(records, s.jc, s.journal.Lease())
	var ready bool
	var doubt doubt
	var swept time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.awake:
		case <-s.parted.Bell():
			s.bury()
		case <-tick.C:
		}
		now := time.Now()
		s.lookAtRequests(asked, now)
		if first := journal.lost.IsZero(); journal.look(now) && (!first || journal.line > 1) {
			s.journal.Kick()
		}
		journal.renew(now, s)
		if !s.untouched.Load() {
			asked.renew(now, s)
		}
		if !journal.up && !journal.lost.IsZero() && now.Sub(journal.lost) >= s.cfg.timings.JournalAway {
			s.followed.Store(false)
		}
		failing := doubt.look(now, s)
		s.failing.Store(failing)
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
		if now := followed && s.serving.Load() && !failing; now != ready && !s.stopping.Load() {
			ready = now
			if ready {
				s.log.Info("ready")
				s.watch.Say(proto.Up)
			} else {
				why := "the journal is away"
				if followed {
					why = "the journal stores nothing"
				}
				s.log.Warn("not ready: " + why)
				s.watch.Say(proto.Leaving)
			}
		}
		if now.Sub(swept) >= s.cfg.timings.Sweep {
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
	since := lost.Add(-s.cfg.timings.Retell)
	s.crew.each(func(w *worker.Worker) { w.TellAgain(time.Now(), s.id, since) })
}

// sweep has each worker remove the members of gateways that are gone, and forget what need not be told again.
func (s *Service) sweep(now time.Time, remove bool) {
	before := now.Add(-3 * s.cfg.timings.Retell)
	s.crew.each(func(w *worker.Worker) {
		w.Forget(time.Now(), before)
		w.Sweep(time.Now(), remove)
	})
}

// departure is a process that is gone.
type departure struct {
	role      proto.Role
	id        string
	lastHeard time.Time
}

// gone hears of processes that are gone. It does not block, since whoever calls it beats and listens to beats: workers may
// have no room for more work.
func (s *Service) gone(role proto.Role, id string, lastHeard time.Time) {
	s.parted.Put(departure{role, id, lastHeard})
}

// bury has the workers do what follows from it when processes are gone.
func (s *Service) bury() {
	for _, d := range s.parted.Take(nil) {
		s.log.Info("a process is gone", "role", string(d.role), "process", d.id)
		if d.role != proto.RoleRoomsvc {
			if s.Ready() == nil {
				s.crew.each(func(w *worker.Worker) { w.Sweep(time.Now(), true) })
			}
			continue
		}
		since := d.lastHeard.Add(-s.cfg.timings.Retell)
		s.crew.each(func(w *worker.Worker) { w.TellAgain(time.Now(), proto.ReplicaID(d.id), since) })
	}
}
