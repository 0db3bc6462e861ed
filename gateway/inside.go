package gateway

import (
	"maps"
	"slices"
	"time"

	"github.com/parley-rtc/parley/bus"
	"github.com/parley-rtc/parley/gateway/internal/inside"
	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/proto"
)

// init lets the tests in gateway/tests look inside.
func init() {
	inside.Of = func(gateway any) inside.Gateway {
		g := gateway.(*Gateway)
		d := g.dispatcher
		return inside.Gateway{
			Timing: &g.timing, Decode: &d.decode, Encode: &d.acks.encode, Rooms: &g.metrics.rooms,
			Ranking: g.ranking, Door: g.front.door, Dispatcher: d, Messages: d.messages, Open: g.open,
			Sessions: g.clients.list, Requests: g.front.gate.count, Spawn: g.spawn, Fail: g.fail,
			Sight: func(id proto.ClientID, turn int64) error { return g.clients.sight(id, turn) },
			Up:    g.up.Load, Conn: func() *bus.Conn { return g.conn },
		}
	}
}

// list returns who is connected.
func (c *clients) list() []*session.Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.sessions))
}

// sight notes a connection of a session that there is not.
func (c *clients) sight(id proto.ClientID, turn int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sights.enter(id, turn, time.Now()) // it says what the client is told
}

// count returns how many requests are under way.
func (t *gate) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.inside
}
