package rooms

import (
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// room is a room in which this gateway has members, or in which a create or join of one of its clients is under way. Its fields
// are what has been told, who is here, and how it becomes level again: none of them means anything without the others.
type room struct {
	core    *Core
	name    proto.Room
	at      int                         // in core.order
	view                                // reached: what has been told, of all members, on whatever gateway
	local   []*membership               // those here that are told things, when they are not away
	joining []*joining                  // creates, joins and resumes under way
	asking  []*membership               // those of local from resumed to live
	away    map[proto.ClientID]struct{} // members of whom it has been told that they are away
	named   int64                       // when a check last named it, or its first member came

	sync        sync
	asked       roster // the roster under way, while sync is asked
	compareNext Reason // it is compared once more when that has come: something may have been missed meanwhile
	kept        keep   // what cannot be told yet
}

// sync says how a room's members here stand to the room. The package comment has the picture.
type sync uint8

const (
	level      sync = iota // they have been told all that is known
	queued                 // a roster is to be asked for, when there are fewer under way
	asked                  // a roster is under way
	unanswered             // there was none: it is asked for again with the next tick
)

// membership is a client of this gateway in a room.
type membership struct {
	c      *Client
	room   *room
	joined proto.RequestID // the request that the record bears
	state  presence
	index  int                      // in room.local, unless taken
	lastN  map[proto.ClientID]int64 // the last n of each sender
	own    *receiving               // nil: its record is not that of a resumable session
}

// presence says how far a membership has come. The package comment has the picture.
type presence uint8

const (
	present presence = iota // it is told what happens
	leaving                 // so it is, and its own leave is under way
	taken                   // it is out, and has not been told so
)

// joining is a create, join, enter or resume under way. What comes for the room meanwhile is kept for its client alone.
type joining struct {
	c       *Client
	num     uint64  // of the request
	kept    []*kept // events, shared by all that join at once
	signals keep
	removed uint64 // the event that removed the client, when it was a member and joined again; 0: none
	closed  bool   // that event was the room's closing
}

// room returns the room of that name, made if need be.
func (c *Core) room(name proto.Room) *room {
	r := c.rooms[name]
	if r == nil {
		r = &room{core: c, name: name, at: len(c.order)}
		c.rooms[name] = r
		c.order = append(c.order, r)
	}
	return r
}

// dropIfEmpty forgets a room in which nobody here is or is about to be.
func (c *Core) dropIfEmpty(r *room) {
	if len(r.local) > 0 {
		return
	}
	r.view, r.sync, r.compareNext, r.away = view{}, level, "", nil
	c.refuseKept(r, &r.kept)
	if len(r.joining) > 0 || c.rooms[r.name] != r {
		return
	}
	delete(c.rooms, r.name)
	last := len(c.order) - 1
	c.order[r.at] = c.order[last]
	c.order[r.at].at = r.at
	c.order[last] = nil
	c.order = c.order[:last]
}

// member returns the client's membership here while it is told things, or nil.
func (r *room) member(cl *Client) *membership {
	if cl == nil {
		return nil
	}
	if m := cl.rooms[r.name]; m != nil && m.state != taken {
		return m
	}
	return nil
}

// add makes a client a member here.
func (r *room) add(cl *Client, joined proto.RequestID) *membership {
	m := &membership{c: cl, room: r, joined: joined, index: len(r.local)}
	if len(r.local) == 0 {
		r.named = r.core.now
	}
	r.local = append(r.local, m)
	m.lastN = cl.parted[r.name].lastN
	delete(cl.parted, r.name)
	if cl.rooms == nil {
		cl.rooms = make(map[proto.Room]*membership)
	}
	cl.rooms[r.name] = m
	r.core.emit(Out{Kind: Member, To: r.core.one(cl), Room: r.name, Joined: joined})
	return m
}

// joinedBy notes which request the member's record bears.
func (m *membership) joinedBy(id proto.RequestID) {
	if m.joined == id {
		return
	}
	m.joined = id
	m.room.core.emit(Out{Kind: Member, To: m.room.core.one(m.c), Room: m.room.name, Joined: id})
}

// take takes a member out of what is told. Its client has not heard the end yet.
func (m *membership) take() {
	if m.state == taken {
		return
	}
	r := m.room
	if m.own != nil {
		r.core.stopAsking(m, proto.TookNone)
	} else if len(r.stays) > 0 {
		r.core.notHere(m.c, r.name)
	}
	last := len(r.local) - 1
	r.local[m.index] = r.local[last]
	r.local[m.index].index = m.index
	r.local[last] = nil
	r.local = r.local[:last]
	m.state = taken
}

// remove ends a membership.
func (m *membership) remove() {
	m.end()
	if m.own != nil {
		m.room.core.notHere(m.c, m.room.name)
	}
}

// end ends a membership as far as its client goes. The keeper goes on.
func (m *membership) end() {
	m.take()
	m.part()
	if m.c.rooms[m.room.name] == m {
		delete(m.c.rooms, m.room.name)
		m.room.core.emit(Out{Kind: Parted, To: m.room.core.one(m.c), Room: m.room.name})
	}
}

// kick ends a membership and tells its client that it was removed: why is not known, or nobody's doing.
func (m *membership) kick() { m.kickWith(proto.Removed, "") }

// kickWith is kick with the reason, and with a word of who has removed the client.
func (m *membership) kickWith(why proto.Reason, message string) {
	e := kicked(m.room.name, why)
	e.Message = message
	m.kickAs(e)
}

// kickAs ends a membership, of which its client hears an event.
func (m *membership) kickAs(e *proto.Event) {
	m.remove()
	m.room.core.tellOne(m.c, e, nil)
}

// tell gives every member here an event, but for the client that it is about.
func (r *room) tell(e *proto.Event, payload []byte, about proto.ClientID) {
	c := r.core
	from := len(c.to)
	for _, m := range r.local {
		if m.c.ID != about && m.c.stage == connected {
			c.to = append(c.to, m.c)
		}
	}
	lazy := len(r.members.at)
	if lazy < c.cfg.Many {
		lazy = 0
	}
	if to := c.to[from:]; len(to) > 0 {
		c.emit(Out{Kind: Tell, To: to, Event: e, Payload: payload, Lazy: lazy})
	}
}

// endJoining takes a create or join out of those under way, and returns it, or nil.
func (r *room) endJoining(cl *Client, num uint64) *joining {
	i := slices.IndexFunc(r.joining, func(j *joining) bool { return j.c == cl && j.num == num })
	if i < 0 {
		return nil
	}
	j := r.joining[i]
	r.joining = slices.Delete(r.joining, i, i+1)
	return j
}

// joiningOf returns the client's create or join under way, or nil.
func (r *room) joiningOf(cl *Client) *joining {
	for _, j := range r.joining {
		if j.c == cl {
			return j
		}
	}
	return nil
}
