package gateway

import (
	"maps"
	"slices"

	"github.com/parley-rtc/parley/bus"
	"github.com/parley-rtc/parley/gateway/internal/inside"
	"github.com/parley-rtc/parley/gateway/session"
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
			Up: g.up.Load, Conn: func() *bus.Conn { return g.conn },
		}
	}
}

// list returns who is connected.
func (c *clients) list() []*session.Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.sessions))
}

// count returns how many requests are under way.
func (t *gate) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.inside
}
