package roomsvc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/parley-rtc/parley/bus"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/journal"
	"github.com/parley-rtc/parley/roomsvc/replicas"
)

// Errors of a service's.
var (
	ErrConfig   = errors.New("bad setting") // wrapped by what [New] returns for a setting that cannot be
	ErrNotReady = errors.New("not ready")   // wrapped by what [Service.Ready] returns, with the reason
	errStarting = fmt.Errorf("%w: the journal has not been followed to its end yet", ErrNotReady)
	errNoNATS   = fmt.Errorf("%w: nats is not connected", ErrNotReady)
	errLeaving  = fmt.Errorf("%w: the service is stopping", ErrNotReady)
)

// Service is one replica of the room service. It wires the parts and follows their state; what it decides about rooms, the
// workers do, and each part has a type of its own. What Run sets and what state the service is in are embedded, since most
// parts ask one of them.
type Service struct {
	// Set by New.
	cfg       Config
	log       *slog.Logger
	metrics   *metrics
	subjects  proto.Subjects
	id        proto.ReplicaID
	crew      crew
	passwords *passwords
	revoked   revocations
	intake    intake
	wire      *wire
	lists     lister
	troubles  troubles
	awake     bus.Bell              // something about a connection changed
	parted    *bus.Queue[departure] // processes that are gone; bounded by those that there are
	fatal     chan error            // why the service cannot go on

	links
	status
	storing
	versions sync.Map // of NATS servers that were warned of
}

// links are what Run sets before anything uses them.
type links struct {
	nc      *bus.Conn
	jc      *bus.Conn
	journal *journal.Journal
	touch   *journal.Lease // as seen over nc
	watch   *replicas.Watch
	done    <-chan struct{} // closed when the workers stop
}

// status is the state that the service is in, for whoever asks.
type status struct {
	inflight atomic.Int64 // requests that are not answered yet
	followed atomic.Bool  // the stream has been followed to its end, and nothing happened since
	serving  atomic.Bool  // requests are taken
	stopping atomic.Bool
	opened   atomic.Bool // what Run sets is set

	// untouched: the login for requests may not ask about the stream.
	untouched atomic.Bool
}

// storing is whether the journal stores what is appended: see [doubt]. Times are nanoseconds since born; 0: none.
type storing struct {
	born       time.Time
	stored     atomic.Int64 // when an append was stored last
	waited     atomic.Int64 // when an append was begun that has waited for long
	doubted    atomic.Int64 // since when nothing was stored
	distrusted atomic.Bool  // somebody knows that it does not
	failing    atomic.Bool  // the doubt has lasted
}

// New returns a replica with a fresh id. It connects to nothing before [Service.Run]. Without a log it logs nothing, without
// a registry its metrics are not to be seen. Several replicas in a process need a registry each, or one that
// [prometheus.WrapRegistererWith] gives a label of its own. An error wraps [ErrConfig].
func New(cfg Config, log *slog.Logger, reg prometheus.Registerer) (*Service, error) {
	cfg = cfg.withDefaults()
	subjects, err := proto.NewSubjects(cfg.Prefix)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Service{
		cfg:      cfg,
		subjects: subjects,
		id:       proto.NewReplicaID(),
		lists:    lister{waiting: make(chan listing, listQueue)},
		awake:    bus.NewBell(),
		parted:   bus.NewQueue[departure](),
		storing:  storing{born: time.Now().Add(-time.Nanosecond)},
		fatal:    make(chan error, 1),
	}
	if s.metrics, err = registered(reg, s.countReplicas, s.countGateways); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	s.log = log.With("replica", string(s.id))
	s.troubles.log = s.log
	s.intake.s = s
	s.wire = &wire{subjects: subjects, metrics: s.metrics}
	s.passwords = newPasswords(s)
	s.revoked.s, s.revoked.asked = s, make(chan *revoking, revokeQueue)
	s.crew = newCrew(s, min(max(runtime.GOMAXPROCS(0), 2), 16))
	return s, nil
}

