package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/session"
)

// How HTTP is served. Who is silent for too long before the upgrade request has come is dropped.
const (
	headerPatience = 10 * time.Second
	maxHeader      = 16 << 10
)

// While NATS is away nobody can be told that clients leave, and replicas remove them by themselves. So a drain waits for NATS
// only as long as it takes to reconnect to another server, and then closes the sockets that are left soon.
const (
	awayFor = time.Second
	hurried = 500 * time.Millisecond
)

func (g *Gateway) server() *http.Server {
	mux := http.NewServeMux()
	mux.Handle("/ws", g.plain)
	mux.Handle("/socket.io/", g.engine)
	mux.Handle("/socket.io", g.engine) // clients with addTrailingSlash: false
	if g.cfg.Home != nil {
		mux.Handle("/", g.cfg.Home)
	}
	return &http.Server{
		Handler: g.timely(mux), ReadHeaderTimeout: headerPatience, IdleTimeout: g.cfg.IdleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelDebug), // what clients do wrong is no news
	}
}

// timely drops who announces a body and does not send it: net/http waits for bodies that a handler leaves unread, for
// ever. A handler that reads one may set a deadline of its own; an upgrade ends this one.
func (g *Gateway) timely(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(g.timing.body))
		}
		h.ServeHTTP(w, r)
	})
}

func (g *Gateway) serve(server *http.Server, ln net.Listener) error {
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err //nolint:wrapcheck // Run wraps it
	}
	return nil
}

// drain lets nobody in any more, closes the sockets spread over half the drain time, and waits for their leaves and then
// for the clients' own closes.
func (g *Gateway) drain(server *http.Server) {
	sessions := g.door.shut()
	g.engine.Drain()
	ctx, cancel := context.WithTimeout(context.Background(), g.cfg.Drain)
	defer cancel()
	defer server.Close() //nolint:errcheck // it is over either way
	closing := make(chan struct{})
	g.spawn(func() {
		defer close(closing)
		_ = server.Shutdown(ctx) // polls under way are answered; sockets are not its own any more
	})
	away := make(chan struct{})
	g.spawn(func() { g.awaitAway(ctx, away) })
	if len(sessions) > 0 {
		g.log.Info("draining", "sessions", len(sessions), "within", g.cfg.Drain.String())
		g.closeSpread(ctx, sessions, away)
	}
	g.awaitSessions(ctx, away)
	g.awaitCloses(ctx)
	<-closing
}

// closeSpread closes sessions one after the other, evenly over half the drain time, so that other gateways are not
// stormed, and faster once NATS is away. It goes by the clock: a machine that is busy with the leaves misses ticks.
func (g *Gateway) closeSpread(ctx context.Context, sessions []*session.Session, away <-chan struct{}) {
	const step = 10 * time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	began, over := time.Now(), max(g.cfg.Drain/2, step)
	for closed := 0; closed < len(sessions); {
		select {
		case <-away:
			sessions, closed, away = sessions[closed:], 0, nil
			began, over = time.Now(), min(over, hurried)
		default:
		}
		part := min(float64(time.Since(began)+step)/float64(over), 1)
		for due := int(part * float64(len(sessions))); closed < due; closed++ {
			sessions[closed].Close(link.GoingAway)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// awaitSessions waits until every session has left its rooms, or the time is up.
func (g *Gateway) awaitSessions(ctx context.Context, away <-chan struct{}) {
	done := make(chan struct{})
	g.dispatcher.post(command{empty: done})
	select {
	case <-done:
	case <-g.stopped:
	case <-away:
		g.log.Warn("NATS is away: replicas remove who is left")
	case <-ctx.Done():
		g.log.Warn("the drain time is up: replicas remove who is left")
	}
}

// awaitAway closes away once NATS has not been reached for a while, and returns then or when ctx ends.
func (g *Gateway) awaitAway(ctx context.Context, away chan<- struct{}) {
	tick := time.NewTicker(awayFor / 20)
	defer tick.Stop()
	for last := time.Now(); time.Since(last) < awayFor; {
		if g.conn.IsConnected() {
			last = time.Now()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
	close(away)
}

// awaitCloses waits until every client has answered its close, or the time is up: one that never does is dropped then.
func (g *Gateway) awaitCloses(ctx context.Context) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for g.door.isClosing() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
