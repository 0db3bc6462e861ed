package gateway

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// How the connection to NATS is kept: found broken within 4.5 s, and so mended before the gateway counts as gone after 8 s of
// silence, also where packets vanish; never given up. There is no buffer for reconnecting: a request that could not be sent
// fails at once and is asked again, rather than arriving late.
const (
	natsPing    = 1500 * time.Millisecond
	natsPings   = 2
	natsWaitMin = 100 * time.Millisecond
	natsWaitMax = 500 * time.Millisecond
	natsFlush   = 5 * time.Second
	remindEvery = time.Minute // that NATS is still away

	// deafFor is how long no replica is heard before another NATS server is tried: this one may be cut off from the others,
	// and the gateway counts as gone after 8 s. The next one may be cut off too, or be the same by another address: two more are
	// tried soon. When that does not help, each time comes after twice as long.
	deafFor     = 4 * time.Second
	deafAgain   = 2 * time.Second
	deafAtFirst = 10 * time.Second // while none was ever heard: perhaps none has been started yet
	deafForMax  = 5 * time.Minute
	deafRetries = 2
)

// connect logs in to NATS and subscribes. It does not wait for NATS to be there; only what cannot get better is an error.
func (g *Gateway) connect() error {
	options := append([]nats.Option{
		nats.Name("parley-gateway " + string(g.id)),
		nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(true),
		nats.CustomReconnectDelay(func(int) time.Duration {
			return natsWaitMin + rand.N(natsWaitMax-natsWaitMin) //nolint:gosec // jitter
		}),
		nats.ReconnectBufSize(-1),
		nats.PingInterval(natsPing),
		nats.MaxPingsOutstanding(natsPings),
		nats.ConnectHandler(func(*nats.Conn) { g.metrics.connected.Set(1) }),
		nats.ReconnectHandler(func(*nats.Conn) {
			g.metrics.connected.Set(1)
			g.log.Info("NATS is back")
			g.dispatcher.post(command{compare: "reconnect"})
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			g.metrics.connected.Set(0)
			if err != nil {
				g.log.Warn("NATS is away", "error", err)
			}
		}),
		nats.ReconnectErrHandler(g.unreached()),
		nats.ErrorHandler(g.natsError),
	}, g.cfg.Options...)
	conn, err := nats.Connect(g.cfg.Servers, options...)
	if err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	g.conn = conn
	g.asker = ask.New(conn, ask.Config{
		Gateway: g.id, Subjects: g.subjects, Ranking: g.ranking, Random: g.cfg.RandomReplica, Stopped: g.stopped,
		Silence: g.timing.attempt, BackoffMin: g.timing.backoffMin, BackoffMax: g.timing.backoffMax,
	})
	if conn.IsConnected() {
		g.metrics.connected.Set(1)
	}
	if err := g.subscribe(); err != nil {
		conn.Close()
		return fmt.Errorf("subscribe: %w", err)
	}
	return nil
}

// unreached returns what hears of each attempt that failed, at the start and later. It says so once a minute.
func (g *Gateway) unreached() nats.ConnErrHandler {
	var said time.Time // nats.go calls one handler at a time
	return func(conn *nats.Conn, err error) {
		if now := time.Now(); said.IsZero() || now.Sub(said) >= remindEvery {
			said = now
			g.log.Warn("NATS cannot be reached, trying again", "servers", conn.Servers(), "error", err) // without passwords
		}
	}
}

func (g *Gateway) subscribe() error {
	_, err1 := g.conn.ChanSubscribe(g.subjects.GatewayAll(g.id), g.dispatcher.messages)
	_, err2 := g.conn.Subscribe(g.subjects.BeatAll(proto.RoleRoomsvc), func(m *nats.Msg) {
		if b, err := proto.DecodeBeat(m.Data); err == nil {
			g.ranking.Beat(b, time.Now())
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
func (g *Gateway) natsError(_ *nats.Conn, _ *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrSlowConsumer) {
		g.metrics.overflows.WithLabelValues("nats").Inc()
		g.dispatcher.post(command{compare: "overflow"})
	}
	g.log.Warn("NATS", "error", err)
}

// beat says each second that the gateway is here, and as its last word that it leaves.
func (g *Gateway) beat(ctx context.Context) error {
	subject := g.subjects.Beat(proto.RoleGateway, string(g.id))
	say := func(state proto.State) {
		b := proto.Beat{
			Role: proto.RoleGateway, ID: string(g.id), State: state,
			Load: &proto.Load{Sessions: g.door.count(), Rooms: g.dispatcher.inRooms.Load()},
		}
		_ = g.conn.Publish(subject, b.Encode()) // while NATS is away nobody listens either
	}
	tick := time.NewTicker(proto.BeatEvery)
	defer tick.Stop()
	var ears ears
	for {
		say(proto.Up)
		if ears.deaf(time.Now(), g.ranking.LastHeard(), g.conn.IsConnected()) && len(g.conn.Servers()) > 1 {
			g.log.Warn("no room service is heard over this NATS server, trying another")
			_ = g.conn.ForceReconnect() // it fails only when the connection is closed, or is being made again already
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			say(proto.Leaving)
			_ = g.conn.FlushTimeout(time.Second) // for the last word to be sent; it may be that NATS is away
			return nil
		}
	}
}

// ears notice that nothing is heard.
type ears struct {
	since time.Time // when listening to this server began
	asked time.Time // when deaf was last
	tried int       // so many other servers, since a replica was heard
}

// deaf reports whether it is time to try another server. heard is when a replica was heard last; zero: none ever was.
func (e *ears) deaf(now, heard time.Time, connected bool) bool {
	slept := now.Sub(e.asked) > 2*proto.BeatEvery // then what has come was not read yet
	e.asked = now
	if heard.After(e.since) {
		e.since, e.tried = heard, 0
	}
	if !connected || slept {
		e.since = now
	}
	patience := deafFor
	switch {
	case e.tried > deafRetries:
		patience = min(deafFor<<min(e.tried-deafRetries, 10), deafForMax)
	case heard.IsZero():
		patience = deafAtFirst
	case e.tried > 0:
		patience = deafAgain
	}
	if now.Sub(e.since) < patience {
		return false
	}
	e.since = now
	e.tried++
	return true
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
	a := g.newOwn(proto.OpList, "", readyPatience, proto.AppendRequest(nil, proto.OpList, &proto.Request{Limit: 1}))
	g.dispatcher.post(command{own: a})
	if g.runOwn(a) != rooms.OK || ctx.Err() != nil {
		return fmt.Errorf("%w: the room service does not answer", errNotReady)
	}
	g.answered.Store(time.Now().UnixMilli())
	return nil
}
