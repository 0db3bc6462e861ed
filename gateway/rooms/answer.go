package rooms

import "github.com/parley-rtc/parley/proto"

// answer tells a client what became of its request, and takes note of it.
func (c *Core) answer(in *In) {
	cl, e := in.Client, in.Event
	if !cl.asking || cl.ask.Num != in.Ask.Num {
		c.late(in)
		return
	}
	outcome := Declined
	switch {
	case e.Name == proto.Fenced:
		outcome = c.fenced(cl)
	case isLeave(cl.ask.Op):
		outcome = c.left(cl, e, in.Payload)
	case e.Name == proto.RoomCreated, e.Name == proto.RoomJoined:
		outcome = c.joined(cl, in)
	case e.Name == proto.Resumed && cl.session != nil:
		outcome = c.resumed(cl, in)
	default:
		if m := cl.rooms[cl.ask.Room]; m != nil && e.Name == proto.RoomNotExists {
			m.kick() // it was in there, and has not heard that the room was closed
		}
		if e.Name == proto.RoomNotExists && cl.ask.Full {
			full := proto.Errorf(proto.CodeTooManyRooms, cl.ask.Room, cl.ID, "%s", FullOfRooms)
			e, in.Payload = &full, nil
		}
		c.notResumed(cl, e)
		c.notJoined(cl)
		c.tellAnswer(cl, e, in.Payload)
	}
	if isUnavailable(e) && outcome != OK {
		outcome = Unavailable
	}
	c.resolve(cl, outcome)
}

// late handles an answer that came after its request was given up. If it makes our client a member of a room that we do not have
// the client in, the client leaves that room.
func (c *Core) late(in *In) {
	cl, e := in.Client, in.Event
	if e.Name == proto.Resumed && cl.session != nil {
		c.resumedLate(in)
	}
	if e.Name != proto.RoomCreated && e.Name != proto.RoomJoined || cl.rooms[e.Room] != nil || cl.busyIn(e.Room) {
		return
	}
	joined := in.Ask.ID
	if in.Bears != "" {
		joined = in.Bears
	}
	c.emit(Out{Kind: QueueLeave, To: c.one(cl), Room: e.Room, Joined: joined})
}

// isUnavailable reports whether an answer says that nobody knows what became of the request.
func isUnavailable(e *proto.Event) bool {
	return e.Name == proto.Error && e.Code == proto.CodeUnavailable
}

// tellAnswer queues an answer that changes nothing here.
func (c *Core) tellAnswer(cl *Client, e *proto.Event, payload []byte) {
	if !cl.ask.Silent {
		c.emit(Out{Kind: Tell, To: c.one(cl), Event: e, Payload: payload, Ref: cl.ask.Ref})
	}
}

// Unreached is what a client is told when nobody can be asked in time.
const Unreached = "the room service could not be reached in time"

// FullOfRooms is what a client is told whose user may create no other room.
const FullOfRooms = "the user owns as many rooms as it may: leave one, or hand one over"

// Unanswered is what a client is told whose request nobody answered in time.
func Unanswered(room proto.Room, client proto.ClientID) proto.Event {
	return proto.Errorf(proto.CodeUnavailable, room, client,
		"%s: the change may or may not have been made, asking again is safe", Unreached)
}

// giveUp ends a request whose time is up, unless its answer has come meanwhile.
func (c *Core) giveUp(cl *Client, num uint64) {
	if !cl.asking || cl.ask.Num != num {
		return
	}
	unavailable := Unanswered(cl.ask.Room, cl.ID)
	outcome := Unavailable
	if !isLeave(cl.ask.Op) {
		if cl.ask.Op == proto.OpResume {
			c.unresume(cl, cl.ask.Room, cl.ask.ID)
		}
		c.notJoined(cl)
	} else if m := cl.leaves(&cl.ask); m == nil {
		c.tellTaken(cl)
	} else if c.leftAlready(cl, m) {
		unavailable = proto.Event{Name: proto.RoomLeft, Room: cl.ask.Room}
		outcome = OK
	}
	c.tellAnswer(cl, &unavailable, nil)
	c.resolve(cl, outcome)
}

// tellTaken sends room-left to a client that is taken, before an answer that does not say so. Example: bob's leave was unavailable;
// before bob's create the gateway leaves for bob; the create is answered room-exists, so bob hears room-left first.
func (c *Core) tellTaken(cl *Client) {
	if m := cl.rooms[cl.ask.Room]; m != nil && m.state == taken && cl.stage == connected {
		m.kick()
		c.dropIfEmpty(m.room)
	}
}

// notJoined drops what was kept for a client that did not become a member.
func (c *Core) notJoined(cl *Client) {
	c.tellTaken(cl)
	r := c.rooms[cl.ask.Room]
	if r == nil {
		return
	}
	if j := r.endJoining(cl, cl.ask.Num); j != nil {
		c.refuse(r, j)
	}
	c.dropIfEmpty(r)
}
