package gateway

import (
	"github.com/parley-rtc/parley/proto"
)

// set takes a roster for what the room is, telling nobody.
func (r *room) set(roster []proto.ClientID, seq uint64) {
	r.seq = seq
	r.members = membersOf(roster)
}

// level brings the members here from what they have been told to a roster: by the kept events that lead towards it, where
// they only came in another order than they were made in, then by the difference, leaves first, then joins in the roster's
// order. A client of this gateway that the roster lacks, with no request of its own under way there, was removed.
func (r *room) level(roster []proto.ClientID, seq uint64) {
	r.follow(seq)
	events := difference(r.name, view{seq: r.seq, members: r.members}, roster, seq)
	r.set(roster, seq)
	for _, m := range append([]*membership(nil), r.local...) {
		switch {
		case r.members.has(m.s.id):
		case m.s.busyIn(r.name):
			m.leave() // its answer says how it ended
		default:
			m.kick(proto.Removed)
		}
	}
	for i := range events {
		r.tell(out(events[i], nil), events[i].ID)
	}
	r.waiting = false
}

// follow tells what was kept, up to seq, as far as each is the change after the one reached: two replicas that take turns
// in a room tell over connections of their own. What is told stays in kept and is dropped as known.
func (r *room) follow(seq uint64) {
	after := make(map[uint64]*kept, len(r.kept))
	for i := range r.kept {
		if k := &r.kept[i]; k.reply == "" && k.e.Name != proto.RoomCreated {
			after[k.e.Prev] = k
		}
	}
	for k := after[r.seq]; k != nil && k.e.Seq > r.seq && k.e.Seq <= seq; k = after[r.seq] {
		r.apply(&k.e, k.payload)
	}
}

// difference returns the events that lead from a view to a roster. Their numbers grow up to the roster's, each naming the
// one before, as those of the changes themselves do; each difference stands for a change at least, so they fit between.
func difference(name proto.Room, from view, roster []proto.ClientID, seq uint64) []proto.Event {
	in := membersOf(roster)
	var events []proto.Event
	for _, id := range from.members.list() {
		if !in.has(id) {
			events = append(events, proto.Event{Name: proto.ClientLeft, Room: name, ID: id})
		}
	}
	for _, id := range roster {
		if !from.members.has(id) {
			events = append(events, proto.Event{Name: proto.ClientJoined, Room: name, ID: id})
		}
	}
	prev := from.seq
	for i := range events {
		left := uint64(len(events) - 1 - i) //nolint:gosec // not negative
		next := seq
		if seq > prev+left {
			next = seq - left
		}
		events[i].Prev, events[i].Seq = prev, next
		prev = next
	}
	return events
}

// replay tells what was kept while the room waited for its roster, as far as it is news.
func (r *room) replay() {
	if r.waiting || len(r.kept) == 0 {
		return
	}
	list := r.kept
	r.kept = nil
	for i := range list {
		if k := &list[i]; k.reply != "" {
			r.h.deliver(k)
		} else {
			r.event(&k.e, k.payload)
		}
	}
}
