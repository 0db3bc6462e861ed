package sim

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// page is who uses a connection, and what is known there. That of a client without a key has one connection. That of a session
// outlives its connections: it comes back with the next turn. It reads from its last connection alone.
type page struct {
	w     *world
	id    proto.ClientID
	conn  *client // the last
	views map[proto.Room]*view
	sub   string       // whose it is, by its token; empty: it has none
	can   proto.Grants // in any room, by its token

	// Of a session.
	turn    int64 // 0: it has no key
	keep    int   // seconds
	numbers bool  // it numbers its signals itself, and sends those again that were not answered
	count   int64 // of the signals of this turn
	lazy    bool  // it answers pings late, or never
	gone    bool  // it does not come back
	plans   int   // to come back: the last one counts
	reborn  int   // the last signal, by its number among all, before it was loaded anew
}

// newPage returns a page. One with a key has no connection yet.
func (w *world) newPage(key bool) *page {
	w.made++
	p := &page{
		w: w, id: proto.ClientID("client-" + strconv.Itoa(1_000_000_000_000_000+w.made)),
		views: make(map[proto.Room]*view),
	}
	p.getToken()
	if key {
		const least, most = 3, 6
		p.keep = least + w.rnd.IntN(most-least)
		p.numbers, p.lazy = w.chance(50), w.Wrong && w.chance(25)
		w.sessions = append(w.sessions, p)
	}
	w.pages[p.id] = p
	return p
}

// dial has somebody new connect to a gateway.
func (w *world) dial(g *gateway) {
	p := w.newPage(w.chance(w.Sessions))
	if p.keep > 0 {
		p.nextTurn(g)
	} else {
		p.connect(g)
	}
}

// nextTurn connects a session anew. It reads nothing more from the connection before.
func (p *page) nextTurn(g *gateway) {
	if p.conn != nil {
		p.conn.giveUp()
		for _, room := range roomNames {
			v := p.view(room)
			switch {
			case v.in:
				v.old, v.in, v.live = true, false, false
			case !v.old && p.conn.mayBeIn(room): // it knows nothing of the room yet
				unread := v.unread
				v.forget(p.w.now)
				v.old, v.live, v.seq, v.unread = true, false, 0, unread
			}
		}
	}
	p.plans++
	p.turn++
	p.count = 0
	c := p.connect(g)
	for _, room := range roomNames {
		if p.view(room).old && p.w.chance(85) {
			p.w.after(p.w.span(0, 30*time.Millisecond), func() {
				if p.conn == c && !c.closed {
					p.resume(room)
				}
			})
		}
	}
}

// mayBeIn reports whether a request that was not answered, or not in time, may have made a client a member of a room.
func (c *client) mayBeIn(room proto.Room) bool {
	for i, q := range slices.Backward(c.asked) {
		if q.Room == room && q.moves() && q.Name != proto.RoomLeave && (i >= c.answered || q.unavailable) {
			return true
		}
	}
	return false
}

// comeBack has a session come back after a time, if it has not done so before, and its keep is not over for long.
func (p *page) comeBack(d time.Duration) {
	w := p.w
	p.plans++
	plan := p.plans
	w.after(d, func() {
		open := w.open()
		switch {
		case p.gone || p.plans != plan:
		case len(open) == 0:
			p.comeBack(500 * time.Millisecond)
		default:
			p.nextTurn(pick(w, open))
		}
	})
}

// resume asks to resume a room, unless something is asked of it: what a join makes, this turn has no need to resume.
func (p *page) resume(room proto.Room) {
	v := p.view(room)
	if !v.old || !p.conn.idle(room) {
		return
	}
	f := proto.Frame{Name: proto.Resume, Room: room, Fresh: v.fresh}
	if !v.fresh {
		f.Seq, f.Heard = v.seq, maps.Clone(v.heard)
	}
	p.conn.request(f)
}

// reload is what is left of a page that was loaded anew.
func (p *page) reload() {
	p.reborn = len(p.w.signals)
	for _, v := range p.views {
		v.fresh = v.in || v.old
		v.heard, v.unread = make(map[proto.ClientID]int64), make(map[proto.ClientID]int64)
	}
}

// part ends a connection, in one of many ways, and has a session come back: at once, late, too late or never.
func (w *world) part(c *client) {
	p := c.page
	if p.keep == 0 {
		c.end()
		return
	}
	again := w.span(0, 200*time.Millisecond)
	switch q := w.rnd.IntN(100); {
	case q < 10:
		again = w.span(0, time.Duration(p.keep)*time.Second*3/2)
	case q < 40:
		again = w.span(0, time.Duration(p.keep)*time.Second/2)
	}
	switch q := w.rnd.IntN(100); {
	case q < 30: // both ends notice
		w.note("%s is reset", c)
		c.giveUp()
		c.over(w.span(0, 100*time.Millisecond))
	case q < 50: // packets vanish; each end notices when it does
		w.note("%s vanishes", c)
		c.dead = true
		c.over(w.span(100*time.Millisecond, 10*time.Second))
		again += w.span(0, 2*time.Second)
	case q < 60: // the gateway ends it
		w.note("%s is ended", c)
		c.over(0)
		again += w.span(0, 50*time.Millisecond)
	case q < 78: // the page gives it up; its end may stand for long
		w.note("%s is given up", c)
		c.giveUp()
		c.over(w.span(0, 15*time.Second))
	case q < 90: // the page is loaded anew
		w.note("%s is loaded anew", c)
		c.reload = true
		c.giveUp()
		p.reload()
		c.over(w.span(0, 20*time.Millisecond))
	default:
		c.giveUp()
		c.end()
		p.reload()
	}
	if w.chance(8) {
		p.gone = true
		w.note("%s does not come back", p.id)
		c.giveUp()
		return
	}
	p.comeBack(again)
}
