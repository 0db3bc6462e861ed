package keeper_test

import (
	"github.com/parley-rtc/parley/proto"
)

// receiving is the target in the room here: the receiving end of pushes.
type receiving struct {
	conn      *conn
	since     uint64
	last      int64
	confirmed int64
	pinged    int64 // when the last ping was queued, or nothing was uncovered
	uncovered bool
	asking    *asking // from resumed to live
}

type asking struct {
	began   int64
	heard   int64
	gateway proto.GatewayID // that is asked of the sender
	told    bool
	n, sure int64
	waiting []*proto.Push
}

// push: a keeper pushes signals to the target.
func (g *node) push(p *proto.Push) {
	r := g.end
	answer := func(state proto.Took, n int64) {
		m := &proto.Peer{
			Kind: proto.Pushed, From: g.id, Room: lobby, SenderID: sid, TargetID: tid, Turn: p.Turn, Since: p.Since, N: n, State: state,
		}
		if stay := g.view[tid]; state == proto.TookNone && stay != nil && stay.Turn > p.Turn {
			m.State, m.Gateway = proto.TookMoved, stay.Gateway
		}
		g.post(p.From, m)
	}
	switch {
	case r == nil || r.conn.turn != p.Turn || r.since != p.Since || g.view[sid].Since > p.SenderSince:
		answer(proto.TookNone, 0)
		return
	case !r.conn.open:
		answer(proto.TookAway, 0)
		return
	case r.asking == nil && p.Prev > r.last:
		answer(proto.TookGap, r.last)
		return
	}
	state, limit := proto.TookAll, int64(1)<<52
	if a := r.asking; a != nil {
		if limit = 0; a.told && a.gateway == p.From && a.sure <= a.heard {
			limit = a.n // nothing before live of a sender who is lost: its signal may be read, and live not
		}
		if p.Prev > r.last {
			limit = 0
		}
	}
	full := g.w.trouble(2)
	for _, raw := range p.Signals {
		e := must(proto.DecodeEvent(raw))
		switch {
		case e.N > limit:
			state = proto.TookWaits
		case e.N <= r.last:
		case full:
			answer(proto.TookFull, r.last)
			return
		default:
			g.write(r, e.N)
		}
	}
	if state == proto.TookWaits {
		r.asking.waiting = append(r.asking.waiting, p)
	}
	answer(state, r.last)
	g.done(r)
}

// write queues a signal for the target.
func (g *node) write(r *receiving, n int64) {
	r.last = n
	if !r.uncovered {
		r.uncovered, r.pinged = true, g.w.now
	}
	c := r.conn
	c.write(func() { g.w.t.receive(frame{n: n}) })
}

func (g *node) ask(r *receiving) {
	a := r.asking
	g.post(a.gateway, &proto.Peer{
		Kind: proto.Ask, From: g.id, Room: lobby, TargetID: tid, Turn: r.conn.turn, Since: r.since,
		Pairs: []proto.PeerPair{{SenderID: sid, N: a.heard}},
	})
}

// answered: a keeper says what it keeps for the target.
func (g *node) answered(m *proto.Peer) {
	r := g.end
	if r == nil || r.asking == nil || r.conn.turn != m.Turn || r.since != m.Since {
		return
	}
	a := r.asking
	for _, p := range m.Pairs {
		switch {
		case a.told || m.From != a.gateway:
		case p.Gateway == "" && p.Since < g.view[sid].Since: // that gateway is behind
		case p.Gateway != "":
			if p.Turn > g.view[sid].Turn { // else that gateway is behind
				a.gateway = p.Gateway
				g.ask(r)
			}
		default:
			a.told, a.n, a.sure = true, p.N, p.Sure
		}
	}
	waiting := a.waiting
	a.waiting = nil
	for _, p := range waiting {
		if g.end == r {
			g.push(p)
		}
	}
	g.done(r)
}

// done has the target be live when all that is kept for it has been given to it.
func (g *node) done(r *receiving) {
	if a := r.asking; a != nil && a.told && (r.last >= a.n || a.sure > a.heard) {
		g.live(r)
	}
}

// live has the target be live, and checks that its sender is not named without cause.
func (g *node) live(r *receiving) {
	w, a := g.w, r.asking
	r.asking = nil
	if !r.conn.open {
		return // it is away, and will be asked for by another turn
	}
	named := !a.told || a.sure > a.heard || r.last < a.n
	value := r.last
	if a.told {
		value = max(value, a.sure)
	}
	if named {
		w.Named++
		w.say("%s: the target is live, the sender is lost up to %s (told %t, n %s, sure %s, heard %s)",
			g.id, number(value), a.told, number(a.n), number(a.sure), number(a.heard))
		t := w.t
		if !t.dying && a.heard >= proto.Number(t.died+1, 0) && a.heard >= t.unkept && a.heard >= t.notRead && a.heard >= t.named {
			w.fail("the sender is named without cause")
		}
		t.named = max(t.named, value)
		r.last = value
	} else {
		w.say("%s: the target is live", g.id)
	}
	c := r.conn
	upTo := max(value, proto.Number(w.s.turn, w.s.num))
	c.write(func() { w.t.receive(frame{0, named, value, upTo}) })
	r.confirmed = max(a.heard, r.confirmed)
	if named {
		r.confirmed = value
	}
	g.confirm(r)
	for _, p := range a.waiting {
		if g.end == r {
			g.push(p)
		}
	}
}

func (g *node) pulseEnd(r *receiving) {
	w := g.w
	if a := r.asking; a != nil {
		switch since := w.now - a.began; {
		case since >= 1750*ms:
			g.live(r)
		case since < 1500*ms && !a.told:
			g.ask(r)
		}
	}
	if r.uncovered && r.conn.open && w.now-r.pinged >= 750*ms {
		r.uncovered = false
		n, c := r.last, r.conn
		c.write(func() { // and the pong
			w.after(w.between(1, 30), func() {
				if c.open && g.end == r {
					r.confirmed = max(r.confirmed, n)
					if r.asking == nil {
						g.confirm(r)
					}
				}
			})
		})
	}
}

func (g *node) confirm(r *receiving) {
	g.post(g.view[sid].Gateway, &proto.Peer{Kind: proto.Confirm, From: g.id, Pairs: []proto.PeerPair{{
		Room: lobby, SenderID: sid, TargetID: tid, Turn: r.conn.turn, Since: r.since, N: r.confirmed,
	}}})
}
