package rooms

import (
	"maps"
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// confirms is how a client's connection shows what has arrived at its end: a pong confirms all that was queued before its ping.
type confirms struct {
	num       uint64 // of the last ping
	began     int64  // when the oldest signal that no ping covers was given
	uncovered []covered
	pings     []ping // without a pong
}

// ping is one that is on its way.
type ping struct {
	num    uint64
	covers []covered
}

// covered is what a ping covers of one pair.
type covered struct {
	m      *membership
	sender proto.ClientID
	n      int64
}

// maxPings bounds the pings without a pong. A client that leaves as many unanswered gets no more until it answers.
const maxPings = 64

// uncovered notes that a member was given signals that no ping covers yet.
func (c *Core) uncovered(m *membership, sender proto.ClientID, p *pair) {
	if p.uncovered {
		return
	}
	p.uncovered = true
	f := &m.c.session.confirms
	if len(f.uncovered) == 0 {
		f.began = c.now
		c.unpinged = append(c.unpinged, m.c)
	}
	f.uncovered = append(f.uncovered, covered{m: m, sender: sender})
}

// pulsePings has those clients pinged who were given something long enough ago. They stand in the order in which that was.
func (c *Core) pulsePings() {
	for len(c.unpinged) > 0 {
		cl := c.unpinged[0]
		f := &cl.session.confirms
		if len(f.uncovered) > 0 && c.now-f.began < int64(proto.ConfirmAfter-proto.AskEvery) {
			return
		}
		c.unpinged[0] = nil
		c.unpinged = c.unpinged[1:]
		switch {
		case len(f.uncovered) == 0, cl.stage != connected:
		case len(f.pings) < maxPings:
			c.ping(cl)
		default:
			f.began = c.now
			c.unpinged = append(c.unpinged, cl)
		}
	}
}

// ping queues a ping behind all that a client was given.
func (c *Core) ping(cl *Client) {
	f := &cl.session.confirms
	f.num++
	covers := f.uncovered
	f.uncovered = nil
	for i := range covers {
		if p := covers[i].pair(); p != nil {
			p.uncovered, covers[i].n = false, p.last
		}
	}
	f.pings = append(f.pings, ping{f.num, covers})
	c.emit(Out{Kind: Ping, To: c.one(cl), Num: f.num})
}

// pair returns what it covers, or nil: the client is not in that room any more.
func (v *covered) pair() *pair {
	if v.m.state == taken || v.m.own == nil {
		return nil
	}
	return v.m.own.pairs[v.sender]
}

// pong confirms what a client's end has. What it has of a room in which it is not live yet is confirmed when it is.
func (c *Core) pong(cl *Client, num uint64) {
	if cl.session == nil {
		return
	}
	f := &cl.session.confirms
	to := c.posts(proto.Peer{Kind: proto.Confirm})
	for len(f.pings) > 0 && f.pings[0].num <= num {
		for _, v := range f.pings[0].covers {
			p := v.pair()
			if p == nil || v.n <= p.confirmed {
				continue
			}
			p.confirmed = v.n
			if v.m.own.asking == nil {
				v.m.confirm(&to, v.sender, p)
			}
		}
		f.pings[0] = ping{}
		f.pings = f.pings[1:]
	}
	c.post(&to)
}

// confirm adds to what gateways are told how much of a sender's a member has for certain.
func (m *membership) confirm(to *posts, sender proto.ClientID, p *pair) {
	gateway := p.from
	if st, ok := m.room.stays[sender]; ok {
		gateway = st.Gateway
	}
	to.add(gateway, m.confirmed(sender, p))
}

// confirmed says how much of a sender's a member has for certain.
func (m *membership) confirmed(sender proto.ClientID, p *pair) *proto.PeerPair {
	return &proto.PeerPair{
		Room: m.room.name, SenderID: sender, TargetID: m.c.ID, Turn: m.c.Turn, Since: m.own.stay.Since, N: p.confirmed,
	}
}

// confirmAll tells the senders' gateways what a member has for certain that has become live.
func (c *Core) confirmAll(m *membership) {
	to := c.posts(proto.Peer{Kind: proto.Confirm})
	for _, sender := range slices.Sorted(maps.Keys(m.own.pairs)) {
		if p := m.own.pairs[sender]; p.confirmed > 0 && m.room.members.has(sender) {
			m.confirm(&to, sender, p)
		}
	}
	c.post(&to)
}

// confirmAgain tells the gateway where a sender has come back what the members here have of it for certain: the one before may have died
// with what it was told.
func (r *room) confirmAgain(sender proto.ClientID, gateway proto.GatewayID) {
	to := r.core.posts(proto.Peer{Kind: proto.Confirm})
	for _, m := range r.local {
		if m.own == nil || m.own.asking != nil || m.c.ID == sender {
			continue
		}
		if p := m.own.pairs[sender]; p != nil && p.confirmed > 0 {
			p.from = gateway
			m.confirm(&to, sender, p)
		}
	}
	r.core.post(&to)
}
