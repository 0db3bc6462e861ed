package gateway

import (
	"slices"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

// joined handles a client's room-created or room-joined: it becomes a member here, is told so first, then what was kept
// for it, and is brought level with the room.
func (h *hub) joined(s *session, a *ask, e *proto.Event, payload []byte) {
	r := h.room(a.room)
	j := r.endJoining(a)
	if j == nil {
		j = &joining{s: s, a: a}
	}
	roster := append(slices.Clone(e.Clients), s.id)
	if s.isOver() {
		// It left while this was under way: its pump will leave the room.
		j.refuse()
		h.noteForLeaving(s, r, a.id)
		return
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
	m.leaving = false
	if known && e.Seq < r.seq {
		s.Send(link.Out{Message: link.NewMessage(r.asJoined(s, e)), Ref: a.ref})
		return
	}
	h.tellJoined(s, a, e, payload)
	if !known {
		h.catchUp(m, j, e)
	}
}

// asJoined returns the answer to a member that joined again, with the list as the member has been told it since: in the
// answer's order, those who came after it at the end.
func (r *room) asJoined(s *session, e *proto.Event) proto.Event {
	answer := proto.Event{Name: proto.RoomJoined, Room: r.name, OwnerID: e.OwnerID, Clients: []proto.ClientID{}, Seq: r.seq}
	seen := map[proto.ClientID]struct{}{s.id: {}}
	for _, id := range append(slices.Clone(e.Clients), r.ids()...) {
		if _, in := r.members[id]; !in {
			continue
		}
		if _, again := seen[id]; !again {
			seen[id] = struct{}{}
			answer.Clients = append(answer.Clients, id)
		}
	}
	return answer
}

// noteForLeaving lets the pump of an ended session know that there is a room to leave.
func (h *hub) noteForLeaving(s *session, r *room, joined proto.RequestID) {
	m := &membership{s: s, room: r, joined: joined, index: -1}
	s.mu.Lock()
	if s.rooms == nil {
		s.rooms = make(map[proto.Room]*membership)
	}
	s.rooms[r.name] = m
	s.mu.Unlock()
	h.dropIfEmpty(r)
}

// tellJoined queues the answer. A room-created that was repeated carries the clients that have joined since: they are
// told as such.
func (h *hub) tellJoined(s *session, a *ask, e *proto.Event, payload []byte) {
	if e.Name == proto.RoomJoined || len(e.Clients) == 0 {
		o := out(*e, payload)
		o.Ref = a.ref
		s.Send(o)
		return
	}
	s.Send(link.Out{Message: link.NewMessage(proto.Event{Name: proto.RoomCreated, Room: e.Room, Seq: e.Seq}), Ref: a.ref})
	for _, id := range e.Clients {
		s.Send(out(proto.Event{Name: proto.ClientJoined, Room: e.Room, ID: id, Seq: e.Seq, Prev: e.Seq}, nil))
	}
}

// catchUp gives a new member the kept events above its answer, brings it and the room level with each other, and then
// gives it the kept signals.
func (h *hub) catchUp(m *membership, j *joining, answer *proto.Event) {
	r := m.room
	view := view{seq: answer.Seq, members: make(map[proto.ClientID]struct{}, len(answer.Clients)+1)}
	for _, id := range answer.Clients {
		view.members[id] = struct{}{}
	}
	view.members[m.s.id] = struct{}{}
	gap := false
	for i := range j.kept {
		k := &j.kept[i]
		if k.e.Seq <= view.seq {
			continue
		}
		if k.e.Prev > view.seq || k.e.Name == proto.RoomCreated {
			gap = true // what is missing here, the room's own view or its roster brings
			break
		}
		if k.e.Name == proto.RoomClosed || k.e.Name == proto.ClientLeft && k.e.ID == m.s.id {
			m.kick()
			j.refuse()
			h.dropIfEmpty(r)
			return
		}
		view.apply(&k.e)
		m.s.Send(out(k.e, k.payload))
	}
	switch {
	case r.seq > view.seq:
		for _, e := range difference(r.name, view, r.ids(), r.seq) {
			m.s.Send(out(e, nil))
		}
	case r.seq < view.seq:
		// The new member has heard more than the others: they are told it, with the new member's own events left out.
		m.leave()
		r.level(view.ids(), view.seq)
		m.index = len(r.local)
		r.local = append(r.local, m)
	}
	r.replay()
	if gap {
		h.askRoster(r, "gap")
	}
	for i := range j.signals {
		h.deliver(&j.signals[i])
	}
}

// view is a room as somebody has been told it.
type view struct {
	seq     uint64
	members map[proto.ClientID]struct{}
}

// apply takes an event into account.
func (v *view) apply(e *proto.Event) {
	v.seq = e.Seq
	switch e.Name {
	case proto.ClientJoined:
		v.members[e.ID] = struct{}{}
	case proto.ClientLeft:
		delete(v.members, e.ID)
	default:
	}
}

func (v *view) ids() []proto.ClientID { return idsOf(v.members) }

// ids returns the room's members, in no order.
func (r *room) ids() []proto.ClientID { return idsOf(r.members) }

func idsOf(set map[proto.ClientID]struct{}) []proto.ClientID {
	ids := make([]proto.ClientID, 0, len(set))
	for id := range set {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
