package rooms

import (
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// set takes a roster for what the room is, telling nobody.
func (r *room) set(clients []proto.ClientID, seq uint64) {
	r.seq = seq
	r.members = membersOf(clients)
}

// level brings the members here from what they have been told to a roster: by the kept events that lead towards it, where
// they only came in another order than they were made in, then by the difference, leaves first, then joins in the roster's
// order. A client of this gateway that the roster lacks, with no request of its own under way there, was removed.
func (r *room) level(clients []proto.ClientID, seq uint64) {
	r.follow(seq)
	events := difference(r.name, view{seq: r.seq, members: r.members}, clients, seq)
	r.set(clients, seq)
	for _, m := range slices.Clone(r.local) {
		switch {
		case r.members.has(m.c.ID):
		case m.c.busyIn(r.name):
			r.outdate(m.c, false)
			m.take() // its answer says how it ended
		default:
			m.kick(proto.Removed)
		}
	}
	for i := range events {
		r.tell(&events[i], nil, events[i].ID)
	}
	r.sync = level
}

// follow tells what was kept, up to seq, as far as each is the change after the one reached: two replicas that take turns
// in a room tell over connections of their own. What is told stays in kept and is dropped as known.
func (r *room) follow(seq uint64) {
	after := make(map[uint64]*kept, len(r.kept.list))
	for _, k := range r.kept.list {
		if !k.isSignal() && k.e.Name != proto.RoomCreated {
			after[k.e.Prev] = k
		}
	}
	for k := after[r.seq]; k != nil && k.e.Seq > r.seq && k.e.Seq <= seq; k = after[r.seq] {
		r.apply(&k.e, k.payload)
	}
}

// replay tells what was kept while the room was not level, as far as it is news.
func (r *room) replay() {
	if r.sync != level {
		return
	}
	for _, k := range r.core.empty(r, &r.kept.list) {
		if k.isSignal() {
			r.core.deliver(k)
		} else {
			r.hear(&arrived{event: &k.e, payload: k.payload, kept: k})
		}
	}
}

// view is a room as somebody has been told it.
type view struct {
	seq     uint64
	members members
}

// apply takes an event into account.
func (v *view) apply(e *proto.Event) {
	v.seq = e.Seq
	switch e.Name {
	case proto.ClientJoined:
		v.members.add(e.ID)
	case proto.ClientLeft:
		v.members.remove(e.ID)
	default:
	}
}

// difference returns the events that lead from a view to a roster. Their numbers grow up to the roster's, each naming the
// one before, as those of the changes themselves do; each difference stands for a change at least, so they fit between.
func difference(name proto.Room, from view, clients []proto.ClientID, seq uint64) []proto.Event {
	in := membersOf(clients)
	var events []proto.Event
	for _, id := range from.members.list() {
		if !in.has(id) {
			events = append(events, proto.Event{Name: proto.ClientLeft, Room: name, ID: id})
		}
	}
	for _, id := range clients {
		if !from.members.has(id) {
			events = append(events, proto.Event{Name: proto.ClientJoined, Room: name, ID: id})
		}
	}
	prev := from.seq
	for i := range events {
		left := uint64(len(events) - 1 - i) // not negative
		next := seq
		if seq > prev+left {
			next = seq - left
		}
		events[i].Prev, events[i].Seq = prev, next
		prev = next
	}
	return events
}
