package gateway

import (
	"slices"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

// joined handles a client's room-created or room-joined: it becomes a member here, is told so first, then what was kept
// for it, and is brought level with the room.
func (h *hub) joined(s *session, a *ask, e *proto.Event, payload []byte) int32 {
	r := h.room(a.room)
	j := r.endJoining(a)
	if j == nil {
		j = &joining{s: s, a: a}
	}
	if e.Seq < j.removed {
		return h.joinedBefore(s, j)
	}
	if e.Name == proto.RoomCreated {
		r.replaced(s, e.Seq)
	}
	roster := rosterOf(s.id, e)
	if r.member(s) != nil && e.Name == proto.RoomJoined {
		roster = r.placed(s.id, e.Clients)
	}
	if len(r.local) == 0 {
		r.set(roster, e.Seq)
		r.waiting = false
		r.refuseKept()
	} else if e.Seq > r.seq {
		r.level(roster, e.Seq) // it counts as a roster: the others are told the difference first
	}
	m := r.member(s)
	known := m != nil
	if !known {
		if old := s.rooms[r.name]; old != nil {
			old.remove()
		}
		m = r.add(s, a.id)
	}
	if a.bears != "" {
		m.joinedBy(a.bears)
	}
	m.leaving = false
	if known && e.Seq < r.seq {
		s.Send(link.Out{Message: link.NewMessage(r.asJoined(s, e)), Ref: a.ref})
		return outcomeOK
	}
	h.tellJoined(s, a, e, payload)
	if known {
		r.replay()
		h.dropIfEmpty(r)
		return outcomeOK
	}
	h.catchUp(m, j, e)
	return outcomeOK
}

// joinedBefore answers a member that joined again and has been told since that it was removed. Between request and answer
// the room was closed, or nobody can say whether it is in there.
func (h *hub) joinedBefore(s *session, j *joining) int32 {
	j.refuse()
	h.dropIfEmpty(h.room(j.a.room))
	answer, outcome := proto.Event{Name: proto.RoomNotExists, Room: j.a.room}, outcomeRefused
	if !j.closed {
		answer = proto.Errorf(proto.CodeUnavailable, j.a.room, s.id, "the client was removed meanwhile: ask again")
		outcome = outcomeUnavailable
	}
	h.tellAnswer(s, j.a, &answer, nil)
	return outcome
}

// replaced ends what is here of an earlier room than the one that a client has created: its closing was missed. Where
// others have joined the new one before its creator had the answer, that one is here already.
func (r *room) replaced(by *session, seq uint64) {
	here := r.members.has(by.id)
	if m := r.member(by); m != nil {
		m.kick(proto.Removed)
		here = false
	}
	if seq > r.seq && !here {
		r.level(nil, r.seq)
	}
}

// rosterOf returns the whole room as an answer has it, in join order as far as it says.
func rosterOf(self proto.ClientID, e *proto.Event) []proto.ClientID {
	if e.Name == proto.RoomCreated {
		return append([]proto.ClientID{self}, e.Clients...)
	}
	return append(slices.Clone(e.Clients), self)
}

// placed returns the whole room as the answer to a member that joined again has it: it stands in its old place, behind the
// one that it stood behind.
func (r *room) placed(self proto.ClientID, others []proto.ClientID) []proto.ClientID {
	at := len(others)
	if r.members.has(self) {
		at = 0
		stands := make(map[proto.ClientID]int, len(others))
		for i, id := range others {
			stands[id] = i + 1
		}
		for _, id := range r.members.list() {
			if id == self {
				break
			}
			at = max(at, stands[id])
		}
	}
	return slices.Insert(slices.Clone(others), at, self)
}

// asJoined returns the answer to a member that joined again, with the list as the member has been told it since.
func (r *room) asJoined(s *session, e *proto.Event) proto.Event {
	others := slices.DeleteFunc(r.members.list(), func(id proto.ClientID) bool { return id == s.id })
	return proto.Event{Name: proto.RoomJoined, Room: r.name, OwnerID: e.OwnerID, Clients: others, Seq: r.seq}
}

// tellJoined queues the answer. A room-created that was repeated carries the clients that have joined since: they are
// told as such, each with a number of its own, as in a difference.
func (h *hub) tellJoined(s *session, a *ask, e *proto.Event, payload []byte) {
	if e.Name == proto.RoomJoined || len(e.Clients) == 0 {
		o := out(*e, payload)
		o.Ref = a.ref
		s.Send(o)
		return
	}
	created := view{seq: e.Seq - min(e.Seq, uint64(len(e.Clients))), members: membersOf([]proto.ClientID{s.id})}
	s.Send(link.Out{Message: link.NewMessage(proto.Event{Name: proto.RoomCreated, Room: e.Room, Seq: created.seq}), Ref: a.ref})
	for _, joined := range difference(e.Room, created, rosterOf(s.id, e), e.Seq) {
		s.Send(out(joined, nil))
	}
}

// catchUp gives a new member the kept events above its answer, brings it and the room level with each other, and then
// gives it the kept signals. What it hears before the others here do, they are told as well, so that all hear one order.
func (h *hub) catchUp(m *membership, j *joining, answer *proto.Event) {
	r := m.room
	told := view{seq: answer.Seq, members: membersOf(rosterOf(m.s.id, answer))} // never above r.seq
	gap := false
	for _, k := range j.kept {
		if k.e.Seq <= told.seq {
			continue
		}
		if k.e.Prev > told.seq || k.e.Name == proto.RoomCreated {
			gap = true // what is missing here, the room's own view or its roster brings
			break
		}
		told.apply(&k.e)
		switch {
		case k.e.Seq > r.seq:
			r.apply(&k.e, k.payload)
		case k.e.Name == proto.RoomClosed:
			m.kick(k.e.Reason)
		case k.e.Name == proto.ClientLeft && k.e.ID == m.s.id:
			m.kick(proto.Removed)
		case k.e.ID != m.s.id:
			m.s.Send(out(k.e, k.payload))
		}
		if m.index < 0 {
			break
		}
	}
	if m.index >= 0 && r.seq > told.seq {
		h.bringUp(m, told)
	}
	r.replay()
	if m.index < 0 {
		j.refuse()
		h.dropIfEmpty(r)
		return
	}
	if gap {
		h.askRoster(r, "gap")
	}
	for i := range j.signals {
		h.deliver(&j.signals[i])
	}
}

// bringUp tells a new member what the others here have been told beyond it.
func (h *hub) bringUp(m *membership, told view) {
	r := m.room
	if !r.members.has(m.s.id) {
		m.kick(proto.Removed)
		return
	}
	for _, e := range difference(r.name, told, r.members.list(), r.seq) {
		m.s.Send(out(e, nil))
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
