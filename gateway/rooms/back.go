package rooms

import (
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// meetBack takes out of a room whom a later turn of its session has come back to it, or joined it anew. It waits for no order: whatever
// else is missing, the earlier turn has no say there any more.
func (c *Core) meetBack(name proto.Room, id proto.ClientID, turn int64, at *place) {
	for cl := c.clients[id]; cl != nil; cl = cl.before() {
		if cl.Turn >= turn || cl.session == nil {
			continue
		}
		if c.settle(cl, name) {
			c.elsewhere(cl, name, at)
		}
		if m := cl.rooms[name]; m != nil {
			c.supersede(m, at)
			c.dropIfEmpty(m.room)
		}
		if i := slices.Index(cl.session.parting, name); i >= 0 {
			cl.session.parting = slices.Delete(cl.session.parting, i, i+1)
			c.elsewhere(cl, name, at)
		}
	}
}

// supersede ends a membership without a word: its session is in the room by a later turn. No leave is sent for it.
func (c *Core) supersede(m *membership, at *place) {
	m.end()
	if m.own != nil {
		c.elsewhere(m.c, m.room.name, at)
	}
	c.oust(m.c)
}

// replaceOlder ends the memberships of earlier turns of a client that has come back to a room, or has joined it anew.
func (c *Core) replaceOlder(cl *Client, name proto.Room, back bool) {
	for old := cl.before(); old != nil; old = old.before() {
		m := old.rooms[name]
		c.settle(old, name)
		switch {
		case m == nil:
		case back:
			c.supersede(m, &place{gateway: c.cfg.Self})
		default:
			m.remove()
			c.oust(old)
		}
	}
}

// oust has a connection closed whose session goes on with another.
func (c *Core) oust(cl *Client) {
	if s := cl.session; s != nil && !s.ousted && cl.stage == connected {
		s.ousted = true
		c.emit(Out{Kind: Oust, To: c.one(cl)})
	}
}

// fenced handles the answer that a later turn of the client's session is in the room. Where the client has been a member by this turn, the
// roster says where its session has gone.
func (c *Core) fenced(cl *Client) Outcome {
	name := cl.ask.Room
	if !isLeave(cl.ask.Op) {
		c.notJoined(cl)
	}
	if c.settle(cl, name) {
		cl.session.parting = append(cl.session.parting, name)
	}
	c.oust(cl)
	m := cl.rooms[name]
	switch {
	case m == nil:
	case cl.stage != connected && m.state == taken:
		c.emit(Out{Kind: Parted, To: c.one(cl), Room: name}) // it is not to be left again
	default:
		if m.state == leaving {
			m.state = present
		}
		c.askRoster(m.room, Moved)
	}
	return Declined
}

// overtaken has a connection closed of whose session a later turn is in a room. Where the client has been a member there by this turn, the
// roster says where its session has gone.
func (c *Core) overtaken(cl *Client, name proto.Room) {
	c.oust(cl)
	if m := cl.rooms[name]; m != nil && m.state != taken {
		c.askRoster(m.room, Moved)
	}
}

// outrun reports whether a later turn of the client's session is in the room that the client has asked for. An answer to that is from before.
func (c *Core) outrun(cl *Client) bool {
	for newer := c.clients[cl.ID]; newer != nil && newer.Turn > cl.Turn; newer = newer.before() {
		if m := newer.rooms[cl.ask.Room]; m != nil && m.state != taken {
			return true
		}
	}
	return false
}

// leaveMade leaves what a connection has joined that is being closed because its session goes on with another.
func (c *Core) leaveMade(cl *Client, bears proto.RequestID) Outcome {
	joined := cl.ask.ID
	if bears != "" {
		joined = bears
	}
	name := cl.ask.Room
	c.notJoined(cl)
	c.emit(Out{Kind: QueueLeave, To: c.one(cl), Room: name, Joined: joined})
	return Declined
}
