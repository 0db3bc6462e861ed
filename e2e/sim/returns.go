package sim

import (
	"time"

	"github.com/parley-rtc/parley/proto"
)

// judgeChange judges a change of a room: who may come obeys what was decided before, no earlier turn changes anything, and no session is
// removed that comes back in time.
func (w *world) judgeChange(last *state, e *entry) {
	change := &e.state.Record.Change
	w.judgeOrders(last, e)
	w.judgeTurn(last, e)
	p := w.pages[change.ID]
	if p == nil || p.keep == 0 || !last.resumable(change.ID) {
		return
	}
	m := &last.rec.Members[last.rec.Member(change.ID)]
	switch change.Event {
	case proto.ClientLeft, proto.RoomClosed:
		if change.Reason == proto.MemberLost || change.Reason == proto.OwnerLost {
			w.judgeRemoval(p, m, e)
		}
	default:
	}
}

// judgeTurn judges that no earlier turn of who asked for a change has made it.
func (w *world) judgeTurn(last *state, e *entry) {
	change := &e.state.Record.Change
	by := change.ID
	if change.By != "" {
		by = change.By
	}
	p := w.pages[by]
	if p == nil || p.keep == 0 || !last.resumable(by) {
		return
	}
	m := &last.rec.Members[last.rec.Member(by)]
	named := w.leaves[change.Request] == m.Request // a gateway leaves what a late request has made
	if turn := w.turns[change.Request]; turn > 0 && turn < m.Turn && !named {
		w.fail("turn %d of %s changes a room in which turn %d is: %s", turn, p.id, m.Turn, e.data)
	}
}

// judgeRemoval judges that a session is removed from a room as lost: its keep is over.
func (w *world) judgeRemoval(p *page, m *proto.Member, e *entry) {
	room := e.state.Record.Room
	c := p.of(m.Turn)
	if c == nil {
		w.fail("%s is removed by turn %d, which never was", p.id, m.Turn)
		return
	}
	v := p.view(room)
	list := w.comings(room, p.id)
	later := p.of(m.Turn + 1)
	r := w.replica(e.state.Record.Change.Replica)
	switch {
	case c.goes:
	case r != nil && r.goneFor(m): // its gateway is taken for dead
	case w.room(room).returned(p.id, m.Request): // a late attempt has made that a second time
	case c.in[room] != m.Request && c.inThen[room] != m.Request: // its gateway has not told it that it is in there
	case later != nil && list[len(list)-1].at > later.began: // an old connection made that, and it is left at once
	case !c.shut && c == p.conn && v.in && c.idle(room):
		w.fail("%s is removed from %q, and is connected: %s", c, room, e.data)
	case !c.shut:
	case w.now < c.ended+int64(c.keepFor()):
		w.fail("%s is removed from %q %.3f after its end: %s", c, room, float64(w.now-c.ended)/1e6, e.data)
	case p.conn != c && p.conn.asksFor(room, c.ended+int64(c.keepFor()-time.Second)):
		w.fail("%s is removed from %q, and has asked to come back: %s", c, room, e.data)
	}
}

// goneFor reports whether a replica has counted a member's gateway as gone for its keep. What it decides then may be stored later.
func (r *replica) goneFor(m *proto.Member) bool {
	x := r.peers.known[string(m.Gateway)]
	if x == nil || !x.gone && r.w.now-x.until > int64(proto.RequestTimeout) {
		return false
	}
	return r.w.now-x.since >= int64(m.Keep)*int64(time.Second)
}

// returned reports whether a request has made somebody a member more than once.
func (h *history) returned(id proto.ClientID, by proto.RequestID) bool {
	times, was := 0, false
	for _, s := range h.states {
		is := s.hasBy(id, by)
		if is && !was {
			times++
		}
		was = is
	}
	return times > 1
}

// of returns the connection of a turn.
func (p *page) of(turn int64) *client {
	for _, c := range p.w.clients {
		if c.page == p && c.Turn == turn {
			return c
		}
	}
	return nil
}

// idle reports whether a client awaits no answer of a room.
func (c *client) idle(room proto.Room) bool {
	for _, q := range c.asked[c.answered:] {
		if q.Room == room && q.moves() {
			return false
		}
	}
	return true
}

// asksFor reports whether a gateway has asked for a client to resume a room before a time, and everybody was reached since.
func (c *client) asksFor(room proto.Room, before int64) bool {
	processes := []*process{&c.g.process}
	for _, r := range c.w.replicas {
		processes = append(processes, &r.process)
	}
	for _, q := range c.asked[c.answered:] {
		if q.Room == room && q.Name == proto.Resume && len(q.ids) > 0 && q.began < before && !c.shut {
			return !c.w.hurtWithin(q.began, c.w.now, processes...)
		}
	}
	return false
}
