package rooms

import (
	"cmp"
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// view is a room as somebody has been told it.
type view struct {
	seq     uint64
	owner   proto.ClientID // "" : nobody, or not known
	members members
	stays   stays
	shown   shown
}

// apply takes an event into account, but for the stay of whom it is about.
func (v *view) apply(e *proto.Event) {
	v.seq = e.Seq
	v.shown.note(e)
	switch e.Name {
	case proto.ClientJoined:
		v.members.add(e.ID)
	case proto.ClientLeft:
		v.members.remove(e.ID)
	case proto.RoomUpdated:
	default:
		return
	}
	v.owner = ownerAfter(v.owner, e)
}

// learn takes the stay into account of whom an event is about.
func (v *view) learn(e *proto.Event, stay *proto.Stay) {
	if stay == nil {
		if e.Name == proto.ClientLeft {
			delete(v.stays, e.ID)
		}
		return
	}
	if v.stays == nil {
		v.stays = make(stays)
	}
	v.stays[e.ID] = stayed{*stay, e.Seq}
}

// difference returns the events that lead from a view to a roster: what became of those who are members by another stay, in the order in
// which they came; then leaves, returns and joins, in the roster's order. The numbers of the latter grow up to the roster's, each
// naming the one before, as those of the changes themselves do; each difference stands for a change at least, so they fit between.
func difference(name proto.Room, from *view, to *whole) []proto.Event {
	events := from.renewed(to)
	renewed := len(events)
	in := membersOf(to.clients)
	for _, id := range from.members.list() {
		if !in.has(id) {
			events = append(events, proto.Event{Name: proto.ClientLeft, ID: id, OwnerID: from.successor(id, to)})
		}
	}
	for _, id := range to.clients {
		if from.members.has(id) && from.isBack(id, to) {
			events = append(events, proto.Event{Name: proto.ClientBack, ID: id, More: to.info(id)})
		}
	}
	for _, id := range to.clients {
		if !from.members.has(id) {
			events = append(events, proto.Event{Name: proto.ClientJoined, ID: id, More: to.info(id)})
		}
	}
	// Backwards: each is below the next, and not above the Since of any that joins after it.
	for i, most := len(events)-1, to.seq; i >= renewed; i-- {
		e := &events[i]
		e.Seq = most
		if stay, is := to.stays[e.ID]; is && e.Name == proto.ClientJoined {
			most = min(most, stay.Since+1)
		}
		most -= min(most, 1)
	}
	prev := from.seq
	for i := range events {
		e := &events[i]
		e.Room, e.Prev = name, prev
		e.Seq = max(e.Seq, prev+1)
		if i >= renewed {
			e.Seq = min(e.Seq, to.seq)
		}
		prev = e.Seq
	}
	return events
}

// successor returns who owns the room after a member's leaving, where that one has owned it.
func (v *view) successor(id proto.ClientID, to *whole) proto.ClientID {
	if id != v.owner || to.owner == id {
		return ""
	}
	return to.owner
}

// isBack reports whether a member has come back without being fresh.
func (v *view) isBack(id proto.ClientID, to *whole) bool {
	was, known := v.stays[id]
	now, is := to.stays[id]
	return known && is && was.sameStay(&now) && !was.samePlace(&now)
}

// isRenewed reports whether a member has left and joined, or has come back fresh.
func (v *view) isRenewed(id proto.ClientID, to *whole) bool {
	was, known := v.stays[id]
	now, is := to.stays[id]
	return known && is && !was.sameStay(&now)
}

// renewed returns what became of those who were members before and are again: client-back, fresh, or, of one who has joined by the same
// turn as before or who was the owner, client-left and client-joined.
//
// A client that resumes names the last number that it has taken note of, and those are fresh to it whose Since is not below that. So
// whoever is not told yet has to have a Since at or above each number that has been told: returns and joins are numbered one above
// their Since, as they were made, and each leave takes a number before its join that none of them needs.
func (v *view) renewed(to *whole) []proto.Event {
	if v.stays == nil || to.stays == nil {
		return nil
	}
	var ids []proto.ClientID
	needed := make(map[uint64]struct{})
	for _, id := range to.clients {
		if v.members.has(id) && v.isRenewed(id, to) {
			ids = append(ids, id)
			needed[to.stays[id].Since+1] = struct{}{}
		}
	}
	slices.SortStableFunc(ids, func(a, b proto.ClientID) int { return cmp.Compare(to.stays[a].Since, to.stays[b].Since) })
	var events []proto.Event
	free := v.seq
	for _, id := range ids {
		was, now := v.stays[id], to.stays[id]
		if now.Turn > was.Turn && (id != v.owner || id == to.owner) {
			events = append(events, proto.Event{Name: proto.ClientBack, ID: id, FreshBack: true, Seq: now.Since + 1, More: to.info(id)})
			continue
		}
		for free++; ; free++ {
			if _, taken := needed[free]; !taken {
				break
			}
		}
		events = append(events,
			proto.Event{Name: proto.ClientLeft, ID: id, OwnerID: v.successor(id, to), Seq: min(free, now.Since)},
			proto.Event{Name: proto.ClientJoined, ID: id, Seq: now.Since + 1, More: to.info(id)})
	}
	slices.SortStableFunc(events, func(a, b proto.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	return events
}
