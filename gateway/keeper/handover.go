package keeper

import "github.com/parley-rtc/parley/proto"

// departure is what is remembered for a minute of a sender that is in its room by another gateway.
type departure struct {
	to   proto.GatewayID // where it is now, as far as is known
	turn int64           // there
	// next is the gateway to which it went on from here, or for which this one was waiting; empty: there is none. Whoever else asks is told
	// of it, as it may have more.
	next     proto.GatewayID
	nextTurn int64        // there
	of       int64        // the turn by which the sender was here
	pages    []proto.Peer // a copy of what was kept of it, until it has arrived elsewhere; nil: there is none
	bytes    int
	beats    int // of copyEvery, since
	// When the copy was last posted; -1: never. The client's end here and its new gateway's question may fall into one moment.
	posted int64
}

// goesOn has a sender go on at another gateway by a later turn: what is kept of it is handed over.
func (k *Keeper) goesOn(s *sender, to proto.GatewayID, turn int64) {
	switch {
	case turn <= s.knownTurn():
	case s.gone != nil:
		elsewhere := s.gone.to != to
		s.gone.to, s.gone.turn = to, turn
		if elsewhere && s.gone.pages != nil {
			k.postCopy(s, to)
		}
	default:
		k.depart(s, to, turn)
		k.postCopy(s, to)
	}
}

// depart has a sender be gone. What was kept of it stays as a copy.
func (k *Keeper) depart(s *sender, to proto.GatewayID, turn int64) {
	k.hangUp(s)
	g := &departure{to: to, turn: turn, next: to, nextTurn: turn, of: s.turn, posted: -1}
	if s.waits() {
		g.pass(s.takeover)
	} else {
		g.pages = k.pack(s, s.turn)
	}
	k.dropAll(s)
	k.remember(s, g)
}

// pass has what has come until now be the copy. Who asks for it has to ask as well whom this gateway was waiting for.
func (g *departure) pass(w *takeover) {
	g.of, g.next, g.nextTurn = 0, "", 0
	for _, a := range w.asked {
		if !a.answered && a.gateway != g.to {
			g.next, g.nextTurn = a.gateway, a.turn
		}
	}
	if best := w.best(); best != nil {
		g.of, g.pages = best.of, best.pages
	}
}

// pack returns what is kept of a sender in pages.
func (k *Keeper) pack(s *sender, of int64) []proto.Peer {
	var pages []proto.Peer
	page := func() proto.Peer {
		return proto.Peer{
			Kind: proto.HandedOver, Room: s.room, ID: s.id, Since: s.since, Of: of, N: s.floor, Seq: s.seq, Page: len(pages),
		}
	}
	const aPair, aNumber = 256, 20 // about as much as they take
	now, size := page(), 0
	for _, p := range s.pairs {
		more := aPair + aNumber*len(p.recent) + p.bytes
		if size > 0 && size+more > pushBytes {
			now.More = true
			pages = append(pages, now)
			now, size = page(), 0
		}
		size += more
		now.Pairs = append(now.Pairs, p.pack())
	}
	return append(pages, now)
}

// pack returns what is kept of a pair.
func (p *pair) pack() proto.PeerPair {
	t := p.target
	pp := proto.PeerPair{
		TargetID: t.id, Gateway: t.stay.Gateway, Turn: t.stay.Turn, Since: t.stay.Since, N: p.last, Sure: p.sure,
	}
	if len(p.recent) > 0 {
		pp.Recent = append(append(make([]int64, 0, len(p.recent)), p.recent[p.at:]...), p.recent[:p.at]...)
	}
	if p.count > 0 {
		pp.Signals = make([]jsonValue, 0, p.count)
	}
	for s := p.head; s != nil; s = s.next {
		pp.Signals = append(pp.Signals, s.data)
	}
	return pp
}

// postCopy hands the copy over, or says that there is none.
func (k *Keeper) postCopy(s *sender, to proto.GatewayID) {
	g := s.gone
	via, viaTurn := g.next, g.nextTurn
	if via == to {
		via, viaTurn = "", 0
	}
	if g.pages == nil {
		k.post(to, proto.Peer{Kind: proto.HandedOver, Room: s.room, ID: s.id, Turn: g.turn, Gateway: via, NextTurn: viaTurn})
		return
	}
	g.posted = k.now
	for _, page := range g.pages {
		page.Turn, page.Gateway, page.NextTurn = g.turn, via, viaTurn
		k.post(to, page)
	}
}

// postAgain posts a copy once more that has not arrived, and drops it when it is too old.
func (k *Keeper) postAgain(s *sender) {
	g := s.gone
	if g.beats++; int64(g.beats)*copyEvery >= int64(proto.MovedFor) {
		k.dropCopy(s)
		return
	}
	if g.beats <= copyPosts {
		k.postCopy(s, g.to)
	}
	k.copies.add(&s.copied, s, k.now)
}

// handOver answers a client's new gateway, which asks for what is kept of it. It may ask again: the copy is here until it says that
// it has it.
func (k *Keeper) handOver(m *proto.Peer) {
	s := k.senders[memberKey{m.Room, m.ID}]
	switch {
	case m.Of > 0:
		if s != nil && s.gone != nil && s.gone.of == m.Of {
			k.dropCopy(s)
		}
	case m.Fresh:
		if s != nil && m.Turn > s.turn {
			k.dropAll(s)
			k.remember(s, &departure{to: m.From, turn: m.Turn, next: m.From, nextTurn: m.Turn})
		}
	case s == nil:
		s = k.newSender(m.Room, m.ID)
		k.remember(s, &departure{to: m.From, turn: m.Turn, next: m.From, nextTurn: m.Turn})
		k.postCopy(s, m.From)
	case m.Turn < s.knownTurn() || m.Turn == s.turn: // late, or nonsense
	default:
		k.comeFor(s, m)
	}
}

// comeFor hands a sender over to the gateway that has come for it.
func (k *Keeper) comeFor(s *sender, m *proto.Peer) {
	if s.gone == nil {
		k.depart(s, m.From, m.Turn)
	}
	g := s.gone
	just := g.pages != nil && g.posted == k.now && g.to == m.From
	g.to, g.turn = m.From, m.Turn
	if !just {
		k.postCopy(s, m.From)
	}
}

// remember has a sender be gone, of whom nothing is kept but the copy.
func (k *Keeper) remember(s *sender, g *departure) {
	s.gone = g
	k.moved.add(&s.wait, s, k.now)
	if g.pages == nil {
		return
	}
	for i := range g.pages {
		for n := range g.pages[i].Pairs {
			for _, data := range g.pages[i].Pairs[n].Signals {
				g.bytes += len(data)
			}
		}
	}
	k.copied += g.bytes
	k.copies.add(&s.copied, s, k.now)
}

// dropCopy drops the copy of what was kept of a sender that is gone, if there is one.
func (k *Keeper) dropCopy(s *sender) {
	if g := s.gone; g != nil && g.pages != nil {
		k.copied -= g.bytes
		g.pages, g.bytes = nil, 0
		s.copied.stop()
	}
}
