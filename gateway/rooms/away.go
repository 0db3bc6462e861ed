package rooms

import (
	"maps"
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// wentAway keeps a client whose connection has ended: it stays a member where it is one, and is told nothing.
func (c *Core) wentAway(cl *Client) {
	s := cl.session
	if s == nil || cl.stage != connected {
		return
	}
	cl.stage = away
	s.awayAt = c.now
	s.confirms = confirms{}
	for _, name := range slices.Sorted(maps.Keys(cl.rooms)) {
		m := cl.rooms[name]
		c.stopAsking(m, proto.TookAway)
		if m.state == taken { // it is out of there, and there is nobody to be told
			m.remove()
		}
	}
	for name, u := range s.unresumed {
		u.until = max(u.until, c.now+cl.Keep)
		s.unresumed[name] = u
	}
	c.hints = append(c.hints, cl)
}

// hintAway tells the other members of those who have been away for long enough that they are.
func (c *Core) hintAway() {
	for len(c.hints) > 0 {
		cl := c.hints[0]
		if c.now-cl.session.awayAt < int64(proto.AwayHint) {
			return
		}
		c.hints[0] = nil
		c.hints = c.hints[1:]
		if cl.stage != away {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(cl.rooms)) {
			if m := cl.rooms[name]; m.state != taken && m.own != nil {
				m.hint()
			}
		}
	}
}

// hint tells the members here, and the gateways of others, that a member of ours is away.
func (m *membership) hint() {
	r := m.room
	seq := r.seq
	if st, ok := r.stays[m.c.ID]; ok {
		seq = st.seq
	}
	r.noteAway(m.c.ID, seq)
	say := &proto.Peer{Kind: proto.Away, From: r.core.cfg.Self, Room: r.name, ID: m.c.ID, Seq: seq}
	told := map[proto.GatewayID]bool{r.core.cfg.Self: true}
	for _, id := range slices.Sorted(maps.Keys(r.stays)) {
		if to := r.stays[id].Gateway; !told[to] {
			told[to] = true
			r.core.emit(Out{Kind: Post, Gateway: to, Say: say})
		}
	}
}

// noteAway tells the members here that one is away, once.
func (r *room) noteAway(id proto.ClientID, seq uint64) {
	if r.away == nil {
		r.away = make(map[proto.ClientID]struct{})
	}
	if _, known := r.away[id]; known {
		return
	}
	r.away[id] = struct{}{}
	r.tell(&proto.Event{Name: proto.ClientAway, Room: r.name, ID: id, Seq: seq}, nil, id)
}

// hinted handles another gateway's word that a member there is away. It counts for nothing below what the member has done since.
func (c *Core) hinted(say *proto.Peer) {
	r := c.rooms[say.Room]
	if r == nil || !r.members.has(say.ID) {
		return
	}
	if st, ok := r.stays[say.ID]; ok && (st.Gateway != say.From || st.seq > say.Seq) {
		return
	}
	r.noteAway(say.ID, say.Seq)
}

// withAway returns an answer with the list of those of its clients who are known to be away. Mostly nobody is, and the answer is handed on
// as it came.
func (r *room) withAway(e *proto.Event, payload []byte) (*proto.Event, []byte) {
	if len(r.away) == 0 {
		return e, payload
	}
	var list []proto.ClientID
	for _, id := range e.Unpack() {
		if _, gone := r.away[id]; gone {
			list = append(list, id)
		}
	}
	if len(list) == 0 {
		return e, payload
	}
	with := *e
	with.Away = list
	return &with, nil
}
