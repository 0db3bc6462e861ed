package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// within is how long everything may take to be level once nothing goes wrong any more: a gateway that is gone counts so
// after 8 s (and 6 s of grace), its members are removed, and checks come every 10 s; a room that none has named is compared
// after 12 s; and what is in doubt is tried for 10 s, and again.
const within = 75 * time.Second

// settle lets nothing go wrong any more, and judges the end.
func (w *world) settle() {
	w.note("nothing goes wrong any more")
	w.calm = true
	w.heal()
	for _, c := range w.clients {
		if c.dead || c.Turn > 0 && c.closed { // a silent peer is found out
			c.over(w.span(0, 3*time.Second))
		}
		c.frozen = 0
		if c.mute {
			c.pongAfter(0)
		}
		if !c.closed && c.Turn > 0 {
			w.after(time.Millisecond, c.read)
		}
	}
	for _, p := range w.sessions {
		if p.conn.dead || p.conn.shut {
			p.comeBack(w.span(0, time.Second))
		}
	}
	w.every(500*time.Millisecond, w.resumeAll)
	if len(w.replicas) == 0 {
		w.startReplica()
	}
	if len(w.open()) == 0 {
		w.startGateway()
	}
	var why string
	for end := w.now + int64(within); w.now < end && w.fault == ""; {
		w.run(w.now + int64(3*time.Second))
		if why = w.unsettled(); why == "" {
			return
		}
	}
	if why != "" {
		w.fail("in the end %s", why)
	}
}

// resumeAll has pages resume what they have not resumed.
func (w *world) resumeAll() bool {
	for _, p := range w.sessions {
		for _, room := range roomNames {
			if !p.conn.closed && !p.conn.shut && p.view(room).old {
				p.resume(room)
			}
		}
	}
	return true
}

// unsettled says what is not as it has to be in the end; empty: everything is.
func (w *world) unsettled() string {
	for _, r := range w.replicas {
		if r.underway != 0 {
			return fmt.Sprintf("%s has %d requests under way", r.name, r.underway)
		}
	}
	for _, c := range w.clients {
		switch {
		case c.closed:
		case c.answered != len(c.asked):
			return fmt.Sprintf("%s has %d answers to %d requests", c, c.answered, len(c.asked))
		case len(c.held) > 0 && !c.shut:
			return fmt.Sprintf("%s awaits later word of %d signals", c, len(c.held))
		}
	}
	if why := w.unkept(); why != "" {
		return why
	}
	for _, room := range roomNames {
		if why := w.unlevel(room, w.room(room).now()); why != "" {
			return why
		}
	}
	return ""
}

// unlevel says who believes of a room what is not so.
func (w *world) unlevel(room proto.Room, s *state) string {
	for _, r := range w.replicas {
		st := r.rooms.State(room.Token())
		if st.Open() != s.open() || s.open() && st.Seq != s.seq {
			return fmt.Sprintf("%s has %q at %d, not at %d", r.name, room, st.Sequence(), s.seq)
		}
	}
	if sub := s.bannedIn(w.time().UnixMilli()); sub != "" {
		return fmt.Sprintf("%s is banned from %q, and is in there", sub, room)
	}
	for _, c := range w.clients {
		v := c.view(room)
		switch {
		case c.page.conn != c: // a later turn is judged
		case c.closed && s.has(c.ID):
			return fmt.Sprintf("%s has gone and is in %q", c, room)
		case c.closed:
		case s.has(c.ID) != v.in:
			return fmt.Sprintf("%s is in %q: %t, and was told %t", c, room, s.has(c.ID), v.in)
		case v.in:
			if why := w.unlevelView(c, v, room, s); why != "" {
				return why
			}
		}
	}
	return ""
}

// unlevelView says what a member was told that is not so.
func (w *world) unlevelView(c *client, v *view, room proto.Room, s *state) string {
	if !slices.Equal(v.list(), s.others("")) {
		return fmt.Sprintf("%s was told that %v are in %q at %d, and at %d there are %v", c, v.list(), room, v.seq, s.seq, s.others(""))
	}
	if why := w.unseen(c, v, room, s); why != "" {
		return why
	}
	if !v.live && !v.again {
		return fmt.Sprintf("%s is not live in %q", c, room)
	}
	for _, id := range v.members {
		if at := w.room(room).freshSince(s.seq, id); id != c.ID && s.resumable(id) && v.since[id] <= at {
			return fmt.Sprintf("%s was told of %s at %d in %q, and not that it joined or came back fresh after %d", c, id, v.since[id], room, at)
		}
		if v.away[id] && !w.pages[id].conn.shut && w.pages[id].view(room).in {
			return fmt.Sprintf("%s was told that %s is away in %q, and not that it is back", c, id, room)
		}
	}
	return ""
}

// unkept says which signals are missing, and what is kept for ever.
func (w *world) unkept() string {
	for _, s := range w.signals {
		if w.missing(s) {
			return fmt.Sprintf("%d (%d) of %s in %q was confirmed at %.3f, and %s has not heard it", s.num, s.n, s.from, s.room, float64(s.saidAt)/1e6, s.to)
		}
	}
	for _, g := range w.gateways {
		if signals, bytes := g.keeper.Kept(); signals != 0 || bytes != 0 {
			return fmt.Sprintf("%s keeps %d signals, %d bytes", g.name, signals, bytes)
		}
	}
	return ""
}
