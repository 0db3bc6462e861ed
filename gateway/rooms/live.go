package rooms

import (
	"maps"
	"math"
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// asking is a membership from resumed to live: the keepers of all other members are asked what they keep for it.
type asking struct {
	began   int64
	fresh   bool       // nobody is asked: it wants nothing of what was
	senders []*awaited // in the order of the room
	by      map[proto.ClientID]*awaited
	waiting []*kept // pushes that may not be told yet
}

// awaited is a sender who may have sent what has not been heard.
type awaited struct {
	id      proto.ClientID
	gateway proto.GatewayID // which is asked,
	since   int64           // from this time on
	heard   int64           // the last that the client has heard
	told    bool            // the gateway has said:
	n       int64           // the last that it keeps; 0: it keeps nothing
	sure    int64           // above which it has kept everything
	hopped  bool            // since the last pulse another gateway was named
}

// limit returns up to which number signals that a keeper pushes of a sender may be told before live. Of one that will be in lost nothing is: it
// would be read, and should the connection break before live is, the next resumption would name a number above what is missing.
func (a *asking) limit(p *pushed) int64 {
	if s := a.by[p.sender]; s != nil && s.told && s.gateway == p.from && !s.unsure() {
		return s.n
	}
	return math.MinInt64
}

// unsure reports whether the keeper has said that it has not kept everything above what was heard.
func (s *awaited) unsure() bool { return s.told && s.sure > s.heard }

// beginAsking has pushes to a member that has come back wait, until it is known of every other member what is kept.
func (m *membership) beginAsking(ask *Ask, others []proto.ClientID, stays *proto.Stays) {
	a := &asking{began: m.room.core.now, fresh: ask.Fresh, by: make(map[proto.ClientID]*awaited, len(others))}
	m.own.asking = a
	m.room.asking = append(m.room.asking, m)
	m.room.core.asking = append(m.room.core.asking, m)
	for _, id := range others {
		gateway, is := m.room.whereabouts(id, stays)
		if !is {
			continue
		}
		s := &awaited{id: id, gateway: gateway, since: a.began, told: ask.Fresh}
		if !ask.Fresh && ask.Heard[id] > 0 {
			s.heard = ask.Heard[id]
			p := m.pair(id)
			p.last, p.confirmed, p.from = s.heard, s.heard, s.gateway
		}
		a.senders = append(a.senders, s)
		a.by[id] = s
	}
	if ask.Fresh {
		return
	}
	// Who has left since may be back before what it sent is pushed once more: what was heard of it is not heard again.
	for _, id := range slices.Sorted(maps.Keys(ask.Heard)) {
		if n := ask.Heard[id]; a.by[id] == nil && n > 0 {
			p := m.pair(id)
			p.last, p.confirmed = n, n
		}
	}
}

// whereabouts returns at which gateway a member is. It may be known here that it has gone on since the answer that the stays came with, or
// that it is by that stay a member no longer.
func (r *room) whereabouts(id proto.ClientID, stays *proto.Stays) (gateway proto.GatewayID, is bool) {
	if !r.members.has(id) {
		return "", false
	}
	var then proto.Stay
	if stays != nil {
		then = stays.Members[id]
	}
	now, known := r.stays[id]
	switch {
	case !known:
		return then.Gateway, true
	case then.Turn > 0 && then.Since != now.Since:
		return "", false
	}
	return now.Gateway, true
}

// ask asks the gateways of senders what they keep; or, for a member that has come back fresh, tells them to drop it.
func (m *membership) ask(senders []*awaited, fresh bool) {
	c := m.room.core
	to := c.posts(proto.Peer{
		Kind: proto.Ask, Room: m.room.name, TargetID: m.c.ID, Turn: m.c.Turn, Since: m.own.stay.Since, Fresh: fresh,
	})
	for _, s := range senders {
		to.add(s.gateway, &proto.PeerPair{SenderID: s.id, N: s.heard})
	}
	c.post(&to)
}

// untold returns the senders of whom nobody has said yet what is kept.
func (a *asking) untold() []*awaited {
	return slices.DeleteFunc(slices.Clone(a.senders), func(s *awaited) bool { return s.told })
}

// told handles what a keeper says of what it keeps for a member that has come back.
func (c *Core) told(say *proto.Peer) {
	cl := c.turn(say.TargetID, say.Turn)
	if cl == nil {
		return
	}
	m := cl.rooms[say.Room]
	if m == nil || m.own == nil || m.own.asking == nil {
		return
	}
	a := m.own.asking
	for i := range say.Pairs {
		p := &say.Pairs[i]
		s := a.by[p.SenderID]
		switch {
		case s == nil || s.gateway != say.From:
		case p.Gateway != "":
			m.askAt(s, p.Gateway)
		case !s.told:
			s.told, s.n, s.sure = true, p.N, p.Sure
		}
	}
	c.retry(m)
	c.liveIfDone(m)
}

// askAt asks another gateway of a sender, which alone pushes from now on: at once, but not again and again where gateways name each other.
func (m *membership) askAt(s *awaited, gateway proto.GatewayID) {
	if s.gateway == gateway || m.own.asking.fresh {
		return
	}
	s.gateway, s.told, s.n, s.sure, s.since = gateway, false, 0, 0, m.room.core.now
	if !s.hopped {
		s.hopped = true
		m.ask([]*awaited{s}, false)
	}
}

// retry looks once more at those pushes that wait of whose sender it is known now what is kept.
func (c *Core) retry(m *membership) {
	a := m.own.asking
	var now []*kept
	a.waiting = slices.DeleteFunc(a.waiting, func(k *kept) bool {
		if k.push.events[0].N > a.limit(k.push) {
			return false
		}
		c.release(m.room, k)
		now = append(now, k)
		return true
	})
	for _, k := range now {
		c.take(k.push)
	}
}

// senderMoved handles that a member has come back elsewhere: its new gateway is asked by those who are not live yet, and told what was
// confirmed by the others.
func (r *room) senderMoved(id proto.ClientID, gateway proto.GatewayID) {
	for _, m := range r.asking {
		if s := m.own.asking.by[id]; s != nil {
			m.askAt(s, gateway)
		}
	}
	r.confirmAgain(id, gateway)
}

// senderGone handles that a member has left, or has come back fresh: nobody waits for what it sent before.
func (r *room) senderGone(id proto.ClientID) {
	for _, m := range slices.Clone(r.asking) {
		a := m.own.asking
		if a.by[id] == nil {
			continue
		}
		delete(a.by, id)
		a.senders = slices.DeleteFunc(a.senders, func(s *awaited) bool { return s.id == id })
		r.core.liveIfDone(m)
	}
}

// pulseAsking asks again those who have not answered, and ends what has taken as long as it may.
func (c *Core) pulseAsking() {
	for _, m := range slices.Clone(c.asking) {
		a := m.own.asking
		if a == nil {
			continue // ended by this pulse
		}
		for _, s := range a.senders {
			s.hopped = false
		}
		switch since := c.now - a.began; {
		case since >= int64(proto.LiveWithin-proto.AskEvery):
			c.live(m)
		default:
			m.ask(slices.DeleteFunc(a.untold(), func(s *awaited) bool { return c.now-s.since >= int64(proto.AskFor) }), false)
		}
	}
}

// liveIfDone ends the asking of a member when every sender's keeper has answered, and all that it keeps has been given to the member.
func (c *Core) liveIfDone(m *membership) {
	if m.own.asking == nil {
		return
	}
	for _, s := range m.own.asking.senders {
		if !s.told || !s.unsure() && m.had(s.id) < s.n {
			return
		}
	}
	c.live(m)
}

// live tells a member that it has all that could be had, and from whom signals may be missing. From then on it is told what comes, and what
// it has is confirmed.
func (c *Core) live(m *membership) {
	a := m.own.asking
	lost := make(map[proto.ClientID]int64)
	for _, s := range a.senders {
		had := m.had(s.id)
		switch {
		case s.unsure():
			p := m.pair(s.id)
			p.last = max(had, s.sure) // below sure it would be named again by the next resumption
			p.confirmed = p.last
			p.from = s.gateway
			lost[s.id] = p.last
		case !s.told, had < s.n: // what its keeper still has comes later
			lost[s.id] = had
		}
	}
	waiting := c.endAsking(m)
	c.tellOne(m.c, &proto.Event{Name: proto.Live, Room: m.room.name, Lost: lost}, nil)
	c.confirmAll(m)
	for _, k := range waiting {
		c.take(k.push)
	}
}

// endAsking takes a membership out of those that ask, and returns what waits for it.
func (c *Core) endAsking(m *membership) []*kept {
	waiting := c.empty(m.room, &m.own.asking.waiting)
	m.own.asking = nil
	is := func(other *membership) bool { return other == m }
	c.asking = slices.DeleteFunc(c.asking, is)
	m.room.asking = slices.DeleteFunc(m.room.asking, is)
	return waiting
}

// stopAsking ends a membership's asking without live.
func (c *Core) stopAsking(m *membership, took proto.Took) {
	if m.own == nil || m.own.asking == nil {
		return
	}
	for _, k := range c.endAsking(m) {
		c.answerPush(k.push, took, 0)
	}
}
