package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/bus"
	"github.com/parley-rtc/parley/proto"
)

// natsFlush is how long the first subscriptions may take to arrive.
const natsFlush = 5 * time.Second

// deaf is how long no replica is heard before another NATS server is tried: this one may be cut off from the others, and the
// gateway counts as gone after 8 s. So the first three servers are tried within that.
func deaf() bus.Patience {
	return bus.Patience{
		First: 4 * time.Second, Again: 2 * time.Second, Tries: 2, Most: 5 * time.Minute, Never: 10 * time.Second,
	}
}

// listenEvery is how often it is looked whether a replica was heard.
const listenEvery = 250 * time.Millisecond

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
				g.hub.post(command{level: "reconnect"})
			}
		},
		Away:    func() { g.metrics.connected.Set(0) },
		Trouble: g.natsError,
		Closed:  g.shutOut,
	})
	if err != nil {
		return err //nolint:wrapcheck // it says what was done
	}
	g.conn = conn
	if err := g.subscribe(); err != nil {
		conn.Close()
		return fmt.Errorf("subscribe: %w", err)
	}
	return nil
}

func (g *Gateway) subscribe() error {
	_, err1 := g.conn.ChanSubscribe(g.subjects.GatewayAll(g.id), g.hub.messages)
	_, err2 := g.conn.Subscribe(g.subjects.BeatAll(proto.RoleRoomsvc), func(m *nats.Msg) {
		if b, err := proto.DecodeBeat(m.Data); err == nil {
			g.ranking.beat(b, time.Now())
		}
	})
	_, err3 := g.conn.Subscribe(g.subjects.Alive(string(g.id)), func(m *nats.Msg) { _ = m.Respond(nil) })
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	if g.conn.IsConnected() {
		return g.conn.FlushTimeout(natsFlush) //nolint:wrapcheck // the caller says what was done
	}
	return nil
}

// natsError hears what NATS says beside the way.
func (g *Gateway) natsError(_ *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrSlowConsumer) {
		g.metrics.overflows.WithLabelValues("nats").Inc()
		g.hub.post(command{level: "overflow"})
	}
	g.log.Warn("NATS", "error", err)
}

// shutOut hears that the connection is closed for good, which, unless the gateway closed it, means that its login is refused.
func (g *Gateway) shutOut(err error) {
	if err == nil {
		err = nats.ErrConnectionClosed
	}
	g.refused <- fmt.Errorf("the connection to NATS was closed: %w; check the server's address and the login", err)
}

// reached returns why NATS will not be reached any more, or nil when the context ends.
func (g *Gateway) reached(ctx context.Context) error {
	select {
	case err := <-g.refused:
		return err
	case <-ctx.Done():
		return nil
	}
}

// beat says each second that the gateway is here, and as its last word that it leaves.
func (g *Gateway) beat(ctx context.Context) error {
	subject := g.subjects.Beat(proto.RoleGateway, string(g.id))
	say := func(state proto.State) {
		b := proto.Beat{
			Role: proto.RoleGateway, ID: string(g.id), State: state,
			Load: &proto.Load{Sessions: g.door.count(), Rooms: g.hub.inRooms.Load()},
		}
		_ = g.conn.Publish(subject, b.Encode()) // while NATS is away nobody listens either
	}
	tick, listen := time.NewTicker(proto.BeatEvery), time.NewTicker(listenEvery)
	defer tick.Stop()
	defer listen.Stop()
	mover := bus.NewMover(deaf())
	say(proto.Up)
	for {
		select {
		case <-tick.C:
			say(proto.Up)
		case <-listen.C:
			if mover.Due(time.Now(), g.ranking.lastHeard(), g.conn.IsConnected()) && len(g.conn.Servers()) > 1 {
				g.log.Warn("no room service is heard over this NATS server, trying another")
				g.conn.Move()
			}
		case <-ctx.Done():
			say(proto.Leaving)
			_ = g.conn.FlushTimeout(time.Second) // for the last word to be sent; it may be that NATS is away
			return nil
		}
	}
}

// errNotReady is returned by Ready, wrapped, with the reason.
var errNotReady = errors.New("not ready")

// How Ready asks, and for how long an answer counts.
const (
	readyPatience = 2 * time.Second
	readyFor      = 5 * time.Second
)

// Ready returns nil when NATS is reached and a room request was answered within the last seconds. It blocks for up to two.
func (g *Gateway) Ready(ctx context.Context) error {
	switch {
	case g.door.isDraining():
		return fmt.Errorf("%w: draining", errNotReady)
	case !g.up.Load() || !g.conn.IsConnected():
		return fmt.Errorf("%w: NATS is not reached", errNotReady)
	case time.Now().UnixMilli()-g.answered.Load() < readyFor.Milliseconds():
		return nil
	}
	a := g.newOwnAsk(proto.OpList, "", readyPatience, proto.AppendRequest(nil, proto.OpList, &proto.Request{Limit: 1}))
	g.hub.post(command{own: a})
	if g.runOwn(a) != outcomeOK || ctx.Err() != nil {
		return fmt.Errorf("%w: the room service does not answer", errNotReady)
	}
	g.answered.Store(time.Now().UnixMilli())
	return nil
}
