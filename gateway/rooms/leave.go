package rooms

import "github.com/parley-rtc/parley/proto"

// leaves returns the membership that a leave ends, or nil. One of the gateway's own may be of an earlier membership.
func (cl *Client) leaves(a *Ask) *membership {
	m := cl.rooms[a.Room]
	if m != nil && a.Silent && m.joined != a.Joined {
		return nil
	}
	return m
}

// left handles the answer to a client's leave.
func (c *Core) left(cl *Client, e *proto.Event, payload []byte) Outcome {
	m := cl.leaves(&cl.ask)
	if m == nil {
		c.tellTaken(cl)
		c.leftFor(cl, e)
	}
	switch {
	case e.Name != proto.RoomLeft && e.Name != proto.NotInRoom:
		if m != nil && c.leftAlready(cl, m) {
			c.tellAnswer(cl, &proto.Event{Name: proto.RoomLeft, Room: cl.ask.Room}, nil)
			return OK
		}
		c.tellAnswer(cl, e, payload)
		return Declined
	case m == nil:
		c.tellAnswer(cl, e, payload)
		if e.Name == proto.NotInRoom {
			return Declined
		}
		return OK
	}
	m.over()
	c.dropIfEmpty(m.room)
	if e.Name == proto.NotInRoom { // the gateway had the client in there: what it asked for is so
		e, payload = &proto.Event{Name: proto.RoomLeft, Room: cl.ask.Room}, nil
	}
	c.tellAnswer(cl, e, payload)
	return OK
}

// leftAlready ends a leave that was not answered as it should be, and reports whether an event has told that it was
// carried out.
func (c *Core) leftAlready(cl *Client, m *membership) bool {
	if m.state != taken || cl.stage != connected {
		if m.state == leaving {
			m.state = present
		}
		return false
	}
	m.over()
	return true
}

// over ends a membership whose leave was carried out. If the gateway made that leave for itself, the client has not heard of it:
// the client is taken, and the answer to its next request tells it, or room-left before that answer.
func (m *membership) over() {
	if m.c.ask.Silent && m.c.stage == connected {
		m.take()
		return
	}
	m.remove()
}

// dismissed tells a client that it is in a room no more which its new token does not allow. Mostly an event has done so before.
func (c *Core) dismissed(cl *Client, a *Ask) {
	m := cl.rooms[a.Room]
	if m == nil || m.state == taken || m.joined != a.Joined {
		return
	}
	m.kickWith(proto.Forbidden, "")
	c.dropIfEmpty(m.room)
}

// leftFor handles the answer to a leave that the gateway has made of what it does not have the client in. What was there by an earlier
// turn no later one can leave: it is left as a stranger's.
func (c *Core) leftFor(cl *Client, e *proto.Event) {
	a := &cl.ask
	if !a.Silent || isUnavailable(e) {
		return
	}
	if e.Name == proto.Error && e.Code == proto.CodeResumeFirst {
		c.emit(Out{Kind: LeaveStranger, Room: a.Room, ID: cl.ID, Joined: a.Joined})
	}
	if cl.isUnresumed(a.Room, a.Joined) {
		c.settle(cl, a.Room)
		c.notHere(cl, a.Room)
	}
}
