package rooms

import (
	"maps"
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// unresumed is a room that a client may have come back to: its resume was not answered in time. It counts as away there, and its
// session is kept anew. It is left when that time is over, and left again until the room service has answered.
type unresumed struct {
	joined proto.RequestID // the resume's
	until  int64
}

// unresume notes that a resume is in doubt.
func (c *Core) unresume(cl *Client, name proto.Room, joined proto.RequestID) {
	s := cl.session
	if s == nil {
		return
	}
	if len(s.unresumed) == 0 {
		s.unresumed = make(map[proto.Room]unresumed)
		c.unresumed = append(c.unresumed, cl)
	}
	s.unresumed[name] = unresumed{joined, c.now + cl.Keep}
	for old := s.older; old != nil; old = old.before() {
		if old.rooms[name] != nil {
			c.emit(Out{Kind: KeepAnew, To: c.one(old)})
		}
	}
}

// unresumedIn returns the client of a session that is away in a room by a resume in doubt, or nil. joined is the resume's request;
// empty: of any.
func (c *Core) unresumedIn(id proto.ClientID, name proto.Room, joined proto.RequestID) *Client {
	for cl := c.clients[id]; cl != nil; cl = cl.before() {
		if cl.isUnresumed(name, joined) {
			return cl
		}
	}
	return nil
}

func (cl *Client) isUnresumed(name proto.Room, joined proto.RequestID) bool {
	if cl.session == nil {
		return false
	}
	u, ok := cl.session.unresumed[name]
	return ok && (joined == "" || u.joined == joined)
}

// hereUnresumed has the keeper know of a client whose resume has turned out to be carried out: it is away in that room.
func (c *Core) hereUnresumed(name proto.Room, id proto.ClientID, stay *proto.Stay) {
	if cl := c.turn(id, stay.Turn); cl != nil && stay.Gateway == c.cfg.Self && cl.isUnresumed(name, "") {
		c.here(cl, name, stay, Out{Before: c.cfg.Self})
	}
}

// settle ends the doubt about a resume, and reports whether there was one.
func (c *Core) settle(cl *Client, name proto.Room) bool {
	if !cl.isUnresumed(name, "") {
		return false
	}
	delete(cl.session.unresumed, name)
	if len(cl.session.unresumed) == 0 {
		c.unresumed = slices.DeleteFunc(c.unresumed, func(u *Client) bool { return u == cl })
	}
	return true
}

// leaveUnresumed leaves those rooms for whose resumption there was time enough.
func (c *Core) leaveUnresumed() {
	for _, cl := range c.unresumed {
		for _, name := range slices.Sorted(maps.Keys(cl.session.unresumed)) {
			u := cl.session.unresumed[name]
			if c.now < u.until || cl.busyIn(name) {
				continue
			}
			u.until = c.now + int64(proto.LeavePutOff)
			cl.session.unresumed[name] = u
			c.emit(Out{Kind: QueueLeave, To: c.one(cl), Room: name, Joined: u.joined})
		}
	}
}
