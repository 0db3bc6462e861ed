package rooms

import (
	"cmp"
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// joined handles a client's room-created or room-joined: it becomes a member here, is told so first, then what was kept
// for it, and is brought level with the room.
func (c *Core) joined(cl *Client, in *In) Outcome {
	e, payload, bears := in.Event, in.Payload, in.Bears
	if cl.session != nil && cl.session.ousted || c.outrun(cl) {
		return c.leaveMade(cl, bears)
	}
	r := c.room(cl.ask.Room)
	j := r.endJoining(cl, cl.ask.Num)
	if j == nil {
		j = &joining{c: cl, num: cl.ask.Num}
	}
	if e.Seq < j.removed {
		return c.joinedBefore(r, j)
	}
	if e.Name == proto.RoomCreated {
		r.replaced(cl, e.Seq)
	}
	c.replaceOlder(cl, r.name, false)
	c.settle(cl, r.name) // what it had resumed, perhaps, it has left
	m := r.member(cl)
	known := m != nil
	switch {
	case len(r.local) == 0:
		r.begin(wholeOf(cl, in))
	case e.Seq > r.seq: // it counts as a roster: the others are told the difference first
		to := wholeOf(cl, in)
		if known && e.Name == proto.RoomJoined && !m.isAnew(to) { // else it has a new place
			to.clients = r.placed(cl.ID, e.Unpack())
		}
		r.level(to)
	}
	m = r.member(cl)
	known = m != nil
	if !known {
		if old := cl.rooms[r.name]; old != nil {
			old.remove()
		}
		m = r.add(cl, cl.ask.ID)
	}
	if stay := ownStay(in.Stays, cl); stay != nil && m.own == nil {
		m.resumable(stay, Out{})
	} else if !known && len(r.stays) > 0 {
		c.here(cl, r.name, nil, Out{})
	}
	if bears != "" {
		m.joinedBy(bears)
	}
	m.state = present
	if known {
		c.joinedAgain(m, e, payload)
		c.refuse(r, j)
		return OK
	}
	r.tellJoined(cl, e, payload)
	c.catchUp(m, j, in)
	r.outrank(m)
	return OK
}

// joinedBefore answers a member that joined again and has been told since that it was removed. Between request and answer
// the room was closed, or nobody can say whether it is in there.
func (c *Core) joinedBefore(r *room, j *joining) Outcome {
	c.tellTaken(j.c)
	c.refuse(r, j)
	c.dropIfEmpty(r)
	if j.closed {
		c.tellAnswer(j.c, &proto.Event{Name: proto.RoomNotExists, Room: r.name}, nil)
		return Declined
	}
	e := proto.Errorf(proto.CodeUnavailable, r.name, j.c.ID, "the client was removed meanwhile: ask again")
	c.tellAnswer(j.c, &e, nil)
	return Unavailable
}

// joinedAgain tells a member that joined again, with the list as it has been told since where the answer is older.
func (c *Core) joinedAgain(m *membership, e *proto.Event, payload []byte) {
	r := m.room
	if e.Seq >= r.seq {
		r.tellJoined(m.c, e, payload)
		if r.names(e.More) {
			had := wholeOf(m.c, &In{Event: e}).view()
			r.tellAgain(m.c.ID, r.owner, &had.shown)
		}
		r.replay()
		c.dropIfEmpty(r)
		return
	}
	others := slices.DeleteFunc(r.members.list(), func(id proto.ClientID) bool { return id == m.c.ID })
	with, _ := r.withAway(&proto.Event{
		Name: proto.RoomJoined, Room: r.name, OwnerID: r.owner, Clients: others, Seq: r.seq, Policy: e.Policy, More: moreOf(e.More, others),
	}, nil)
	c.tellAnswer(m.c, with, nil)
	had := (&shown{}).after(&whole{more: with.More, policy: e.Policy})
	r.tellAgain(m.c.ID, r.owner, &had) // what the answer says of names is from before
}

// replaced removes our members of an earlier room: a client has created one of that name, so the earlier one was closed, and we
// missed that. Nothing is done where the creator is known in the new room already: others have joined it before the creator had
// its answer.
func (r *room) replaced(by *Client, seq uint64) {
	here := r.members.has(by.ID)
	if m := r.member(by); m != nil {
		m.kick()
		here = false
	}
	if seq > r.seq && !here {
		r.level(&whole{seq: r.seq})
		for _, j := range r.joining {
			if j.removed != 0 { // it was a member of the earlier room
				j.removed, j.closed = seq, true
			}
		}
	}
}

// wholeOf returns the room as the answer has it by which a client has come in. What the client itself bears its request says; of one
// that has come back, or that was in already by another request, the answer does not tell.
func wholeOf(cl *Client, in *In) *whole {
	e, stays := in.Event, in.Stays
	to := &whole{seq: e.Seq, owner: e.OwnerID, stays: staysOf(stays, e.Seq), more: e.More, policy: e.Policy}
	switch {
	case e.Name == proto.Resumed:
		to.unsaid = cl.ID
		if stays != nil && len(stays.Order) == len(e.Unpack())+1 {
			to.clients = slices.Clone(stays.Order) // it names all, in join order
			return to
		}
	case e.Name == proto.RoomCreated:
		to.owner = cl.ID
		to.policy = cmp.Or(e.Policy, cl.ask.Policy)
		to.addInfo(cl.ID, cl.ask.Shows)
	case in.Bears != "" && in.Bears != cl.ask.ID:
		to.unsay(cl.ID)
	default:
		to.addInfo(cl.ID, cl.ask.Shows)
	}
	to.clients = rosterOf(cl.ID, e, to.stays)
	return to
}

// rosterOf returns the whole room as an answer has it, in join order as far as it says. Of a join that was repeated the others may have
// joined later: who is told of both has to hear of them in that order, or one of them is not fresh to it when it comes back in between.
func rosterOf(self proto.ClientID, e *proto.Event, stays stays) []proto.ClientID {
	others := e.Unpack()
	if e.Name == proto.RoomCreated {
		return append([]proto.ClientID{self}, others...)
	}
	at := len(others)
	if own, is := stays[self]; is {
		later := func(id proto.ClientID) bool { other, is := stays[id]; return is && other.Since > own.Since }
		if i := slices.IndexFunc(others, later); i >= 0 {
			at = i
		}
	}
	return slices.Insert(slices.Clone(others), at, self)
}

// placed returns the whole room as the answer to a member that joined again has it: it stands in its old place, behind the
// one that it stood behind.
func (r *room) placed(self proto.ClientID, others []proto.ClientID) []proto.ClientID {
	at := len(others)
	if r.members.has(self) {
		at = 0
		stands := make(map[proto.ClientID]int, len(others))
		for i, id := range others {
			stands[id] = i + 1
		}
		for _, id := range r.members.list() {
			if id == self {
				break
			}
			at = max(at, stands[id])
		}
	}
	return slices.Insert(slices.Clone(others), at, self)
}

// tellJoined queues the answer. A room-created that was repeated carries the clients that have joined since: they are
// told as such, each with a number of its own, as in a difference. So is what stands about the room by now.
func (r *room) tellJoined(cl *Client, e *proto.Event, payload []byte) {
	c := r.core
	if e.Name == proto.RoomJoined {
		e, payload = r.withAway(e, payload)
		c.tellAnswer(cl, e, payload)
		return
	}
	if len(e.Unpack()) == 0 && e.Policy == "" && e.More == nil {
		c.tellAnswer(cl, e, payload)
		return
	}
	created := view{seq: e.Seq - min(e.Seq, uint64(len(e.Unpack()))), members: membersOf([]proto.ClientID{cl.ID})}
	c.tellAnswer(cl, &proto.Event{Name: proto.RoomCreated, Room: e.Room, Seq: created.seq}, nil)
	to := &whole{seq: e.Seq, clients: rosterOf(cl.ID, e, nil), more: e.More, policy: cmp.Or(e.Policy, cl.ask.Policy)}
	joined := difference(e.Room, &created, to)
	for i := range joined {
		c.tellOne(cl, &joined[i], nil)
	}
	if digestAbout(to.more, to.policy) != digestAbout(nil, cl.ask.Policy) {
		c.tellOne(cl, to.updated(e.Room, cl.ID), nil)
	}
}

// catchUp gives a new member the kept events above its answer, brings it and the room level with each other, and then
// gives it the kept signals. What it hears before the others here do, they are told as well, so that all hear one order.
func (c *Core) catchUp(m *membership, j *joining, answer *In) {
	r := m.room
	events, signals := c.end(r, j)
	at := answer.Event.Seq
	gap, behind := false, r.seq > at || slices.ContainsFunc(events, func(k *kept) bool { return k.e.Seq > at })
	if behind || r.names(answer.Event.More) {
		told := wholeOf(m.c, answer).view()
		if behind {
			gap = c.bringUp(m, events, told)
		}
		if m.state != taken {
			r.tellAgain(m.c.ID, told.owner, &told.shown)
		}
	}
	r.replay()
	if m.state == taken {
		for _, k := range signals {
			c.ack(proto.TargetNotFound, k)
		}
		c.dropIfEmpty(r)
		return
	}
	if gap {
		c.askRoster(r, Gap)
	}
	for _, k := range signals {
		c.deliver(k)
	}
}

// bringUp tells a new member what has happened since its answer: what was kept for it, then what the others here have been
// told beyond that. It reports whether something in between is missing.
func (c *Core) bringUp(m *membership, events []*kept, told *view) (gap bool) { // told is never above r.seq
	r := m.room
	for _, k := range events {
		if k.e.Seq <= told.seq {
			continue
		}
		if k.e.Prev > told.seq || k.e.Name == proto.RoomCreated {
			gap = true // what is missing here, the room's own view or its roster brings
			break
		}
		told.apply(&k.e)
		told.learn(&k.e, k.stay)
		switch {
		case k.e.Seq > r.seq:
			r.apply(k.arrived())
		case k.e.Name == proto.RoomClosed:
			m.kickAs(closing(&k.e, m.c.ID, k.message))
		case k.e.Name == proto.ClientLeft && k.e.ID == m.c.ID:
			m.kickWith(why(&k.e), k.message)
		case k.e.ID != m.c.ID, k.e.Name == proto.MemberUpdated:
			c.tellOne(m.c, &k.e, k.payload)
		}
		if m.state == taken {
			return gap
		}
	}
	switch {
	case r.seq <= told.seq:
	case !r.members.has(m.c.ID):
		m.kick()
	default:
		missed := difference(r.name, told, r.whole())
		for i := range missed {
			c.tellOne(m.c, &missed[i], nil)
			told.shown.note(&missed[i])
			told.owner = ownerAfter(told.owner, &missed[i])
		}
	}
	return gap
}