// ID returns the replica's id, which is made anew each time that it starts.
func (s *Service) ID() proto.ReplicaID { return s.id }

// Ready returns nil once the replica has followed the stream to its end, takes requests, and the stream stores what is
// appended; else what of it is not so, wrapping [ErrNotReady]. It asks nobody anything and does not block.
func (s *Service) Ready() error {
	switch {
	case s.stopping.Load():
		return errLeaving
	case !s.serving.Load() || !s.followed.Load():
		return errStarting
	case !s.nc.IsConnected():
		return errNoNATS
	case s.failing.Load():
		return errUnsettled
	}
	return nil
}

// Run serves until ctx ends, and then leaves in good order: it beats that it leaves, answers what it has taken, and
// returns nil when everything that it started has stopped. It returns an error when the journal is not one that it may
// write to, or NATS refuses it for good. It must be called once.
func (s *Service) Run(ctx context.Context) error {
	if err := s.open(); err != nil {
		return err
	}
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	g, inner := errgroup.WithContext(inner)
	s.done = inner.Done()
	for _, r := range s.crew.runners {
		s.part(g, "worker", func() error { return r.run(inner) })
	}
	s.part(g, "passwords", func() error { return s.passwords.run(inner) })
	s.part(g, "revocations", func() error { return s.revoked.run(inner) })
	s.part(g, "watch", func() error { return s.watch.Run(inner) })
	s.part(g, "feed", func() error { return s.follow(inner) })
	s.part(g, "steering", func() error { return s.steer(inner) })
	s.part(g, "checks", func() error { return s.check(inner) })
	s.part(g, "lists", func() error { return s.lists.run(inner, s) })
	g.Go(func() error {
		select {
		case <-ctx.Done():
			s.leave(inner)
		case <-inner.Done():
		case err := <-s.fatal:
			if errors.Is(err, errDefect) {
				s.leave(inner)
			}
			return err
		}
		cancel()
		return nil
	})
	err := g.Wait()
	s.close()
	return err // it says what was done; whose it is, the caller knows
}

// open makes the connections and what hangs on them.
func (s *Service) open() error {
	nc, err := s.connect(requests, s.cfg.Servers, s.cfg.Options)
	if err != nil {
		return err
	}
	s.nc = nc
	if s.jc, err = s.connect(records, s.cfg.JournalServers, s.cfg.JournalOptions); err != nil {
		s.stopping.Store(true)
		nc.Close()
		return err
	}
	s.touch = journal.NewLease(nc, s.subjects)
	s.watch = replicas.New(replicas.Config{
		Conn: nc, Subjects: s.subjects, Self: s.id, Timings: s.cfg.timings.Timings, Gone: s.gone, InTouch: s.inTouch,
		Form: s.cfg.RecordForm, Revoked: s.revoked.seq.Load,
	})
	s.wire.nc, s.wire.fresh = nc, s.watch.Fresh
	s.journal, err = journal.New(s.jc, journal.Config{
		Subjects: s.subjects, Replicas: s.cfg.Replicas, Memory: s.cfg.Memory,
	})
	if err == nil {
		err = s.journal.Open()
	}
	if err == nil {
		err = s.touch.Open()
	}
	if err != nil {
		s.stopping.Store(true)
		s.close()
		return err
	}
	s.opened.Store(true)
	return nil
}

func (s *Service) close() {
	s.stopping.Store(true)
	if s.journal != nil {
		s.journal.Close()
	}
	s.nc.Close()
	s.jc.Close()
}

// countReplicas and countGateways may be called before Run.
func (s *Service) countReplicas() float64 {
	if !s.opened.Load() {
		return 0
	}
	return float64(len(s.watch.Replicas()))
}

func (s *Service) countGateways() float64 {
	if !s.opened.Load() {
		return 0
	}
	return float64(len(s.watch.Gateways()))
}

// fail ends the service with an error. The first one counts.
func (s *Service) fail(err error) {
	select {
	case s.fatal <- err:
	default:
	}
}
