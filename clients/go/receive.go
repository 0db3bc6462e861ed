package parley

import (
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/proto"
)

// connected notes that a connection stands. False: the client is closed.
func (c *Client) connected(conn *websocket.Conn, e *proto.Event) bool {
	c.mu.Lock()
	if c.state == Over {
		c.mu.Unlock()
		return false
	}
	c.inTime = c.isKept()
	c.conn, c.unsent, c.state, c.openedAt = conn, nil, Open, time.Now()
	c.id = string(e.ID)
	c.limits = Limits{}
	if l := e.Limits; l != nil {
		c.limits = Limits{Frame: l.Frame, Rooms: l.Rooms, Rate: l.Rate, Burst: l.Burst}
	}
	c.knows = c.session != nil && e.Keep != nil
	if c.knows {
		c.kept = time.Duration(*e.Keep) * time.Second
		c.resumeAll()
	} else {
		c.giveUpResumptions()
	}
	c.flush("")
	c.comeBack()
	c.watch()
	c.notices = append(c.notices, Notice{State: Open, Again: c.opened > 0})
	c.opened++
	c.isReady()
	c.mu.Unlock()
	c.write()
	return true
}

// lost notes that there is no connection. stood: there was one. The lock is held.
func (c *Client) lost(stood bool) {
	c.conn, c.unsent = nil, nil
	c.stopPings()
	c.endKnocks(Disconnected)
	if c.knows && c.kept > 0 {
		c.suspend()
		return
	}
	c.clearResumptions()
	c.rejectAll(func(r *request) bool { return stood || r.sent }, Disconnected)
	c.pauseStays()
	for _, room := range sortedRooms(c.rooms) {
		c.out(room, End{How: Lost, Reason: "lost"})
	}
}

// receive takes what the server says.
func (c *Client) receive(e *proto.Event) {
	c.mu.Lock()
	c.heard++
	if c.state == Open {
		c.apply(e)
	}
	c.mu.Unlock()
	c.write()
}

func (c *Client) apply(e *proto.Event) {
	name := string(e.Room)
	room := c.rooms[name]
	switch e.Name {
	case proto.Pong:
	case proto.Resumed:
		c.take(e.Ref)
		c.resumed(e)
	case proto.SignalHeld:
		// The server keeps it for its target, and says once more what becomes of it. Until then it is kept here, too.
	case proto.TokenExpiring:
		c.renew()
	case proto.KnockAdmitted, proto.KnockRefused:
		if e.Ref == "" {
			c.knockDecided(e)
			return
		}
		c.answer(e, nil)
	case proto.RoomUpdated, proto.MemberUpdated:
		if room != nil {
			room.tell(e)
		}
		c.answer(e, nil)
	case proto.ClientLeft, proto.ClientBack:
		if e.Name == proto.ClientLeft && c.knows || e.FreshBack {
			c.dropSignals(name, func(id string) bool { return id == string(e.ID) })
		}
		fallthrough
	case proto.ClientJoined, proto.ClientAway, proto.ClientKnocked, proto.SignalReceive, proto.Live:
		if room != nil {
			room.tell(e)
		}
	default:
		c.answered(e, room)
	}
}

// tell takes an event of the room.
func (r *Room) tell(e *proto.Event) {
	switch e.Name {
	case proto.ClientJoined:
		r.joined(e)
	case proto.ClientLeft:
		r.left(e)
	case proto.ClientAway:
		r.memberAway(string(e.ID), e.Seq)
	case proto.ClientBack:
		r.memberBack(e)
	case proto.ClientKnocked:
		r.knocked(e)
	case proto.RoomUpdated:
		r.updated(e)
	case proto.MemberUpdated:
		r.memberUpdated(e)
	case proto.SignalReceive:
		r.received(e)
	case proto.Live:
		r.live(e.Lost)
	default:
	}
}

// answer ends the request that an event answers.
func (c *Client) answer(e *proto.Event, err error) {
	if r := c.take(e.Ref); r != nil {
		r.end(answer{event: e, err: err})
	}
}

func (c *Client) answered(e *proto.Event, room *Room) {
	name := string(e.Room)
	switch e.Name {
	case proto.RoomCreated, proto.RoomJoined:
		c.entered(e, room)
	case proto.RoomLeft:
		if room != nil && e.Kicked {
			c.out(room, End{How: Out, Reason: orRemoved(e.Reason), Message: e.Message})
		} else if room != nil {
			c.forget(room, End{How: Left})
		}
		c.answer(e, nil)
	case proto.NotInRoom:
		c.notInRoom(e)
	case proto.RoomExists:
		c.leaveIfUnasked(name)
		c.answer(e, refusal(RoomExists, name))
	case proto.RoomNotExists:
		c.knockDecided(e)
		c.answer(e, refusal(RoomNotExists, name))
	case proto.TargetNotFound:
		c.answer(e, refusal(TargetNotFound, name))
	case proto.Error:
		c.refused(e)
	default: // what else has a ref is the answer to a request; and without it is an event of a later version
		c.answer(e, nil)
	}
}

func orRemoved(reason proto.Reason) string {
	if reason == "" {
		return string(proto.Removed)
	}
	return string(reason)
}

// entered takes the answer that makes this client a member.
func (c *Client) entered(e *proto.Event, room *Room) {
	r := c.take(e.Ref)
	if room == nil && (r == nil || !c.wanted(r)) {
		c.leaveUnasked(string(e.Room))
		if r != nil {
			r.refuse(NotInRoom)
		}
		return
	}
	in := c.admit(e, r)
	if r != nil {
		r.end(answer{event: e, room: in})
	}
}

func (c *Client) notInRoom(e *proto.Event) {
	name := string(e.Room)
	r := c.take(e.Ref)
	switch {
	case r == nil:
	case r.frame.Name == proto.Resume:
		c.tooLate(name, string(e.Reason))
	case r.isLeaving():
		if room := c.roomOrStay(name); room != nil {
			c.forget(room, End{How: Left})
		}
		r.end(answer{event: e})
	default:
		r.refuse(NotInRoom)
	}
}

func (c *Client) roomOrStay(name string) *Room {
	if room := c.rooms[name]; room != nil {
		return room
	}
	if s := c.stays[name]; s != nil {
		return s.room
	}
	return nil
}

func (c *Client) refused(e *proto.Event) {
	err := &Error{Code: Code(e.Code), Message: e.Message, Room: string(e.Room)}
	r := c.pending[e.Ref]
	if r == nil {
		if !c.knockFailed(err) {
			c.notices = append(c.notices, Notice{Err: err})
		}
		return
	}
	if e.Code == proto.CodeResumeFirst && !r.again && c.knows { // the session is in a room of which this client knows nothing
		r.sent, r.again = false, true
		c.resumeFresh(string(r.frame.Room))
		return
	}
	c.take(e.Ref)
	switch {
	case r.frame.Name == proto.Resume:
		c.resumeRefused(string(r.frame.Room), err)
	case e.Code == proto.CodeTooOld && r.doubt:
		r.end(answer{event: e}) // it had arrived before the connection was lost, and much after it
	default:
		r.end(answer{err: err})
	}
}
