package rooms

import (
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// event handles what a replica tells of a room.
func (c *Core) event(e *proto.Event, payload []byte) {
	r := c.rooms[e.Room]
	if e.Name == proto.ClientJoined || e.Name == proto.RoomCreated {
		c.meetGhost(r, e)
	}
	if r == nil {
		return
	}
	k := &arrived{event: e, payload: payload}
	if len(r.joining) > 0 {
		r.keepForJoining(k)
	}
	if len(r.local) > 0 {
		if e.Name == proto.ClientJoined && e.Seq > r.seq {
			r.joinedAnew(e.ID)
		}
		r.hear(k)
	}
}

// arrived is a room event that has come. It is copied when it has to be kept, once.
type arrived struct {
	event   *proto.Event
	payload []byte
	kept    *kept
}

func (h *arrived) keep() *kept {
	if h.kept == nil {
		h.kept = &kept{e: *h.event, payload: h.payload}
	}
	return h.kept
}

// keepForJoining keeps an event for each client whose create or join is under way.
func (r *room) keepForJoining(h *arrived) {
	for _, j := range r.joining {
		if r.member(j.c) == nil && r.core.hold(r, h.keep()) {
			j.kept = append(j.kept, h.keep())
		}
	}
}

// joinedAnew notes by which request a client of ours became a member again, whose removal was missed.
func (r *room) joinedAnew(id proto.ClientID) {
	cl := r.core.clients[id]
	if m := r.member(cl); m != nil && cl.busyIn(r.name) && cl.ask.Op == proto.OpJoin {
		m.joinedBy(cl.ask.ID)
	}
}

// meetGhost has a client leave a room: an event makes it a member where it has no membership and no request under way. One of its
// requests, unavailable long before, was carried out late.
func (c *Core) meetGhost(r *room, e *proto.Event) {
	id := e.ID
	if e.Name == proto.RoomCreated {
		id = e.OwnerID
	}
	cl := c.clients[id]
	if cl == nil || cl.rooms[e.Room] != nil || cl.busyIn(e.Room) || r != nil && r.seq >= e.Seq {
		return
	}
	c.emit(Out{Kind: QueueLeave, To: c.one(cl), Room: e.Room})
}

// hear tells the members here of a change, keeps it until a roster has come, or drops it as known.
func (r *room) hear(h *arrived) {
	e := h.event
	switch {
	case r.sync != level:
		r.keep(h.keep())
	case e.Seq <= r.seq:
	case e.Prev > r.seq, e.Name == proto.RoomCreated: // created anew: the closing before it was missed
		r.keep(h.keep())
		r.core.askRoster(r, Gap)
	default:
		r.apply(e, h.payload)
		r.core.dropIfEmpty(r)
	}
}

// apply takes the change after the one reached into account, and tells it.
func (r *room) apply(e *proto.Event, payload []byte) {
	r.seq = e.Seq
	switch e.Name {
	case proto.ClientJoined:
		r.members.add(e.ID)
		r.tell(e, payload, e.ID)
	case proto.ClientLeft:
		r.members.remove(e.ID)
		r.removed(e.ID)
		r.tell(e, payload, e.ID)
	case proto.RoomClosed:
		r.closed(e)
	default:
	}
}

// removed takes a client of ours out whom an event has removed. One that asked for it is told by its answer.
func (r *room) removed(id proto.ClientID) {
	m := r.member(r.core.clients[id])
	switch {
	case m == nil:
	case m.state == leaving:
		m.take()
	default:
		r.outdate(m.c, false)
		m.kick(proto.Removed)
	}
}

// outdate notes that an event has removed a member whose joining again is under way: an answer from before says what is
// not so any more.
func (r *room) outdate(cl *Client, closed bool) {
	if j := r.joiningOf(cl); j != nil {
		j.removed, j.closed = r.seq, closed
	}
}

// closed tells every member here that the room is closed, but for the owner that left as it asked.
func (r *room) closed(e *proto.Event) {
	r.members = members{}
	here := slices.Clone(r.local)
	for _, m := range here {
		if m.c.ID == e.OwnerID && m.state == leaving {
			m.take()
			continue
		}
		r.outdate(m.c, true)
		m.remove()
	}
	c := r.core
	from := len(c.to)
	for _, m := range here {
		if m.c.rooms[r.name] != m {
			c.to = append(c.to, m.c)
		}
	}
	if to := c.to[from:]; len(to) > 0 {
		c.emit(Out{Kind: Tell, To: to, Event: kicked(r.name, e.Reason)})
	}
}
