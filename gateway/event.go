package gateway

import (
	"time"

	"github.com/parley-rtc/parley/proto"
)

// roomEvent handles what a replica tells of a room.
func (h *hub) roomEvent(payload []byte) {
	e, err := proto.DecodeEvent(payload)
	if err != nil {
		h.g.log.Warn("a room event could not be read", "error", err)
		return
	}
	r := h.rooms[e.Room]
	if e.Name == proto.ClientJoined || e.Name == proto.RoomCreated {
		h.meetStranger(r, &e)
	}
	if r == nil {
		return
	}
	if len(r.joining) > 0 {
		r.keepForJoining(&kept{e: e, payload: payload})
	}
	if len(r.local) > 0 {
		if e.Name == proto.ClientJoined && e.Seq > r.seq {
			r.joinedAnew(e.ID)
		}
		r.event(&e, payload)
	}
}

// keepForJoining keeps an event for each client whose create or join is under way.
func (r *room) keepForJoining(k *kept) {
	for _, j := range r.joining {
		if r.member(j.s) == nil && len(j.kept) < maxKept {
			j.kept = append(j.kept, k)
		}
	}
}

// joinedAnew notes by which request a client of ours became a member again, whose removal was missed.
func (r *room) joinedAnew(id proto.ClientID) {
	m := r.member(r.h.clients[id])
	if m == nil {
		return
	}
	if a := m.s.asking.Load(); a != nil && a.room == r.name && a.op == proto.OpJoin {
		m.joinedBy(a.id)
	}
}

// meetStranger leaves a room of which an event makes one of our clients a member, when that client has no part in it: the
// request that did it was answered unavailable long before.
func (h *hub) meetStranger(r *room, e *proto.Event) {
	id := e.ID
	if e.Name == proto.RoomCreated {
		id = e.OwnerID
	}
	s := h.clients[id]
	if s == nil || s.rooms[e.Room] != nil || s.busyIn(e.Room) || r != nil && r.seq >= e.Seq {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.push(request{at: time.Now(), err: errStranger, ghostIn: e.Room})
}

// event tells the members here of a change, keeps it until a roster has come, or drops it as known.
func (r *room) event(e *proto.Event, payload []byte) {
	switch {
	case e.Seq <= r.seq && !r.waiting:
		return
	case r.waiting:
		r.keep(kept{e: *e, payload: payload})
		return
	case e.Prev > r.seq, e.Name == proto.RoomCreated: // created anew: the closing before it was missed
		r.keep(kept{e: *e, payload: payload})
		r.h.askRoster(r, "gap")
		return
	}
	r.apply(e, payload)
	r.h.dropIfEmpty(r)
}

// apply takes the change after the one reached into account, and tells it.
func (r *room) apply(e *proto.Event, payload []byte) {
	r.seq = e.Seq
	switch e.Name {
	case proto.ClientJoined:
		r.members.add(e.ID)
		r.tell(out(*e, payload), e.ID)
	case proto.ClientLeft:
		r.members.remove(e.ID)
		r.removed(e.ID)
		r.tell(out(*e, payload), e.ID)
	case proto.RoomClosed:
		r.closed(e)
	default:
	}
}

// removed takes a client of ours out whom an event has removed. One that asked for it is told by its answer.
func (r *room) removed(id proto.ClientID) {
	m := r.member(r.h.clients[id])
	switch {
	case m == nil:
	case m.leaving:
		m.leave()
	default:
		r.outdate(m.s, false)
		m.kick(proto.Removed)
	}
}

// outdate notes that an event has removed a member whose joining again is under way: an answer from before says what is
// not so any more.
func (r *room) outdate(s *session, closed bool) {
	if j := r.joiningOf(s); j != nil {
		j.removed, j.closed = r.seq, closed
	}
}

// closed tells every member here that the room is closed, but for the owner that left as it asked.
func (r *room) closed(e *proto.Event) {
	r.members = members{}
	left := out(kicked(r.name, e.Reason), nil)
	for _, m := range append([]*membership(nil), r.local...) {
		if m.s.id == e.OwnerID && m.leaving {
			m.leave()
			continue
		}
		r.outdate(m.s, true)
		m.remove()
		m.s.Send(left)
	}
}

// keep holds on to what cannot be told yet.
func (r *room) keep(k kept) {
	if len(r.kept) >= maxKept {
		r.h.g.metrics.overflows.WithLabelValues("kept").Inc()
		return // the events will show as a gap; the signals' askers hear no answer and ask again
	}
	r.kept = append(r.kept, k)
}
