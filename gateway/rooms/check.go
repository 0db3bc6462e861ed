package rooms

import "github.com/parley-rtc/parley/proto"

// check compares what a replica believes of our members in a room with what is so.
func (c *Core) check(in *proto.CheckRoom) {
	r := c.rooms[in.Room]
	if r != nil {
		r.named = c.now
	}
	believed := make(map[proto.ClientID]struct{}, len(in.Members))
	for _, m := range in.Members {
		believed[m.ID] = struct{}{}
		c.checkMember(r, in, m)
	}
	if r == nil || len(r.local) == 0 {
		return
	}
	if r.seq != in.Seq {
		c.askRoster(r, Checked)
		return
	}
	for _, m := range r.local {
		if _, ok := believed[m.c.ID]; !ok {
			c.askRoster(r, Checked)
			return
		}
	}
}

// checkMember leaves for a client that a replica believes to be in a room in which the gateway does not have it.
func (c *Core) checkMember(r *room, in *proto.CheckRoom, named proto.CheckMember) {
	cl := c.clients[named.ID]
	if cl == nil {
		c.emit(Out{Kind: LeaveStranger, Room: in.Room, ID: named.ID, Joined: named.Request})
		return
	}
	m, busy := c.anyOf(cl, in.Room)
	switch {
	case !busy && c.unresumedIn(named.ID, in.Room, named.Request) != nil:
		c.resumedUnheard(named.ID, in.Room, named.Request)
	case m == nil && c.unresumedIn(named.ID, in.Room, "") != nil: // what is in doubt is left in its time
	case m != nil && m.state != taken:
		if in.Seq >= r.seq && !busy {
			m.joinedBy(named.Request) // the record knows best, unless it is an old one
		}
	case busy, m != nil:
	default:
		c.emit(Out{Kind: QueueLeave, To: c.one(cl), Room: in.Room, Joined: named.Request})
	}
}

// anyOf returns the membership of a session in a room, by whichever of its connections, and whether one of these has a request under way
// there.
func (c *Core) anyOf(cl *Client, name proto.Room) (m *membership, busy bool) {
	for ; cl != nil; cl = cl.before() {
		busy = busy || cl.busyIn(name)
		if of := cl.rooms[name]; of != nil && (m == nil || m.state == taken) {
			m = of
		}
	}
	return m, busy
}

// resumedUnheard notes that a resume was carried out whose answer has not come: what was there by earlier turns is over.
func (c *Core) resumedUnheard(id proto.ClientID, name proto.Room, joined proto.RequestID) {
	c.meetBack(name, id, c.unresumedIn(id, name, joined).Turn, &place{gateway: c.cfg.Self})
}
