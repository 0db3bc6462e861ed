package gateway

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/parley-rtc/parley/bus"
	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/defect"
	"github.com/parley-rtc/parley/gateway/session"
)

// running is what a gateway has while it runs.
type running struct {
	// Set by Run before it opens the gate, and before up.
	conn  *bus.Conn
	asker *ask.Asker
	host  session.Host
	work  context.Context //nolint:containedctx // ends with Run's work, for what others' messages start
	up    atomic.Bool

	tasks   crew          // every goroutine that spawn started
	stopped chan struct{} // closed when the dispatcher has ended
	fatal   chan error    // why the gateway cannot go on: the first reason counts
}

func newRunning() running {
	return running{stopped: make(chan struct{}), fatal: make(chan error, 1)}
}

// fail ends the gateway in good order, with an error.
func (r *running) fail(err error) {
	select {
	case r.fatal <- err:
	default:
	}
}

// spawn runs a goroutine that Run waits for. A defect in it ends the gateway.
func (g *Gateway) spawn(f func()) { g.tasks.run(func() { g.safely("a task", f) }) }

// safely runs a part of the gateway's work. A defect in it ends the gateway.
func (g *Gateway) safely(where string, f func()) {
	if err := defect.Guard(where, f); err != nil {
		defect.Log(g.log, err)
		g.fail(err)
	}
}

// Run serves the clients that come to [Gateway.Handler] until the context ends, drains, and returns when everything that it
// started has stopped: within the drain time and a few seconds. It returns an error when NATS refuses its login for good, or
// when it came upon a defect that may have left something half changed; it drains then too. It must be called once.
func (g *Gateway) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx)) // outlives ctx by the drain
	defer stop()
	g.work = work
	if err := g.connect(); err != nil {
		return err
	}
	defer g.conn.Close()
	var parts sync.WaitGroup
	begin := func(name string, run func(context.Context) error) {
		parts.Go(func() {
			var err error
			g.safely(name, func() { err = run(work) })
			if err != nil {
				g.fail(err)
			}
		})
	}
	begin("the dispatcher", func(ctx context.Context) error { defer close(g.stopped); return g.dispatcher.run(ctx) })
	begin("acknowledgements", g.dispatcher.acks.run)
	begin("the beat", g.beat)
	begin("tokens", g.trust.run)
	begin("plain sockets", g.front.plain.Run)
	begin("Socket.IO", g.front.engine.Run)
	g.up.Store(true)
	g.front.gate.open()
	g.log.Info("gateway started")

	var failed error
	select {
	case <-ctx.Done():
	case failed = <-g.fatal:
		g.log.Error("the gateway cannot go on: it closes its connections and ends", "error", failed)
	}
	g.drain()
	stop()
	parts.Wait() // readers have ended: from here on only tasks start tasks
	g.tasks.wait()
	if failed == nil {
		select {
		case failed = <-g.fatal: // during the drain
		default:
		}
	}
	if failed != nil {
		return fmt.Errorf("gateway: %w", failed)
	}
	g.log.Info("gateway stopped")
	return nil
}
