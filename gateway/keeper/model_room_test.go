package keeper_test

import (
	"slices"

	"github.com/parley-rtc/parley/gateway/keeper"
	"github.com/parley-rtc/parley/proto"
)

// conn is a connection of one of the ends.
type conn struct {
	w     *world
	g     *node
	id    proto.ClientID
	turn  int64
	open  bool
	ended func() // what its client does about it
	last  int64  // when the last frame to the client arrives
}

// connect connects a client to some gateway.
func (w *world) connect(id proto.ClientID, turn int64, ended func()) *conn {
	c := &conn{w: w, g: w.anyGateway(), id: id, turn: turn, open: true, ended: ended}
	c.g.conns = append(c.g.conns, c)
	w.say("%s connects to %s, turn %d", id, c.g.id, turn)
	return c
}

// cut ends a connection.
func (c *conn) cut() {
	if !c.open {
		return
	}
	c.open = false
	c.w.say("%s's turn %d at %s ends", c.id, c.turn, c.g.id)
	c.g.conns = slices.DeleteFunc(c.g.conns, func(o *conn) bool { return o == c })
	if !c.g.dead {
		c.g.step(&keeper.In{Kind: keeper.Closed, ID: c.id, Turn: c.turn})
	}
	c.ended()
}

// write has something arrive at the client's end, in order, if the connection stands then.
func (c *conn) write(do func()) {
	c.last = max(c.last, c.w.now+c.w.between(1, 60))
	c.w.at(c.last, func() {
		if c.open {
			do()
		}
	})
}

// resume has the room service record that a client has come back, and answers its gateway; sometimes late.
func (w *world) resume(c *conn, fresh bool) {
	w.after(w.between(1, 40), func() {
		old := w.record[c.id]
		if old == nil || old.Turn >= c.turn || c.g.dead {
			return
		}
		stay := *old
		stay.Gateway, stay.Turn = c.g.id, c.turn
		if fresh {
			stay.Since = w.seq
			w.t.excused = max(w.t.excused, proto.Number(w.s.turn, w.s.num))
		}
		w.seq++
		seq := w.seq
		w.record[c.id] = &stay
		w.say("%s is in by turn %d at %s (seq %d)", c.id, c.turn, c.g.id, seq)
		w.publish(c.id, &stay, fresh)
		before, wait := old.Gateway, w.between(1, 40)
		if w.trouble(12) && (c.id == tid || !fresh && w.now > w.doubted+6000*ms) {
			if c.id == sid {
				w.doubted = w.now
			}
			w.Doubts++
			before, wait = c.g.id, w.between(500, 4000) // it is asked again, and nobody knows any more
			w.say("and the answer is late")
		}
		w.after(wait, func() {
			if !c.g.dead {
				c.g.resumed(c, &stay, before, seq, fresh)
			}
		})
	})
}

// publish tells all gateways where a member is, in order.
func (w *world) publish(id proto.ClientID, stay *proto.Stay, fresh bool) {
	for _, g := range w.gateways {
		g.told = max(g.told, w.now+w.between(1, 60))
		if w.trouble(10) {
			g.told += w.between(0, 250)
		}
		w.at(g.told, func() {
			if !g.dead {
				g.event(id, stay, fresh)
			}
		})
	}
}
