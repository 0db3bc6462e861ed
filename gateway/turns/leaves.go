package turns

import (
	"maps"
	"slices"

	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// LeaveDoubted leaves a room of which an event has made the client a member, where the gateway does not have it: one of
// its requests that was given up has been carried out.
func (t *Turns) LeaveDoubted(c Client, room proto.Room, deadline int64) {
	if _, in := c.Joined(room); in {
		return
	}
	if d, ok := t.doubts[room]; ok && d.op != proto.OpResume {
		t.undo(c, room, d, deadline)
	} else if u, ok := t.undone[room]; ok {
		t.LeaveGhost(c, room, u.id, deadline)
	}
}

// LeaveGhost leaves what a request has joined, where the gateway does not have the client by that request.
func (t *Turns) LeaveGhost(c Client, room proto.Room, joined proto.RequestID, deadline int64) {
	if by, _ := c.Joined(room); by == joined {
		return // it is in there, rightly
	}
	a := t.leave(c, room, joined, deadline)
	a.Silent, a.Lost = true, true
	outcome := t.do(c, a)
	if d, ok := t.doubts[room]; ok && d.membership(c) == joined && outcome != rooms.Unavailable {
		delete(t.doubts, room)
	}
}

// Depart leaves every room after the connection has ended, but for those which a resume in doubt may have come back to: these are left
// when the time for which the session is kept there is over, by LeaveGhost. in are the rooms, each with the request that joined it. What
// cannot be said now, checks mend. It reports whether everything that was ever asked has its answer: a request that was in
// doubt may be carried out after its leave, so then the client has to be remembered for its late answer.
func (t *Turns) Depart(c Client, in map[proto.Room]proto.RequestID, deadline int64) (settled bool) {
	doubted := len(t.doubts) > 0
	leave := func(room proto.Room, joined proto.RequestID) bool {
		a := t.leave(c, room, joined, deadline)
		a.Silent, a.Lost = true, true
		return t.do(c, a) != rooms.Unavailable
	}
	for _, room := range slices.Sorted(maps.Keys(in)) {
		if !leave(room, in[room]) {
			return false
		}
	}
	for _, room := range slices.Sorted(maps.Keys(t.doubts)) {
		if t.doubts[room].op == proto.OpResume {
			continue
		}
		if !leave(room, t.doubts[room].membership(c)) {
			return false
		}
		delete(t.doubts, room)
	}
	return !doubted
}
