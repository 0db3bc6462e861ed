package rooms

import (
	"math"

	"github.com/parley-rtc/parley/proto"
)

// pair is what a membership has had of one sender.
type pair struct {
	last      int64 // the last signal that it was given, or that counts as given
	confirmed int64 // the last that its end has confirmed, or that counts as confirmed
	uncovered bool  // something was given to it since the last ping
	step      uint64
	from      proto.GatewayID // the last that pushed
}

// pair returns what a membership has had of a sender. Of those who have left some are forgotten when they have become many.
func (m *membership) pair(sender proto.ClientID) *pair {
	const few = 32
	own := m.own
	if p := own.pairs[sender]; p != nil {
		return p
	}
	if own.pairs == nil {
		own.pairs = make(map[proto.ClientID]*pair)
	}
	if len(own.pairs) > 2*len(m.room.members.at)+few {
		for id, p := range own.pairs {
			if !m.room.members.has(id) && !p.uncovered {
				delete(own.pairs, id)
			}
		}
	}
	p := &pair{}
	own.pairs[sender] = p
	return p
}

// take gives a member what is pushed to it, keeps that until it may be given, or says why not.
func (c *Core) take(p *pushed) {
	r := c.rooms[p.room]
	m, took := c.targetOf(r, p)
	switch {
	case took == proto.TookWaits:
		c.waits(r, &r.joiningOf(c.turn(p.target, p.turn)).signals.list, p, 0)
	case m == nil:
		c.answerPush(p, took, 0)
	case !c.knows(r, m, p):
	case p.prev > m.had(p.sender):
		c.answerPush(p, proto.TookGap, m.had(p.sender))
	default:
		c.give(m, p)
	}
}

// had returns the number of the last signal that a membership was given of a sender.
func (m *membership) had(sender proto.ClientID) int64 {
	if p := m.own.pairs[sender]; p != nil {
		return p.last
	}
	return 0
}

// targetOf returns the membership that a push is for, or what becomes of the push without one.
func (c *Core) targetOf(r *room, p *pushed) (*membership, proto.Took) {
	cl := c.turn(p.target, p.turn)
	if cl == nil {
		return nil, proto.TookNone
	}
	m := cl.rooms[p.room]
	switch {
	case m == nil && cl.isUnresumed(p.room, ""):
		return nil, proto.TookAway
	case m == nil && r != nil && r.joiningOf(cl) != nil:
		return nil, proto.TookWaits
	case m == nil || m.own == nil || m.own.stay.Since != p.since:
		return nil, proto.TookNone
	case cl.stage != connected:
		return nil, proto.TookAway
	case m.state == taken:
		return nil, proto.TookNone
	}
	return m, ""
}

// knows reports whether a push's sender is known in the room by the stay of which the push is, and whether the room is told all that came
// before. Else the push is kept until a roster has come, or refused when one has, or when the sender is known by a later stay.
func (c *Core) knows(r *room, m *membership, p *pushed) bool {
	st := r.stays[p.sender]
	known := r.members.has(p.sender) && st.Since >= p.senderSince || st.Turn == 0 && r.members.has(p.sender)
	switch {
	case st.Since > p.senderSince:
		c.answerPush(p, proto.TookNone, 0)
	case r.sync != level && (!known || r.keepsNews()):
		c.waits(r, &r.kept.list, p, m.had(p.sender))
	case known:
		return true
	case p.looked:
		c.answerPush(p, proto.TookNone, 0) // it has left meanwhile
	default:
		p.looked = true
		c.waits(r, &r.kept.list, p, m.had(p.sender))
		c.askRoster(r, Sender)
	}
	return false
}

// waits keeps a push in a list of its room, and tells its keeper so. What there is no room for is pushed again.
func (c *Core) waits(r *room, list *[]*kept, p *pushed, had int64) {
	if c.keepPush(r, list, p) {
		c.answerPush(p, proto.TookWaits, had)
	}
}

// give queues those signals of a push that are new to the member and may be told to it now. The others wait.
func (c *Core) give(m *membership, p *pushed) {
	limit := int64(math.MaxInt64)
	if m.own.asking != nil {
		limit = m.own.asking.limit(p)
	}
	now, later := p.split(limit)
	took := proto.TookAll
	if later != nil {
		took = proto.TookWaits
		if !c.keepPush(m.room, &m.own.asking.waiting, later) && len(now.events) == 0 {
			return
		}
	}
	pair := m.pair(p.sender)
	pair.from = p.from
	if p.events[0].N <= pair.confirmed && m.own.asking == nil { // the keeper has not heard of that
		to := c.posts(proto.Peer{Kind: proto.Confirm})
		to.add(p.from, m.confirmed(p.sender, pair))
		c.post(&to)
	}
	if len(now.events) > 0 && pair.step == c.steps { // whether the queue takes what this step has given it of that sender is not known yet
		c.deferred = append(c.deferred, now.own())
		return
	}
	if now.skip(pair.last); len(now.events) == 0 {
		c.answerPush(p, took, pair.last)
		return
	}
	pair.last, pair.step = now.events[len(now.events)-1].N, c.steps
	c.deliverPush(m, &now, took, pair.last)
	c.uncovered(m, p.sender, pair)
	c.liveIfDone(m)
}

// retake takes up what had to wait for the end of a step.
func (c *Core) retake() {
	deferred := c.deferred
	c.deferred = nil
	for _, p := range deferred {
		c.take(p)
	}
}

func (c *Core) deliverPush(m *membership, p *pushed, took proto.Took, n int64) {
	c.emit(Out{
		Kind: DeliverPush, To: c.one(m.c), Room: p.room, Gateway: p.from, Signals: p.events, Raw: p.raw,
		Answer: c.pushAnswer(p, took, n),
	})
}

// answerPush tells a keeper what became of what it has pushed. n is the last of the pair that the target was given.
func (c *Core) answerPush(p *pushed, took proto.Took, n int64) {
	say := c.pushAnswer(p, took, n)
	if r := c.rooms[p.room]; r != nil && took == proto.TookNone {
		if st, ok := r.stays[p.target]; ok && st.Turn > p.turn {
			say.State, say.Gateway = proto.TookMoved, st.Gateway
		}
	}
	c.emit(Out{Kind: Post, Gateway: p.from, Say: say})
}

func (c *Core) pushAnswer(p *pushed, took proto.Took, n int64) *proto.Peer {
	say := &c.said // most steps say one thing to one gateway
	if c.saidIn == c.steps {
		say = new(proto.Peer)
	}
	c.saidIn = c.steps
	*say = proto.Peer{
		Kind: proto.Pushed, From: c.cfg.Self, Room: p.room, SenderID: p.sender, TargetID: p.target, Turn: p.turn, Since: p.since,
		N: n, State: took,
	}
	return say
}

// pushRefused takes back that a client was given signals: its queue did not take those above n.
func (c *Core) pushRefused(cl *Client, e *proto.Event) {
	m := cl.rooms[e.Room]
	if m == nil || m.own == nil {
		return
	}
	if p := m.own.pairs[e.SenderID]; p != nil && p.last > e.N {
		p.last = e.N
	}
}
