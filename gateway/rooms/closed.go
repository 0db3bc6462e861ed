package rooms

import (
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// why returns what a client is told that an event has removed: it was removed by somebody, or the system did it.
func why(e *proto.Event) proto.Reason {
	switch e.Reason {
	case proto.Kicked, proto.Banned, proto.Forbidden:
		return e.Reason
	default:
		return proto.Removed
	}
}

// closed tells every member here that the room is closed, but for one that has left or closed it as it asked.
func (r *room) closed(e *proto.Event, message string) {
	r.members = members{}
	by := closer(e)
	r.learn(nil)
	here := slices.Clone(r.local)
	for _, m := range here {
		if m.c.ID == by && m.state == leaving {
			m.take()
			continue
		}
		r.outdate(m.c, true)
		m.remove()
	}
	c := r.core
	from := len(c.to)
	for _, m := range here {
		if m.c.rooms[r.name] != m && m.c.stage == connected && m.c.ID != by {
			c.to = append(c.to, m.c)
		}
	}
	if to := c.to[from:]; len(to) > 0 {
		c.emit(Out{Kind: Tell, To: to, Event: closing(e, "", "")})
	}
	for _, m := range here {
		if m.c.ID == by && m.c.rooms[r.name] != m {
			c.tellOne(m.c, closing(e, by, message), nil)
		}
	}
}

// closer returns who has ended a room: by leaving it as its owner or as its last member, by being removed as such, or by room-close.
func closer(e *proto.Event) proto.ClientID {
	if e.ID != "" {
		return e.ID
	}
	return e.OwnerID
}

// closing returns what a client hears of its room's end. The word is for who was removed by it, and why is too: others that are here
// still, where the last member was removed, have left before, and that was missed.
func closing(e *proto.Event, id proto.ClientID, message string) *proto.Event {
	told := kicked(e.Room, e.Reason)
	switch own := id == closer(e); {
	case own:
		told.Message = message
		if e.ID != "" && e.Reason != proto.ClosedForAll {
			told.Reason = why(e)
		}
	case e.ID != "" && e.Reason != proto.ClosedForAll:
		told.Reason = proto.Removed
	case e.Reason == proto.Kicked || e.Reason == proto.Banned: // the owner, whom only an operator removes: others hear what it means for them
		told.Reason = proto.OwnerLeft
	}
	return told
}
