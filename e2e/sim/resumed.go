package sim

import (
	"slices"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// back reports whether a state is that after which a member is back.
func (s *state) back(id proto.ClientID, fresh bool) bool {
	return s.rec != nil && s.rec.Change.Event == proto.ClientBack && s.rec.Change.ID == id && s.rec.Change.Fresh == fresh
}

// since reports whether something was so after a change, until now.
func (h *history) since(seq uint64, so func(*state) bool) bool {
	for _, s := range slices.Backward(h.states) {
		if s.seq <= seq {
			return false
		}
		if so(s) {
			return true
		}
	}
	return false
}

// anew reports whether a member was none after a change, or has come back fresh. Who has missed the events cannot tell the one from
// the other.
func (h *history) anew(seq uint64, id proto.ClientID) bool {
	return h.since(seq, func(s *state) bool { return !s.has(id) || s.back(id, true) })
}

// backAt returns when a member joined or came back fresh last, up to a change.
func (h *history) backAt(seq uint64, id proto.ClientID) int64 {
	since := h.freshSince(seq, id)
	for _, s := range h.states {
		if s.rec != nil && s.rec.Prev == since && s.rec.Change.ID == id {
			return s.first
		}
	}
	return 0
}

// freshSince returns the number before the change by which a member that is there at a time has joined, or come back fresh, last.
func (h *history) freshSince(seq uint64, id proto.ClientID) uint64 {
	for _, s := range slices.Backward(h.states) {
		if s.seq <= seq && s.rec != nil && s.rec.Change.ID == id {
			switch s.rec.Change.Event {
			case proto.RoomCreated, proto.ClientJoined:
				return s.rec.Prev
			case proto.ClientBack:
				if s.rec.Change.Fresh {
					return s.rec.Prev
				}
			default:
			}
		}
	}
	return 0
}

// hearResumed judges the snapshot of a room that a session has come back to.
func (c *client) hearResumed(v *view, h *history, e *proto.Event, q *asked) {
	s := h.at(e.Seq)
	if q == nil || s == nil || v.in {
		c.wrong(e, "it has not asked, there is no such change, or it is in there")
		return
	}
	var fresh []proto.ClientID
	all := q.Seq == 0 || h.freshSince(s.seq, c.ID) >= q.Seq // it has taken note of nothing since it is in there
	for _, id := range s.others(c.ID) {
		if all || h.freshSince(s.seq, id) >= q.Seq {
			fresh = append(fresh, id)
		}
	}
	switch {
	case !slices.Equal(sorted(e.Clients), s.others(c.ID)):
		c.wrong(e, "those were not the others: %v", s.others(c.ID))
	case !slices.Equal(sorted(e.Fresh), sorted(fresh)):
		c.wrong(e, "after %d these joined or came back fresh: %v", q.Seq, fresh)
	case e.OwnerID != s.rec.OwnerID:
		c.wrong(e, "the owner is %q", s.rec.OwnerID)
	case slices.ContainsFunc(e.Away, func(id proto.ClientID) bool { return !slices.Contains(e.Clients, id) }):
		c.wrong(e, "who is away is no member")
	}
	v.in, v.old, v.live, v.seq = true, false, false, e.Seq
	v.keeps = true
	if q.Frame.Fresh {
		v.forget(h.backAt(e.Seq, c.ID))
		v.live, v.stayAt = false, h.backAt(e.Seq, c.ID)
	}
	v.asked = q
	v.members = append(slices.Clone(e.Clients), c.ID)
	clear(v.away)
	for _, id := range v.members {
		v.back[id] = e.Seq
		if slices.Contains(e.Fresh, id) {
			v.since[id] = e.Seq
			delete(v.passed, id)
		}
	}
	v.noteAway(e)
	v.see(c, e)
	c.page.sendAgain(e)
}

// sendAgain sends the signals again that earlier turns have sent and that were not answered, but for those to members that are fresh: what
// was agreed with these counts no more.
func (p *page) sendAgain(e *proto.Event) {
	if !p.numbers {
		return
	}
	room := e.Room
	v := p.view(room)
	for _, s := range p.w.signals[p.reborn:] {
		if s.room == room && s.from == p.id && s.said == "" && s.at > v.began && s.n>>20 < p.turn && slices.Contains(v.members, s.to) &&
			!slices.Contains(e.Fresh, s.to) {
			p.conn.request(s.frame())
		}
	}
}

// hearLive judges that a session is told whose signals may be missing: nobody without a cause, and everybody with one whose signals
// are.
func (c *client) hearLive(v *view, e *proto.Event) {
	w := c.w
	switch {
	case !v.in:
		c.wrong(e, "it is not in there")
	case v.live:
		c.wrong(e, "it was live")
	case v.asked.Frame.Fresh && len(e.Lost) > 0:
		c.wrong(e, "it came back fresh")
	}
	v.live = true
	for _, from := range w.members(v) {
		if n, lost := e.Lost[from]; lost {
			if !w.cause(c, v, e.Room, from) {
				c.wrong(e, "there is no cause why signals of %s should be missing", from)
			}
			v.passed[from] = max(v.passed[from], n)
			v.heard[from] = max(v.heard[from], n)
		}
	}
	for from := range e.Lost {
		if !slices.Contains(v.members, from) {
			c.wrong(e, "%s is no member", from)
		}
	}
	clear(v.unread)
	for _, s := range w.signals {
		if _, lost := e.Lost[s.from]; lost { // what can still be had of it comes behind
			continue
		}
		if s.room == e.Room && s.to == c.ID && (s.saidAt < v.asked.at || s.num < v.last[s.from]) && w.missing(s) {
			c.wrong(e, "%d (%d) of %s was confirmed at %.3f and is missing", s.num, s.n, s.from, float64(s.saidAt)/1e6)
		}
	}
}

// judgeLive judges that live comes in time, as its gateway queues it.
func (c *client) judgeLive(e *proto.Event) {
	const most = 2300 * time.Millisecond
	switch e.Name {
	case proto.Resumed:
		c.resumed[e.Room] = c.w.now
	case proto.Live:
		if at := c.resumed[e.Room]; c.w.now-at > int64(most) && !c.w.hurtWithin(at, c.w.now, &c.g.process) {
			c.wrong(e, "resumed was queued at %.3f", float64(at)/1e6)
		}
	default:
	}
}

// members returns a view's in an order that a run repeats.
func (w *world) members(v *view) []proto.ClientID { return v.list() }

// coming is how one has come to be a member: it joined, or came back.
type coming struct {
	at      int64
	request proto.RequestID
	turn    int64
	gateway *gateway
}

// comings returns how a member has come, in all its stays: live may be read when the one of which it speaks is over.
func (w *world) comings(room proto.Room, id proto.ClientID) []coming {
	var list []coming
	for _, s := range w.room(room).states {
		if !s.has(id) {
			continue
		}
		if m := &s.rec.Members[s.rec.Member(id)]; s.rec.Change.ID == id {
			list = append(list, coming{s.first, m.Request, m.Turn, w.started[m.Gateway]})
		}
	}
	return list
}

// cause reports whether there is a cause why signals of a member may be missing for one who has come back: the sender's gateway
// died, or was not reached, when that matters; a bound was reached; the page has not read what had arrived.
func (w *world) cause(c *client, v *view, room proto.Room, from proto.ClientID) bool {
	heard := v.asked.Heard[from]
	if w.Bounds || v.unread[from] > heard {
		return true
	}
	const handOver = 1500 * time.Millisecond
	list := w.comings(room, from)
	for i, x := range list {
		last := i == len(list)-1
		switch {
		case w.room(room).returned(from, x.request): // a late attempt has made that a second time
			return true
		case last && !x.gateway.alive:
			return true
		case last:
		case heard >= proto.Number(list[i+1].turn, 0):
		case !x.gateway.alive && x.gateway.died < list[i+1].at+int64(handOver):
			return true
		case w.hurtWithin(list[i+1].at-int64(handOver), list[i+1].at+int64(handOver), &x.gateway.process, &list[i+1].gateway.process):
			return true
		}
	}
	if n := len(list); n > 1 && c.w.now-list[n-1].at < int64(600*time.Millisecond) {
		return true // it has just come back elsewhere, and there was no time left to ask there
	}
	processes := []*process{&c.g.process}
	for i := max(0, len(list)-2); i < len(list); i++ {
		processes = append(processes, &list[i].gateway.process)
	}
	for _, r := range w.replicas {
		processes = append(processes, &r.process)
	}
	return w.hurtWithin(v.asked.at-int64(3*time.Second), w.now, processes...)
}
