package keeper

import "github.com/parley-rtc/parley/proto"

// push hands the oldest signals that the target has not taken to its gateway: most of them at most.
func (k *Keeper) push(p *pair, most int) {
	from, size := len(k.values), 0
	s := p.next()
	p.first = s.n
	for ; s != nil && len(k.values)-from < most && (size == 0 || size+len(s.data) <= pushBytes); s = s.next {
		k.values = append(k.values, s.data)
		size += len(s.data)
		p.end = s.n
	}
	k.emitPush(p, p.taken.number(), k.values[from:len(k.values):len(k.values)])
}

// pushUnkept hands a signal to the target's gateway that is not kept. All that is kept has been taken.
func (k *Keeper) pushUnkept(p *pair) {
	from := len(k.values)
	k.values = append(k.values, p.unkept.data)
	p.first, p.end = p.unkept.n, p.unkept.n
	k.emitPush(p, p.tail.number(), k.values[from:len(k.values):len(k.values)])
}

// pushTaken pushes the oldest signal once more that the target has taken: it is dropped there, and what has been confirmed is said again.
func (k *Keeper) pushTaken(p *pair) {
	from := len(k.values)
	k.values = append(k.values, p.head.data)
	p.first, p.end = p.head.n, p.head.n
	k.emitPush(p, 0, k.values[from:len(k.values):len(k.values)])
}

// emitPush has a push made, and awaits its answer.
func (k *Keeper) emitPush(p *pair, prev int64, signals []jsonValue) {
	t := p.target
	k.pushes = append(k.pushes, proto.Push{
		From: k.cfg.Self, Target: t.id, Turn: t.stay.Turn, Since: t.stay.Since, SenderSince: p.sender.since, Prev: prev, Signals: signals,
	})
	k.emit(Out{Kind: Push, Gateway: t.stay.Gateway, Push: &k.pushes[len(k.pushes)-1]})
	p.state = pushed
	k.await(p)
}

// await has a pair push again when nothing is heard for a second; or sooner, where the target has only until live to hear it.
func (k *Keeper) await(p *pair) {
	if asked := p.target.asked; asked > 0 && k.now-asked < int64(proto.LiveWithin) {
		k.soon.add(&p.wait, p, k.now)
		return
	}
	k.again.add(&p.wait, p, k.now)
}

// pushNext pushes what has not been taken, if there is any.
func (k *Keeper) pushNext(p *pair) {
	k.rest(p)
	if p.next() != nil {
		k.push(p, pushSignals)
	}
}

// pushAgain is what a pair does whose push has not been answered in time, or could not be taken.
func (k *Keeper) pushAgain(p *pair) {
	k.endUnkept(p, Full)
	if t := p.target; p.state == pushed && k.now-max(t.heard, t.compared) >= silentAfter {
		k.compare(t)
	}
	switch {
	case p.next() == nil:
		k.rest(p)
	case p.state == full:
		k.push(p, pushSignals)
	case p.state == astray:
		k.compare(p.target)
		k.push(p, 1)
	default: // silence: the oldest only
		k.push(p, 1)
	}
}

// unheard is what becomes of a signal on which nobody has said anything for half a second.
func (k *Keeper) unheard(s *signal) {
	if p := s.pair; p.unkept == s {
		k.endUnkept(p, Full)
		k.pushNext(p)
		return
	}
	k.settle(s, Held)
}

// pushed takes a gateway's answer to a push. What names another stay or turn of the target than the last that is known counts for
// nothing.
func (k *Keeper) pushed(m *proto.Peer) {
	p := k.pairs[pairKey{m.Room, m.SenderID, m.TargetID}]
	if p == nil || !p.target.by(m.Turn, m.Since) {
		return
	}
	p.target.heard = k.now
	k.took(p, m.N)
	nowhere := m.State == proto.TookMoved || m.State == proto.TookNone
	if p.next() == nil && p.unkept == nil {
		k.rest(p)
		if nowhere && p.head != nil { // nobody there confirms it: one of the two is gone
			k.compare(p.target)
		}
		return
	}
	switch m.State {
	case proto.TookAll:
		if m.N >= p.end && p.state != resting {
			k.pushNext(p)
		}
	case proto.TookWaits:
		p.state = waiting
		k.await(p)
	case proto.TookGap:
		k.gap(p, m.N)
	case proto.TookFull:
		k.endUnkept(p, Full)
		k.cut(p)
		k.park(p, full)
	case proto.TookAway:
		k.hold(p)
		k.park(p, away)
	case proto.TookMoved, proto.TookNone:
		k.hold(p)
		k.park(p, astray)
		k.compare(p.target)
	}
}

// took notes that the target's present turn has all up to a number.
func (k *Keeper) took(p *pair, n int64) {
	for s := p.next(); s != nil && s.n <= n; s = p.next() {
		k.tell(s, Sent)
		p.taken = s
	}
	if p.unkept != nil && p.unkept.n <= n {
		k.endUnkept(p, Sent)
	}
}

// gap goes back to the first signal above a number, as the target's gateway lacks one before those that were pushed.
func (k *Keeper) gap(p *pair, n int64) {
	k.endUnkept(p, Full)
	p.taken = nil
	k.took(p, n)
	if next := p.next(); next == nil || next.n < p.first {
		k.pushNext(p)
		return
	}
	k.park(p, waiting) // it lacks what is kept no more, and will hear so from the next push
}

// hold says of all that was not taken that it is held.
func (k *Keeper) hold(p *pair) {
	k.endUnkept(p, Full)
	for s := p.next(); s != nil; s = s.next {
		k.settle(s, Held)
	}
}

// park has a pair wait with what was not taken.
func (k *Keeper) park(p *pair, why state) {
	k.rest(p)
	if p.next() == nil {
		return
	}
	p.state = why
	if why == away {
		k.later.add(&p.wait, p, k.now)
	} else {
		k.await(p)
	}
}
