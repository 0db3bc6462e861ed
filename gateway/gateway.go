// Package gateway holds clients' connections and translates what they ask into requests over NATS, and what NATS brings
// into what they are told. It knows sockets, and no rules about rooms: those are the room service's.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/parley-rtc/parley/bus"
	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/plain"
	"github.com/parley-rtc/parley/gateway/porch"
	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/gateway/socketio"
	"github.com/parley-rtc/parley/proto"
)

// Gateway is one gateway process's work. Make one with [New].
type Gateway struct {
	// Set by New.
	cfg        Config
	limits     Limits
	id         proto.GatewayID
	subjects   proto.Subjects
	proxies    []netip.Prefix
	origins    []pattern
	log        *slog.Logger
	timing     timing
	metrics    *metrics
	ranking    *ask.Ranking
	dispatcher *dispatcher
	acks       *acks
	plain      *plain.Server
	engine     *socketio.Server
	stopped    chan struct{} // closed when the dispatcher has ended

	conn      *bus.Conn    // set by Run before anything uses it, which up tells Ready
	asker     *ask.Asker   // likewise
	host      session.Host // likewise
	up        atomic.Bool
	refusedBy chan error      // holds one: why the connection to NATS was closed for good
	work      context.Context //nolint:containedctx // set by Run: ends with its work, for what others' messages start
	tasks     crew            // every goroutine that spawn started

	door     door
	told     told
	answered atomic.Int64 // when a request was last answered, in Unix milliseconds
	gaveUp   atomic.Int64 // and when one last was not
}

// ErrConfig is wrapped by what [New] returns for a setting that cannot be.
var ErrConfig = errors.New("bad setting")

// What is taken where a setting is 0. Balancers keep unused connections for 60 s mostly, and must be the ones that close
// them: a request that is sent as the server closes is lost.
const (
	defaultDrain = 10 * time.Second
	defaultIdle  = 90 * time.Second
)

// New returns a gateway. An error wraps [ErrConfig].
func New(cfg Config, log *slog.Logger, reg prometheus.Registerer) (*Gateway, error) {
	subjects, err := proto.NewSubjects(cfg.Prefix)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if cfg.Servers == "" {
		cfg.Servers = nats.DefaultURL
	}
	if cfg.Drain <= 0 {
		cfg.Drain = defaultDrain
	}
	if cfg.IdleTimeout <= 0 {
		cfg.IdleTimeout = defaultIdle
	}
	g := &Gateway{
		cfg: cfg, limits: cfg.Limits.withDefaults(), id: proto.NewGatewayID(), subjects: subjects,
		timing:  protocolTiming(),
		metrics: newMetrics(reg), ranking: ask.NewRanking(), stopped: make(chan struct{}),
		refusedBy: make(chan error, 1),
	}
	for _, p := range cfg.TrustedProxies {
		prefix, err := parseProxy(p)
		if err != nil {
			return nil, fmt.Errorf("%w: trusted proxy %q: an address or a network, such as 10.0.0.0/8, is needed", ErrConfig, p)
		}
		g.proxies = append(g.proxies, prefix)
	}
	for _, allowed := range cfg.AllowOrigins {
		p, err := parsePattern(allowed)
		if err != nil {
			return nil, fmt.Errorf("%w: allowed origin %q %w", ErrConfig, allowed, err)
		}
		g.origins = append(g.origins, p)
	}
	g.log = log.With("gateway", g.id)
	g.dispatcher = newDispatcher(g)
	g.acks = newAcks(g)
	g.door.perAddress = make(map[string]int)
	g.door.sessions = make(map[*session.Session]struct{})
	g.plain = plain.New(plain.Config{
		Open: g.open, AllowOrigin: g.admits(transportPlain), Forbidden: g.forbidden, Address: g.address,
		MaxFrame: g.limits.MaxFrame, Limits: g.limits.told(),
	})
	g.engine = g.newEngine()
	return g, nil
}

// ID returns the gateway's id.
func (g *Gateway) ID() proto.GatewayID { return g.id }

// spawn runs a goroutine that Run waits for.
func (g *Gateway) spawn(f func()) { g.tasks.run(f) }

// Run serves clients on the listener until the context ends, drains, and returns when everything that it started has
// stopped: within the drain time and a few seconds. It drains and returns an error when NATS refuses its login for good.
func (g *Gateway) Run(ctx context.Context, ln net.Listener) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx)) // outlives ctx by the drain
	defer stop()
	g.work = work
	if err := g.connect(); err != nil {
		return errors.Join(err, ln.Close())
	}
	defer g.conn.Close()
	g.up.Store(true)
	group, work := errgroup.WithContext(work)
	group.Go(func() error { defer close(g.stopped); return g.dispatcher.run(work) })
	group.Go(func() error { return g.acks.run(work) })
	group.Go(func() error { return g.beat(work) })
	group.Go(func() error { return g.reached(work) })
	group.Go(func() error { return g.plain.Run(work) })
	group.Go(func() error { return g.engine.Run(work) })
	server := g.server()
	standing := porch.New(ln, g.standing(porch.Places()))
	server.ConnState = standing.ConnState
	group.Go(func() error { return g.serve(server, standing) })
	g.log.Info("gateway started")

	select {
	case <-ctx.Done():
	case <-work.Done():
	}
	g.drain(server)
	stop()
	err := group.Wait() // readers have ended: from here on only tasks start tasks
	g.tasks.wait()
	if err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	g.log.Info("gateway stopped")
	return nil
}
