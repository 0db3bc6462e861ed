package keeper

import "slices"

// send takes a signal of one of our clients.
func (k *Keeper) send(in *In) {
	s := k.senders[memberKey{in.Room, in.ID}]
	if s == nil && in.Turn == 0 {
		s = k.newSender(in.Room, in.ID) // it has no key, and has no state but its pairs
	}
	if s == nil {
		k.refuse(in, NotFound)
		return
	}
	if s.gone != nil || in.Turn < s.turn {
		k.refuse(in, Full) // a later turn of the client is in the room
		return
	}
	s.peer = in.Peer
	k.comesFrom(s.client, in.Address)
	if in.Stay == nil && k.targets[memberKey{in.Room, in.Target}] == nil {
		k.refuse(in, NotFound)
		return
	}
	p := k.pairOf(s, k.targetOf(in.Room, in.Target, in.Stay))
	if s.waits() {
		s.takeover.sends = append(s.takeover.sends, *in) // the pair stands, so that word of the target is not missed meanwhile
		s.takeover.sends[len(s.takeover.sends)-1].Stay = nil
		return
	}
	k.take(p, in)
}

// take puts a signal into its pair's queue, and pushes it if nothing older waits there.
func (k *Keeper) take(p *pair, in *In) {
	if in.N <= p.newest() {
		k.repeated(p, in)
		return
	}
	older := p.next()
	rests := p.state == resting && older == nil
	if !k.fits(p, len(in.Signal)) {
		k.takeUnkept(p, in, rests)
		return
	}
	sig := k.newSignal(p, in.N, in.Signal)
	sig.num, sig.ref = in.Num, in.Ref
	k.append(p, sig)
	switch {
	case rests:
		k.unanswered.add(&sig.wait, sig, k.now)
		k.push(p, pushSignals)
	case older != nil && older.settled:
		k.settle(sig, Held) // as those before it are
	default:
		k.unanswered.add(&sig.wait, sig, k.now)
	}
}

// takeUnkept pushes a signal for which there is no room. From now on the pair is sure only above it. If something waits before it, it
// is refused.
func (k *Keeper) takeUnkept(p *pair, in *In, rests bool) {
	if !rests {
		k.refuse(in, Full)
		return
	}
	p.sure = max(p.sure, in.N)
	p.unkept = k.newSignal(p, in.N, in.Signal)
	p.unkept.num, p.unkept.ref = in.Num, in.Ref
	k.unanswered.add(&p.unkept.wait, p.unkept, k.now)
	k.pushUnkept(p)
}

// repeated answers a signal whose number is not above the pair's last: as the first of that number was, if it is known.
func (k *Keeper) repeated(p *pair, in *In) {
	s := p.find(in.N)
	if s == nil && p.unkept.number() == in.N {
		s = p.unkept
	}
	switch {
	case s == nil && p.remembers(in.N):
		k.refuse(in, Sent)
	case s == nil, s.settled && !p.remembers(in.N):
		k.refuse(in, TooOld)
	case !s.settled: // the first request has been given up
		k.answer(p.sender, s.num, Full, s.ref, p.target)
		s.num, s.ref = in.Num, in.Ref
	case s.n <= p.taken.number():
		k.refuse(in, Sent)
	default:
		k.refuse(in, Held)
		s.ref = in.Ref
	}
}

// remembers reports whether a number is among the last that were held or delivered.
func (p *pair) remembers(n int64) bool {
	return slices.Contains(p.recent, n)
}

// refuse ends the request of a signal that is not kept.
func (k *Keeper) refuse(in *In, o Outcome) {
	k.emit(Out{Kind: Settle, Peer: in.Peer, Num: in.Num, Outcome: o, Ref: in.Ref, Room: in.Room, Target: in.Target})
}

// answer ends the request of a sender's signal, if its connection still stands.
func (k *Keeper) answer(s *sender, num uint64, o Outcome, ref string, t *target) {
	if s.peer != nil {
		k.emit(Out{Kind: Settle, Peer: s.peer, Num: num, Outcome: o, Ref: ref, Room: s.room, Target: t.id})
	}
}
