package sim

import (
	"maps"
	"time"

	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// cable is the connection of a session between its gateway and its page. What the gateway queues arrives later at the page's end,
// which answers pings by itself, and is read there later still. Clients without a key have none: they hear at once.
type cable struct {
	dead    bool // packets vanish
	shut    bool // the gateway's end has ended
	reload  bool // the page has said so: 1001
	goes    bool // the page has said that it goes: 1000
	mute    bool // the page's end answers no pings
	arrives int64
	pinged  uint64 // the last ping
	ponged  int64
	unread  []packet
	frozen  int64                          // until when the page reads nothing
	ended   int64                          // when the gateway's end ended
	away    bool                           // the gateway keeps the session,
	inThen  map[proto.Room]proto.RequestID // which was in these rooms when that began
	until   int64                          // then
	leaving bool                           // its time is up
	failed  bool                           // a leave of the gateway's own was not answered
	frame   *proto.Frame
	resumed map[proto.Room]int64 // when resumed was queued
}

// packet is what a gateway queues.
type packet struct {
	event proto.Event
	ref   string
	ping  uint64 // it is one
}

// queue is a gateway's outgoing queue.
func (c *client) queue(x packet) {
	w := c.w
	switch {
	case c.page.keep == 0:
		c.hear(x.event, x.ref)
		return
	case c.shut:
		return
	}
	c.judgeLive(&x.event)
	late := w.span(0, 4*time.Millisecond)
	if w.chance(5) {
		late = w.span(0, 300*time.Millisecond)
	}
	c.arrives = max(c.arrives, w.now+int64(late))
	w.at(c.arrives, func() { c.arrive(x) })
}

// arrive is when the page's end has it.
func (c *client) arrive(x packet) {
	w := c.w
	switch {
	case c.dead:
	case x.ping > 0:
		c.pong(x.ping)
	case c.closed:
		c.neverRead(x)
	default:
		c.unread = append(c.unread, x)
		w.at(max(c.frozen, w.now+int64(w.span(0, time.Millisecond))), c.read)
	}
}

// pong answers a ping, as a browser does without its page. One that is stopped does so when it goes on: in the end.
func (c *client) pong(num uint64) {
	w := c.w
	c.pinged = num
	late := w.span(0, 20*time.Millisecond)
	if c.page.lazy && !w.calm {
		if w.chance(10) {
			c.mute = true
		}
		late = w.span(0, 3*time.Second)
	}
	if !c.mute || w.calm {
		c.pongAfter(late)
	}
}

// pongAfter answers the last ping after a time.
func (c *client) pongAfter(d time.Duration) {
	num := c.pinged
	c.ponged = max(c.ponged, c.w.now+int64(d))
	c.w.at(c.ponged, func() {
		if !c.dead && !c.shut {
			c.g.take(func() { c.g.step(&rooms.In{Kind: rooms.Pong, Client: &c.Client, Num: num}) })
		}
	})
}

// read has the page read what has arrived.
func (c *client) read() {
	for len(c.unread) > 0 && !c.closed && c.w.now >= c.frozen {
		x := c.unread[0]
		c.unread = c.unread[1:]
		c.hear(x.event, x.ref)
	}
}

// giveUp has the page read nothing more from a connection. With luck it has read what had arrived.
func (c *client) giveUp() {
	if c.closed {
		return
	}
	if !c.w.Unread || c.w.chance(50) {
		c.frozen = 0
		c.read()
	}
	c.closed = true
	for _, x := range c.unread {
		c.neverRead(x)
	}
	c.unread = nil
}

// neverRead notes what has arrived and is not read: from its sender signals may be missing.
func (c *client) neverRead(x packet) {
	if e := &x.event; e.Name == proto.SignalReceive {
		c.w.note("%s never reads %s", c, e.Data)
		v := c.page.view(e.Room)
		v.unread[e.SenderID] = max(v.unread[e.SenderID], e.N)
	}
}

// over has the gateway's end of a connection end after a time.
func (c *client) over(d time.Duration) {
	c.w.after(d, func() { c.g.take(c.close) })
}

// close ends the gateway's end. What the page has asked before comes first.
func (c *client) close() {
	if c.shut {
		return
	}
	c.w.note("%s is over", c)
	c.shut, c.ended, c.inThen = true, c.w.now, maps.Clone(c.in)
	c.push(item{end: true, at: c.w.now})
}
