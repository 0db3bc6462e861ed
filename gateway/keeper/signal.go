package keeper

import "github.com/go-json-experiment/json/jsontext"

type jsonValue = jsontext.Value

// signal is one that is kept until the target's end has confirmed it, or one that is under way unkept.
type signal struct {
	pair    *pair
	n       int64
	data    jsonValue
	ref     string // of the request, for the word on it that is still to come
	num     uint64 // of the request, until it is settled
	settled bool   // the request has ended: this was sent, or is held
	wait    alarm[signal]
	next    *signal // of the pair; the next newer one
}

// newSignal returns one of a pair, from the memory of those before it.
func (k *Keeper) newSignal(p *pair, n int64, data jsonValue) *signal {
	s := k.idle
	if s == nil {
		s = new(signal)
	} else {
		k.idle = s.next
		k.idles--
	}
	*s = signal{pair: p, n: n, data: data}
	return s
}

// free gives a signal's memory back.
func (k *Keeper) free(s *signal) {
	s.wait.stop()
	*s = signal{}
	if k.idles < idleSignals {
		s.next, k.idle = k.idle, s
		k.idles++
	}
}

// settle ends the request of a signal, unless it has ended. The signal's number is remembered if it was sent or is held.
func (k *Keeper) settle(s *signal, o Outcome) {
	if s.settled {
		return
	}
	s.settled = true
	s.wait.stop()
	k.answer(s.pair.sender, s.num, o, s.ref, s.pair.target)
	switch o {
	case Held:
		s.pair.remember(s.n)
	case Sent:
		s.pair.remember(s.n)
		s.ref = ""
	case NotFound, Full, TooOld:
		s.ref = ""
	}
}

// tell says what became of a signal in the end, to whom it was said to be held.
func (k *Keeper) tell(s *signal, o Outcome) {
	k.settle(s, o)
	if s.ref == "" {
		return
	}
	if peer := s.pair.sender.peer; peer != nil {
		k.emit(Out{Kind: Tell, Peer: peer, Ref: s.ref, Outcome: o, Room: s.pair.sender.room, Target: s.pair.target.id})
	}
	s.ref = ""
}
