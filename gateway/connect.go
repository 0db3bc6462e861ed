package gateway

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/bus"
	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/defect"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/proto"
)

// natsFlush is how long the first subscriptions may take to arrive.
const natsFlush = 5 * time.Second

// connect logs in to NATS and subscribes. It does not wait for NATS to be there; only what cannot get better is an error.
func (g *Gateway) connect() error {
	conn, err := bus.Connect(bus.Config{
		Servers: g.cfg.Servers,
		Name:    "parley-gateway " + string(g.id),
		Options: g.cfg.Options,
		Log:     g.log,
		Connected: func(_ string, again bool) {
			g.metrics.connected.Set(1)
			if again {
				g.dispatcher.post(command{compare: rooms.Reconnect})
			}
		},
		Away:    func() { g.metrics.connected.Set(0) },
		Trouble: g.natsError,
		Closed:  g.shutOut,
	})
	if err != nil {
		return err // it says what was done
	}
	g.conn = conn
	g.asker = ask.New(conn, ask.Config{
		Gateway: g.id, Subjects: g.subjects, Ranking: g.ranking, Rank: g.cfg.Rank, Stopped: g.stopped,
		Silence: g.timing.Attempt, BackoffMin: g.timing.BackoffMin, BackoffMax: g.timing.BackoffMax,
	})
	limits := g.cfg.Limits
	g.host = session.Host{
		Gateway: g.id, Request: g.timing.Request, Signal: g.timing.Signal, Review: g.timing.Review, Began: g.dispatcher.began, Asker: g.asker,
		Limits: session.Limits{
			MaxQueue: limits.MaxQueue, MaxRooms: limits.MaxRooms, Rate: limits.Rate, Burst: limits.Burst, MaxMeta: limits.MaxMeta,
		},
		Renew: g.trust.renewing(), Users: &g.trust.users, Source: g.front.door.Counted,
		Fits: g.fits, Spawn: g.spawn, Dispatcher: g.dispatcher, Door: exit{g}, Metrics: g.metrics, Log: g.log,
		ICE: func(name string) *proto.More { return g.cfg.ICE.For(name, time.Now()) },
	}
	if err := g.subscribe(); err != nil {
		conn.Close()
		return fmt.Errorf("subscribe: %w", err)
	}
	return nil
}

func (g *Gateway) subscribe() error {
	_, err1 := g.conn.ChanSubscribe(g.subjects.GatewayAll(g.id), g.dispatcher.messages)
	_, err2 := g.conn.Subscribe(g.subjects.BeatAll(proto.RoleRoomsvc), func(m *nats.Msg) {
		g.safely("a replica's beat", func() { g.heard(m) })
	})
	_, err3 := g.conn.Subscribe(g.subjects.Alive(string(g.id)), func(m *nats.Msg) {
		if g.subjects.ReplyAllowed(m.Reply) {
			_ = m.Respond(nil) // whoever asked asks again
		}
	})
	_, err4 := g.conn.Subscribe(g.subjects.Admin(proto.OpDisconnect), func(m *nats.Msg) {
		g.safely("an operator's disconnect", func() { g.trust.disconnect(m) })
	})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	if g.conn.IsConnected() {
		return g.conn.FlushTimeout(natsFlush) // the caller says what was done
	}
	return nil
}

// heard takes a replica's beat.
func (g *Gateway) heard(m *nats.Msg) {
	b, err := decoded(proto.DecodeBeat, m.Data)
	if err != nil {
		defect.Log(g.log, err)
		return
	}
	g.ranking.Beat(b, time.Now())
	if b.State == proto.Up {
		g.trust.heard(b.Revoked)
	}
}

// natsError hears what NATS says beside the way.
func (g *Gateway) natsError(_ *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrSlowConsumer) {
		g.metrics.overflows.WithLabelValues("nats").Inc()
		g.dispatcher.post(command{compare: rooms.Overflow})
	}
	g.log.Warn("NATS", "error", err)
}

// shutOut hears that the connection is closed for good, which, unless the gateway closed it, means that its login is refused.
func (g *Gateway) shutOut(err error) {
	if err == nil {
		err = nats.ErrConnectionClosed
	}
	g.fail(fmt.Errorf("the connection to NATS was closed: %w; check the server's address and the login", err))
}

// fits reports whether NATS takes a request: without --max-frame a client may send more. Every NATS takes a check's page.
func (g *Gateway) fits(size int) bool {
	const head = 256 // more than the request's headers
	return size+head <= proto.MaxCheckPage || int64(size+head) <= g.conn.MaxPayload()
}
