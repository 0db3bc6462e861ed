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
const within = 60 * time.Second

// settle lets nothing go wrong any more, and judges the end.
func (w *world) settle() {
	w.note("nothing goes wrong any more")
	w.calm = true
	w.heal()
	if len(w.replicas) == 0 {
		w.startReplica()
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

// unsettled says what is not as it has to be in the end; empty: everything is.
func (w *world) unsettled() string {
	for _, r := range w.replicas {
		if r.underway != 0 {
			return fmt.Sprintf("%s has %d requests under way", r.name, r.underway)
		}
	}
	for _, c := range w.clients {
		if !c.closed && c.answered != len(c.asked) {
			return fmt.Sprintf("%s has %d answers to %d requests", c.ID, c.answered, len(c.asked))
		}
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
	for _, c := range w.clients {
		v := c.view(room)
		switch {
		case c.closed && s.has(c.ID):
			return fmt.Sprintf("%s has gone and is in %q", c.ID, room)
		case !c.closed && s.has(c.ID) != v.in:
			return fmt.Sprintf("%s is in %q: %t, and was told %t", c.ID, room, s.has(c.ID), v.in)
		case !c.closed && v.in && !slices.Equal(v.list(), s.others("")):
			return fmt.Sprintf("%s was told that %v are in %q at %d, and at %d there are %v", c.ID, v.list(), room, v.seq, s.seq, s.others(""))
		}
	}
	return ""
}
