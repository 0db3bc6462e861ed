package gateway

import (
	"context"
	"time"

	"github.com/parley-rtc/parley/gateway/edge"
	"github.com/parley-rtc/parley/gateway/link"
)

// While NATS is away nobody can be told that clients leave, and replicas remove them by themselves. So a drain waits for NATS
// only as long as it takes to reconnect to another server, and then closes the sockets that are left soon.
const awayFor = time.Second

// drain lets nobody in any more, closes the sockets spread over half the drain time, and waits for their leaves, for the
// requests over HTTP that are under way, and for the clients' own closes.
func (g *Gateway) drain() {
	sessions := g.clients.end()
	g.front.door.Shut()
	g.front.engine.Drain()
	ctx, cancel := context.WithTimeout(context.Background(), g.cfg.Drain)
	defer cancel()
	away := make(chan struct{})
	g.spawn(func() { g.awaitAway(ctx, away) })
	if len(sessions) > 0 {
		g.log.Info("draining", "sessions", len(sessions), "within", g.cfg.Drain.String())
		// So that other gateways are not stormed. Without NATS, or after a defect, nobody is served here meanwhile.
		edge.Spread(ctx, len(sessions), g.cfg.Drain/2, away, func(i int) { sessions[i].Close(link.GoingAway) })
	}
	g.awaitSessions(ctx, away)
	g.front.gate.close(ctx) // polls are answered
	g.awaitCloses(ctx)
}

// awaitSessions waits until every session has left its rooms, or the time is up.
func (g *Gateway) awaitSessions(ctx context.Context, away <-chan struct{}) {
	done := make(chan struct{})
	g.dispatcher.post(command{empty: done})
	select {
	case <-done:
	case <-g.stopped:
	case <-away:
		if !g.conn.IsConnected() {
			g.log.Warn("NATS is away: replicas remove who is left")
		}
	case <-ctx.Done():
		g.log.Warn("the drain time is up: replicas remove who is left")
	}
}

// awaitAway closes away once NATS has not been reached for a while, or the dispatcher has ended: leaves are not answered any
// more. It returns then, or when ctx ends.
func (g *Gateway) awaitAway(ctx context.Context, away chan<- struct{}) {
	tick := time.NewTicker(awayFor / 20)
	defer tick.Stop()
	for last := time.Now(); time.Since(last) < awayFor; {
		if g.conn.IsConnected() {
			last = time.Now()
		}
		select {
		case <-tick.C:
		case <-g.stopped:
			last = time.Time{}
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
	for g.clients.isClosing() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
