package rooms

import (
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// whole is a room as a roster has it, or an answer that counts as one.
type whole struct {
	seq     uint64
	owner   proto.ClientID
	clients []proto.ClientID // in join order
	stays   stays
	more    *proto.More // what its members bear, and what stands about it; nil: nothing
	policy  proto.Policy
	unsaid  proto.ClientID                 // a member of whom more does not say what it bears
	infos   map[proto.ClientID]*proto.More // what others see of those who bear something; made from more when it is needed
}

// whole returns the room as it has been told.
func (r *room) whole() *whole {
	return &whole{seq: r.seq, owner: r.owner, clients: r.members.list(), stays: r.stays}
}

// set takes a roster for what the room is, telling nobody.
func (r *room) set(to *whole) {
	r.seq, r.owner = to.seq, to.owner
	r.members = membersOf(to.clients)
	r.shown = r.shown.after(to)
	r.learn(to.stays)
}

// begin takes a roster for a room in which nobody here has been told anything yet.
func (r *room) begin(to *whole) {
	r.set(to)
	r.sync = level
	r.core.refuseKept(r, &r.kept)
}

// level brings the members here from what they have been told to a roster: by the kept events that lead towards it, where
// they only came in another order than they were made in, then by the difference, leaves first, then joins in the roster's
// order. A client of this gateway that the roster lacks, with no request of its own under way there, was removed.
func (r *room) level(to *whole) {
	r.follow(to.seq)
	events := difference(r.name, &r.view, to)
	events = append(events, r.corrections(to, events)...)
	anew := slices.DeleteFunc(slices.Clone(r.local), func(m *membership) bool { return !m.isAnew(to) })
	owner, bare := r.owner, r.shown.of[to.unsaid] == untold // and the roster that is to say it may be under way: it counts no more
	r.set(to)
	for _, m := range slices.Clone(r.local) {
		switch {
		case slices.Contains(anew, m):
			m.endsAnew()
		case r.members.has(m.c.ID):
		case m.c.busyIn(r.name):
			r.outdate(m.c, false)
			m.take() // its answer says how it ended
		default:
			m.kick()
		}
	}
	for i := range events {
		about := events[i].ID
		switch events[i].Name {
		case proto.ClientLeft:
			r.senderGone(about)
		case proto.MemberUpdated, proto.RoomUpdated:
			about = ""
		default:
		}
		r.tell(&events[i], nil, about)
	}
	r.sync = level
	r.disowned(owner)
	about := func(e proto.Event) bool { return to.unsaid != "" && e.ID == to.unsaid && e.Name != proto.ClientLeft }
	if bare || slices.ContainsFunc(events, about) {
		r.core.askRoster(r, Gap) // it was told without what it bears
	}
}

// isAnew reports whether a roster has a member of ours by a later stay that is not a later turn's: it was out of the room meanwhile. An
// attempt of an earlier turn may have been late.
func (m *membership) isAnew(to *whole) bool {
	stay, is := to.stays[m.c.ID]
	return is && m.own != nil && stay.Turn <= m.c.Turn && stay.Since > m.own.stay.Since
}

// endsAnew ends the stay before. The answer to the client's request says how the one after it began.
func (m *membership) endsAnew() {
	if m.c.busyIn(m.room.name) {
		m.take()
	} else {
		m.kick()
	}
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
		r.apply(k.arrived())
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
			r.hear(k.arrived())
		}
	}
}
