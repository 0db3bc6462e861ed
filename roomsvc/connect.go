package roomsvc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/roomsvc/journal"
)

// The roles of the two connections.
const (
	requests = "requests"
	records  = "journal"
)

// Between two attempts to reconnect to the same server, and the most that is added to it at random.
const (
	reconnectWait   = 100 * time.Millisecond
	reconnectJitter = 400 * time.Millisecond
)

// connect opens a connection as a service needs it: it tries for ever, with short waits; it buffers nothing while it is
// away, since a message that was given up must not arrive late; and it finds out within seconds that the other side is
// gone. It returns at once, connected or not.
func (s *Service) connect(role, servers string, options []nats.Option) (*nats.Conn, error) {
	wake := func(*nats.Conn) { s.wake() }
	all := append([]nats.Option{
		nats.Name("parley-roomsvc " + role + " " + string(s.id)),
		nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		nats.ReconnectBufSize(-1),
		nats.PingInterval(1500 * time.Millisecond),
		nats.MaxPingsOutstanding(2),
		nats.Timeout(2 * time.Second),
		nats.ConnectHandler(wake),
		nats.ReconnectHandler(func(*nats.Conn) {
			s.log.Info("NATS is back", "connection", role)
			s.wake()
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				s.log.Warn("NATS is away", "connection", role, "error", err)
			}
			s.wake()
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			s.trouble(fmt.Errorf("connect to nats (%s): %w", role, err))
		}),
		nats.ClosedHandler(func(nc *nats.Conn) { s.closed(role, nc.LastError()) }),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) { s.natsError(role, sub, err) }),
	}, options...)
	nc, err := nats.Connect(servers, all...)
	if err != nil {
		return nil, fmt.Errorf("connect to nats (%s): %w", role, err)
	}
	return nc, nil
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
