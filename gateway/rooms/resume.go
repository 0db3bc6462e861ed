package rooms

import (
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// resumed handles a client's resumed: what was in the room by earlier turns of its session is over, and the client is a member by this
// one. It is told so first, then what has happened since; what is pushed to it waits until its senders' gateways have said what they
// keep for it.
func (c *Core) resumed(cl *Client, in *In) Outcome {
	e := in.Event
	if c.outrun(cl) {
		return c.fenced(cl)
	}
	r := c.room(cl.ask.Room)
	j := r.endJoining(cl, cl.ask.Num)
	if j == nil {
		j = &joining{c: cl, num: cl.ask.Num}
	}
	stay := ownStay(in.Stays, cl)
	if stay == nil { // of a replica that does not say so
		stay = &proto.Stay{Gateway: c.cfg.Self, Request: cl.ask.ID, Turn: cl.Turn}
	}
	c.settle(cl, r.name)
	c.replaceOlder(cl, r.name, true)
	switch {
	case len(r.local) == 0:
		r.begin(wholeOf(cl, in))
	case e.Seq > r.seq:
		r.level(wholeOf(cl, in))
	}
	if old := cl.rooms[r.name]; old != nil {
		old.end()
	}
	m := r.add(cl, cl.ask.ID)
	m.resumable(stay, c.back(in))
	if in.Bears != "" {
		m.joinedBy(in.Bears)
	}
	others := slices.Clone(e.Unpack())
	m.beginAsking(&cl.ask, others, in.Stays)
	e, payload := r.withAway(e, in.Payload)
	c.tellAnswer(cl, e, payload)
	c.catchUp(m, j, in)
	r.outrank(m)
	if m.own.asking != nil {
		senders := m.own.asking.senders
		if !cl.ask.Fresh {
			senders = m.own.asking.untold()
		}
		m.ask(senders, cl.ask.Fresh)
		c.liveIfDone(m)
	}
	return OK
}

// back says how a client has come back: from which gateway.
func (c *Core) back(in *In) Out {
	back := Out{Before: c.cfg.Self, Fresh: in.Client.ask.Fresh, Num: in.Event.Seq}
	if in.Stays != nil && in.Stays.Before != "" {
		back.Before = in.Stays.Before
	}
	return back
}

// outrank ends a membership where the room is known to have a later turn of its session.
func (r *room) outrank(m *membership) {
	if st, ok := r.stays[m.c.ID]; ok && st.Turn > m.c.Turn && m.state != taken {
		r.core.supersede(m, &place{st.Gateway, &st.Stay})
		r.core.dropIfEmpty(r)
	}
}

// view returns a room as one has been told it to whom it was answered so.
func (w *whole) view() *view {
	return &view{seq: w.seq, owner: w.owner, members: membersOf(w.clients), stays: w.stays, shown: (&shown{}).after(w)}
}

// notResumed takes note of an answer by which the client's resume has brought it nothing: it is in doubt, or the session is not in that
// room. Who is here by an earlier turn has not been told so then: the roster says.
func (c *Core) notResumed(cl *Client, e *proto.Event) {
	name := cl.ask.Room
	switch {
	case cl.ask.Op != proto.OpResume:
	case isUnavailable(e):
		c.unresume(cl, name, cl.ask.ID)
	case e.Name == proto.NotInRoom:
		if c.settle(cl, name) {
			c.notHere(cl, name)
		}
		if r := c.rooms[name]; r != nil && r.memberOf(cl.ID) != nil {
			c.askRoster(r, Moved)
		}
	}
}

// resumedLate notes that a resume was carried out which was given up: the client is away there until it asks again.
func (c *Core) resumedLate(in *In) {
	cl, name := in.Client, in.Event.Room
	if cl.rooms[name] != nil || cl.busyIn(name) {
		return
	}
	if !cl.isUnresumed(name, "") {
		c.unresume(cl, name, in.Ask.ID)
	}
	c.meetBack(name, cl.ID, cl.Turn, &place{gateway: c.cfg.Self})
	if stay := ownStay(in.Stays, cl); stay != nil {
		c.hereUnresumed(name, cl.ID, stay)
	}
}
