package parley

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// resumption is a room that this client is in, or may be in, by an earlier connection of its session. Until it is resumed, what is asked
// about it waits.
type resumption struct {
	room  *Room // nil where the app has none of that name: the answer to a request was lost, or the app has left it meanwhile
	fresh bool  // nothing is left of what there was
	asked bool  // of the present connection
	as    bool  // as fresh
	tries int   // of the present connection that met a room service out of reach
	timer *time.Timer
}

// putOutFor is what a room's record says when it was closed, or this client removed: not that it was away for too long.
var putOutFor = []string{"owner-left", "owner-lost", "closed", "removed", "kicked", "banned", "forbidden"}

// suspend has what this client is in, or may be in, wait for the next connection.
func (c *Client) suspend() {
	c.pauseStays()
	for _, p := range c.resuming {
		p.stop()
		p.asked, p.tries = false, 0
	}
	for _, r := range c.requests() {
		switch {
		case r.frame.Name == proto.Resume:
			c.take(r.frame.Ref) // each connection asks that anew
		case r.sent:
			r.sent, r.doubt = false, true
			if r.isEntering() && c.rooms[string(r.frame.Room)] == nil {
				c.addResumption(string(r.frame.Room), &resumption{}) // its answer may have been on its way
			}
		}
	}
	for _, room := range sortedRooms(c.rooms) {
		c.addResumption(room.name, &resumption{room: room})
		room.suspend()
	}
}

func (p *resumption) stop() {
	if p != nil && p.timer != nil {
		p.timer.Stop()
	}
}

func (c *Client) addResumption(name string, p *resumption) {
	if c.resuming[name] == nil {
		c.resuming[name] = p
	}
}

func (c *Client) takeResumption(name string) *resumption {
	p := c.resuming[name]
	p.stop()
	delete(c.resuming, name)
	return p
}

func (c *Client) clearResumptions() {
	for name := range c.resuming {
		c.takeResumption(name)
	}
}

// resumeAll: a connection stands, of a server that knows the session.
func (c *Client) resumeAll() {
	for _, name := range slices.Sorted(maps.Keys(c.resuming)) {
		c.resume(name)
	}
}

// giveUpResumptions: a connection stands, and the server does not know the session. The rooms are lost, and so is what was asked before.
func (c *Client) giveUpResumptions() {
	c.rejectAll(func(r *request) bool { return r.doubt }, Disconnected)
	for _, name := range slices.Sorted(maps.Keys(c.resuming)) {
		if p := c.takeResumption(name); p.room != nil {
			c.out(p.room, End{How: Lost, Reason: "lost"})
		}
	}
}

// resumeFresh: the session may be in a room of which this client knows nothing. That is asked first.
func (c *Client) resumeFresh(name string) {
	if c.resuming[name] == nil {
		c.resuming[name] = &resumption{fresh: true}
		c.resume(name)
	}
}

func (c *Client) resume(name string) {
	p := c.resuming[name]
	if p == nil || c.state != Open {
		return
	}
	p.stop()
	p.asked, p.as = true, p.fresh
	f := proto.Frame{Name: proto.Resume, Room: proto.Room(name), Fresh: p.fresh}
	if p.room != nil && !p.fresh {
		f.Seq, f.Heard = p.room.seq, map[proto.ClientID]int64{}
		for id, n := range p.room.heard {
			f.Heard[proto.ClientID(id)] = n
		}
	}
	_ = c.accept(&request{frame: f, done: make(chan answer, 1)})
}

// resumeRefused: the room service cannot be reached just now, or the room cannot be resumed.
func (c *Client) resumeRefused(name string, err *Error) {
	p := c.resuming[name]
	if p == nil {
		return
	}
	if !err.Temporary() && err.Code != Code(proto.CodeInternal) {
		c.tooLate(name, "")
		return
	}
	delay := min(5*time.Second, 250*time.Millisecond<<min(p.tries, 10))
	p.tries++
	p.timer = time.AfterFunc(delay/2+rand.N(delay/2), func() {
		c.mu.Lock()
		if c.resuming[name] == p {
			c.resume(name)
		}
		c.mu.Unlock()
		c.write()
	})
}

// resumed takes a room that is resumed.
func (c *Client) resumed(e *proto.Event) {
	name := string(e.Room)
	p := c.takeResumption(name)
	room := c.rooms[name]
	if p != nil {
		room = p.room
	}
	switch {
	case room != nil:
		c.dropSignals(name, func(id string) bool {
			return !slices.Contains(e.Clients, proto.ClientID(id)) || slices.Contains(e.Fresh, proto.ClientID(id))
		})
		room.resumed(e)
	case p != nil && p.fresh && !p.as: // the app has left it since: what it asks for now is about another stay
		c.tellLeft(name)
	case p != nil:
		c.claim(e)
	}
	c.flush(name)
}

// claim takes a room of which the app has none: a request's answer was lost.
func (c *Client) claim(e *proto.Event) {
	name := string(e.Room)
	r := c.firstAbout(name, changes)
	if r != nil && !r.isEntering() {
		return // it is left as it should be
	}
	if r == nil {
		c.tellLeft(name)
		return
	}
	c.take(r.frame.Ref)
	foreign := r.frame.Name == proto.RoomCreate && !r.doubt && string(e.OwnerID) != c.id
	switch {
	case foreign:
		c.tellLeft(name)
		r.refuse(RoomExists)
	case c.wanted(r):
		r.end(answer{event: e, room: c.admit(e, r)})
	default:
		c.tellLeft(name)
		r.refuse(NotInRoom)
	}
}

// tooLate: the session is in the room no more. reason: why, where the server still knows.
func (c *Client) tooLate(name, reason string) {
	p := c.takeResumption(name)
	if p != nil && p.room != nil {
		leaving := c.firstAbout(name, (*request).isLeaving) != nil
		switch {
		case leaving:
			c.forget(p.room, End{How: Left})
		case !slices.Contains(putOutFor, reason), reason == "closed" && !c.inTime: // it was out before the owner ended it for who was in
			c.out(p.room, End{How: Lost, Reason: "lost"})
		default:
			c.out(p.room, End{How: Out, Reason: reason})
		}
	}
	c.flush(name)
}

func (c *Client) tellLeft(name string) {
	c.tell(&proto.Frame{Name: proto.RoomLeave, Room: proto.Room(name)})
}

// leaveUnasked leaves a room whose answer came after its request was given up, unless it is wanted again.
func (c *Client) leaveUnasked(name string) {
	delete(c.unasked, name)
	if c.firstAbout(name, func(r *request) bool {
		return changes(r) && r.frame.Name != proto.RoomCreate && r.frame.Name != proto.RoomClose
	}) != nil {
		return
	}
	// Created it may be yet, should it have been closed meanwhile. Else the answer says that it is there: with this client in it.
	if c.firstAbout(name, func(r *request) bool { return r.frame.Name == proto.RoomCreate }) != nil {
		c.unasked[name] = true
		return
	}
	c.tellLeft(name)
}

// leaveIfUnasked: a room exists that this client may be in unasked. So it is in it.
func (c *Client) leaveIfUnasked(name string) {
	if c.rooms[name] == nil && c.unasked[name] {
		c.leaveUnasked(name)
	}
}
