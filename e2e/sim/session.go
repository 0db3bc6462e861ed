package sim

import (
	"maps"
	"time"

	"github.com/parley-rtc/parley/gateway/keeper"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// What a gateway does for a session beside what it does for any client.

// leaveIn is how long a leave at the end of keep may take.
const leaveIn = time.Second

// keeps reports whether a session outlives this connection, which has ended.
func (c *client) keeps() bool {
	return c.Turn > 0 && c.Keep > 0 && !c.goes && (len(c.in) > 0 || c.failed)
}

// keepFor is how long.
func (c *client) keepFor() time.Duration {
	if c.reload {
		return min(time.Duration(c.Keep), proto.ReloadKeep)
	}
	return time.Duration(c.Keep)
}

// beAway keeps the session until its time is up.
func (c *client) beAway() {
	c.w.note("%s is away", c)
	c.away, c.inThen = true, maps.Clone(c.in)
	c.g.knocksEnd(c)
	c.g.step(&rooms.In{Kind: rooms.Away, Client: &c.Client})
	c.g.keep(&keeper.In{Kind: keeper.Closed, ID: c.ID, Turn: c.Turn})
	c.keepAnew()
}

// keepAnew has the time begin for which a session is kept that is away.
func (c *client) keepAnew() {
	until := c.w.now + int64(c.keepFor())
	c.until = until
	c.w.at(until, func() {
		c.g.take(func() {
			if c.away && c.until == until && !c.leaving {
				c.push(item{end: true, late: true, at: c.w.now})
			}
		})
	})
}

// depart leaves every room at the end.
func (c *client) depart() {
	c.g.knocksEnd(c)
	c.g.step(&rooms.In{Kind: rooms.Ended, Client: &c.Client})
	if c.Turn > 0 && !c.away {
		c.g.keep(&keeper.In{Kind: keeper.Closed, ID: c.ID, Turn: c.Turn})
	}
	settled := c.leaveAll()
	if !c.stopped {
		clear(c.in)
		c.g.step(&rooms.In{Kind: rooms.Departed, Client: &c.Client, Settled: settled})
	}
}

// leaveAll leaves every room, and reports whether everything that was ever asked has its answer. What a session whose time is up
// cannot leave at once it leaves later.
func (c *client) leaveAll() (settled bool) {
	c.leaving = c.away
	if !c.away {
		return c.turns.Depart(c, maps.Clone(c.in), c.w.now+int64(proto.RequestTimeout))
	}
	for {
		c.failed = false
		settled = c.turns.Depart(c, maps.Clone(c.in), c.w.now+int64(proto.RequestTimeout))
		if !c.failed || c.stopped {
			return settled
		}
		c.busy = true
		c.w.after(proto.LeavePutOff, func() {
			c.g.take(func() {
				c.busy = false
				c.resume()
			})
		})
		if !c.yield(nil) {
			c.stopped = true
			return false
		}
	}
}

// soonIf returns when a request is unavailable: soon, where the session leaves that was kept.
func (c *client) soonIf(deadline int64) int64 {
	if c.leaving {
		return min(deadline, c.w.now+int64(leaveIn))
	}
	return deadline
}

// fill gives a request what a session's has beside others.
func (c *client) fill(a *ask) {
	switch a.Op {
	case proto.OpCreate, proto.OpEnter:
		a.req.Policy = c.frame.Policy
	case proto.OpResume:
		a.req.Seq, a.req.Fresh = a.Seq, a.Fresh
	default:
	}
	if enters(a.Op) && c.frame.More != nil {
		a.req.Meta, a.req.Proof = c.frame.More.Meta, c.frame.More.Proof
	}
	if a.Op != proto.OpLeave && a.Op != proto.OpClose && c.Turn > 0 {
		a.req.Keep = int(c.Keep / int64(time.Second))
	}
}

// number returns the number of a signal: the client's own, or the next.
func (c *client) number(f *proto.Frame) int64 {
	n := f.N
	if n == 0 {
		n = proto.Number(c.Turn, c.n)
	}
	c.w.signal(f.Data).n = n
	return n
}

// oust closes a connection whose session goes on with another. It must never be the last one.
func (c *client) oust() {
	if c.shut {
		return
	}
	c.w.note("%s is resumed elsewhere", c)
	if c.Turn == c.page.turn {
		c.w.fail("%s is closed with 4409, and there is no later turn", c)
	}
	c.close()
}
