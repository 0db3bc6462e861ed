package roomsvc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/bus"
	"github.com/parley-rtc/parley/roomsvc/journal"
)

// The roles of the two connections.
const (
	requests = "requests"
	records  = "journal"
)

// connect opens a connection. It returns at once, connected or not.
func (s *Service) connect(role, servers string, options []nats.Option) (*bus.Conn, error) {
	conn, err := bus.Connect(bus.Config{
		Servers:   servers,
		Name:      "parley-roomsvc " + role + " " + string(s.id),
		Options:   options,
		Log:       s.log.With("connection", role),
		Connected: func(version string, _ bool) { s.greeted(version); s.awake.Ring() },
		Away:      s.awake.Ring,
		Trouble:   func(sub *nats.Subscription, err error) { s.natsError(role, sub, err) },
		Closed:    func(err error) { s.closed(role, err) },
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", role, err)
	}
	return conn, nil
}

// greeted hears the version of a NATS server that is reached, and warns, once for each, when the lease may not hold there.
func (s *Service) greeted(version string) {
	if journal.LookedAt(version) {
		return
	}
	if _, said := s.versions.LoadOrStore(version, nil); !said {
		s.log.Warn("nobody has looked at how soon a NATS server of this version elects a leader: should it be sooner than in the "+
			"versions that were looked at, two leaders may be believed at a time while NATS is parted",
			"version", version, "looked_at", journal.LookedAtVersions)
	}
}

// natsError hears of what goes wrong outside of any call. A subscription that overflows has lost messages: requests are
// asked again, beats come again, and what a gateway missed it finds out by rosters and checks.
func (s *Service) natsError(role string, sub *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrSlowConsumer) {
		s.metrics.overflow("subscription")
	}
	if subject := journal.LeaseSubject(s.subjects); role == requests && sub == nil &&
		errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), strconv.Quote(subject)) {
		s.untouched.Store(true)
		s.log.Warn("the login for requests may not publish to a subject by which a NATS server that is cut off is found out: "+
			"allow it and restart, or members may be removed by mistake while NATS is parted", "subject", subject)
		return
	}
	if sub != nil {
		err = fmt.Errorf("subscription %s: %w", sub.Subject, err)
	}
	s.trouble(fmt.Errorf("nats (%s): %w", role, err))
}

// closed hears that a connection is closed for good, which, unless the service closed it, means that it was refused.
func (s *Service) closed(role string, err error) {
	if s.stopping.Load() {
		return
	}
	if err == nil {
		err = nats.ErrConnectionClosed
	}
	s.fail(fmt.Errorf("the connection to nats (%s) was closed: %w; check the server's address and the login", role, err))
}
