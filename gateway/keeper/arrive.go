package keeper

import "github.com/parley-rtc/parley/proto"

// arrive has a sender be present with what was handed over. Where it is not certain that this is all, it is sure only above its turn.
func (k *Keeper) arrive(s *sender, h *handed, certain bool) {
	w := s.takeover
	sends, questions := w.sends, w.questions
	w.sends, w.questions, w.late = nil, nil, true
	if certain {
		s.takeover = nil
		s.wait.stop()
		s.floor, s.seq = h.pages[0].N, h.pages[0].Seq
		for _, other := range w.copies {
			k.acknowledge(s, other.from, other.of)
		}
	} else {
		s.floor, s.seq = proto.Number(w.turn, 0), w.seq
	}
	for _, p := range s.pairs {
		if p.newest() == 0 {
			p.sure = s.sure(p.target.stay.Since)
		}
	}
	if h != nil {
		k.unpack(s, h, certain)
	}
	k.answerNoted(s, questions)
	for _, p := range s.pairs {
		if p.state == resting && p.next() != nil {
			k.push(p, pushSignals)
		}
	}
	for i := range sends {
		if p := k.pairs[pairKey{s.room, s.id, sends[i].Target}]; p != nil {
			k.take(p, &sends[i])
		} else {
			k.refuse(&sends[i], NotFound) // it has left meanwhile
		}
	}
}

// unpack takes what was handed over, but for the pairs that have had a signal here.
func (k *Keeper) unpack(s *sender, h *handed, certain bool) {
	for i := range h.pages {
		for n := range h.pages[i].Pairs {
			k.unpackPair(s, &h.pages[i].Pairs[n], certain)
		}
	}
}

// unpackPair takes what was handed over of one pair.
func (k *Keeper) unpackPair(s *sender, pp *proto.PeerPair, certain bool) {
	t := k.targetOf(s.room, pp.TargetID, &proto.Stay{Gateway: pp.Gateway, Turn: pp.Turn, Since: pp.Since})
	p := k.pairOf(s, t)
	if p.newest() > 0 {
		return
	}
	p.last = pp.N
	if t.stay.Since > pp.Since {
		return // the target has left and joined anew, or come back fresh
	}
	for _, n := range pp.Recent {
		p.remember(n)
	}
	if p.sure = pp.Sure; !certain {
		p.sure = max(p.sure, s.sure(t.stay.Since))
	}
	for _, data := range pp.Signals {
		if e, err := proto.DecodeEvent(data); err == nil && (p.tail == nil || e.N > p.tail.n) {
			sig := k.newSignal(p, e.N, data)
			sig.settled = true
			k.append(p, sig)
		}
	}
}
