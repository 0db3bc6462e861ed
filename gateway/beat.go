package gateway

import (
	"context"
	"time"

	"github.com/parley-rtc/parley/bus"
	"github.com/parley-rtc/parley/proto"
)

// deaf is how long no replica is heard before another NATS server is tried: this one may be cut off from the others, and the
// gateway counts as gone after 8 s. So the first three servers are tried within that.
func deaf() bus.Patience {
	return bus.Patience{
		First: 4 * time.Second, Again: 2 * time.Second, Tries: 2, Most: 5 * time.Minute, Never: 10 * time.Second,
	}
}

// listenEvery is how often it is looked whether a replica was heard.
const listenEvery = 250 * time.Millisecond

// beat says each second that the gateway is here, and as its last word that it leaves.
func (g *Gateway) beat(ctx context.Context) error {
	subject := g.subjects.Beat(proto.RoleGateway, string(g.id))
	say := func(state proto.State) {
		b := proto.Beat{
			Role: proto.RoleGateway, ID: string(g.id), State: state,
			Load: &proto.Load{Sessions: g.clients.count(), Rooms: g.dispatcher.inRooms.Load(), Away: g.dispatcher.isAway.Load()},
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
			if mover.Due(time.Now(), g.ranking.LastHeard(), g.conn.IsConnected()) && len(g.conn.Servers()) > 1 {
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
