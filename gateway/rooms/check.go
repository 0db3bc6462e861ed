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
	m := cl.rooms[in.Room]
	switch {
	case m != nil && m.state != taken:
		if in.Seq >= r.seq && !cl.busyIn(in.Room) {
			m.joinedBy(named.Request) // the record knows best, unless it is an old one
		}
	case cl.busyIn(in.Room), m != nil:
	default:
		c.emit(Out{Kind: QueueLeave, To: c.one(cl), Room: in.Room, Joined: named.Request})
	}
}
