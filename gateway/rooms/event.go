package rooms

import "github.com/parley-rtc/parley/proto"

// event handles what a replica tells of a room.
func (c *Core) event(in *In) {
	e, payload, stays := in.Event, in.Payload, in.Stays
	var stay *proto.Stay
	if stays != nil {
		stay = stayIn(stays, subject(e))
	}
	if stay != nil {
		c.meetBack(e.Room, subject(e), stay.Turn, &place{stay.Gateway, stay})
		c.hereUnresumed(e.Room, subject(e), stay)
	}
	r := c.rooms[e.Room]
	if e.Name == proto.ClientJoined || e.Name == proto.RoomCreated {
		c.meetGhost(r, e, stay)
	}
	if r == nil {
		return
	}
	k := &arrived{event: e, payload: payload, stay: stay, message: in.Message}
	if len(r.joining) > 0 {
		r.keepForJoining(k)
	}
	if len(r.local) > 0 {
		if e.Name == proto.ClientJoined && e.Seq > r.seq {
			r.joinedAnew(e.ID, stay)
		}
		r.hear(k)
	}
}

// subject returns whose stay comes with an event.
func subject(e *proto.Event) proto.ClientID {
	if e.Name == proto.RoomCreated {
		return e.OwnerID
	}
	return e.ID
}

// arrived is a room event that has come. It is copied when it has to be kept, once.
type arrived struct {
	event   *proto.Event
	payload []byte
	stay    *proto.Stay // of whom it is about, if that one is resumable
	message string      // to who was removed by it
	kept    *kept
}

func (h *arrived) keep() *kept {
	if h.kept == nil {
		h.kept = &kept{e: *h.event, payload: h.payload, stay: h.stay, message: h.message}
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
func (r *room) joinedAnew(id proto.ClientID, stay *proto.Stay) {
	cl := r.core.clients[id]
	if stay != nil {
		cl = r.core.turn(id, stay.Turn)
	}
	if m := r.member(cl); m != nil && cl.busyIn(r.name) && (cl.ask.Op == proto.OpJoin || cl.ask.Op == proto.OpEnter) {
		m.joinedBy(cl.ask.ID)
	}
}

// meetGhost has a client leave a room: an event makes it a member where it has no membership and no request under way. One of its
// requests, unavailable long before, was carried out late.
func (c *Core) meetGhost(r *room, e *proto.Event, stay *proto.Stay) {
	cl := c.clients[subject(e)]
	if stay != nil {
		if stay.Gateway != c.cfg.Self {
			return // its session goes on there
		}
		cl = c.turn(subject(e), stay.Turn)
	}
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
		r.apply(h)
		r.core.dropIfEmpty(r)
	}
}

// apply takes the change after the one reached into account, and tells it.
func (r *room) apply(h *arrived) {
	e, payload, stay := h.event, h.payload, h.stay
	owner := r.owner
	r.view.apply(e)
	switch e.Name {
	case proto.ClientJoined, proto.ClientBack:
		delete(r.away, e.ID)
		if stay != nil {
			r.learnOne(e.ID, &stayed{*stay, e.Seq})
		}
		r.tell(e, payload, e.ID)
	case proto.ClientLeft:
		r.removed(e.ID, why(e), h.message)
		r.unlearn(e.ID)
		r.senderGone(e.ID)
		r.tell(e, payload, e.ID)
	case proto.RoomClosed:
		r.closed(e, h.message)
	case proto.MemberUpdated, proto.RoomUpdated:
		r.disowned(owner)
		r.tell(e, payload, "")
	default:
	}
}

// disowned says that a member of ours owns the room no more that was its owner.
func (r *room) disowned(was proto.ClientID) {
	if m := r.memberOf(was); m != nil && was != r.owner {
		r.core.emit(Out{Kind: Disowned, To: r.core.one(m.c), Room: r.name})
	}
}

// removed takes a client of ours out whom an event has removed. One that asked for it is told by its answer.
func (r *room) removed(id proto.ClientID, why proto.Reason, message string) {
	m := r.memberOf(id)
	switch {
	case m == nil:
	case m.state == leaving:
		m.take()
	default:
		r.outdate(m.c, false)
		m.kickWith(why, message)
	}
}

// outdate notes that an event has removed a member whose joining again is under way: an answer from before says what is
// not so any more.
func (r *room) outdate(cl *Client, closed bool) {
	if j := r.joiningOf(cl); j != nil {
		j.removed, j.closed = r.seq, closed
	}
}
