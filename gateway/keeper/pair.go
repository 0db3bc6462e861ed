package keeper

import (
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// pairKey names a pair.
type pairKey struct {
	room           proto.Room
	sender, target proto.ClientID
}

// state is what a pair waits for. See the package comment.
type state uint8

const (
	resting state = iota // nothing: the target has taken all
	pushed               // the answer to a push
	waiting              // the second answer: the target's gateway has kept the push until the room is level or live
	full                 // a second, until the target's queue has room again
	away                 // the target's return; it has no connection
	astray               // word of where the target is
)

// pair is one sender and one target in one room. Its signals stand in order: those that the target's present turn has taken, up to and
// with taken, and behind them those that it has not. The order of all numbers that it has ever had is: confirmed, kept, none.
type pair struct {
	sender             *sender
	target             *target
	atSender, atTarget int // its places in their lists

	head, tail *signal // what is kept
	taken      *signal // the last of them that the target's present turn has taken; nil: none
	unkept     *signal // one that is under way and is not kept
	count      int
	bytes      int

	state      state
	first, end int64 // the numbers of the last push's first and last signal
	wait       alarm[pair]

	last   int64   // of the signals that were held or delivered
	sure   int64   // above it all were kept
	recent []int64 // the last numbers that were held or delivered, oldest first from the place at
	at     int
}

// pairOf returns a pair, and makes it if there is none.
func (k *Keeper) pairOf(s *sender, t *target) *pair {
	key := pairKey{s.room, s.id, t.id}
	p := k.pairs[key]
	if p == nil {
		p = &pair{sender: s, target: t, atSender: len(s.pairs), atTarget: len(t.pairs), sure: s.sure(t.stay.Since)}
		s.pairs = append(s.pairs, p)
		t.pairs = append(t.pairs, p)
		k.pairs[key] = p
	}
	return p
}

// remove forgets a pair that keeps nothing, and its target if that was in no other.
func (k *Keeper) remove(p *pair) {
	p.wait.stop()
	delete(k.pairs, pairKey{p.sender.room, p.sender.id, p.target.id})
	s, t := p.sender, p.target
	end := len(s.pairs) - 1
	s.pairs[p.atSender] = s.pairs[end]
	s.pairs[p.atSender].atSender = p.atSender
	s.pairs = slices.Delete(s.pairs, end, end+1)
	end = len(t.pairs) - 1
	t.pairs[p.atTarget] = t.pairs[end]
	t.pairs[p.atTarget].atTarget = p.atTarget
	t.pairs = slices.Delete(t.pairs, end, end+1)
	if len(t.pairs) == 0 {
		k.removeTarget(t)
	}
}

// next returns the oldest signal that the target has not taken; nil: there is none.
func (p *pair) next() *signal {
	if p.taken == nil {
		return p.head
	}
	return p.taken.next
}

// newest returns the highest number that the pair has had.
func (p *pair) newest() int64 {
	n := p.last
	if p.tail != nil {
		n = max(n, p.tail.n)
	}
	if p.unkept != nil {
		n = max(n, p.unkept.n)
	}
	return n
}

// lastAnswered returns the number of the last signal that is kept and was said to be sent or held; 0: there is none.
func (p *pair) lastAnswered() int64 {
	if p.tail == nil || p.tail.settled {
		return p.tail.number()
	}
	n := int64(0)
	for s := p.head; s != nil && s.settled; s = s.next {
		n = s.n
	}
	return n
}

// number returns the number of a signal; 0: there is none.
func (s *signal) number() int64 {
	if s == nil {
		return 0
	}
	return s.n
}

// find returns the signal of that number that is kept.
func (p *pair) find(n int64) *signal {
	s := p.head
	for s != nil && s.n < n {
		s = s.next
	}
	if s == nil || s.n != n {
		return nil
	}
	return s
}

// remember notes the number of a signal that was held or delivered.
func (p *pair) remember(n int64) {
	p.last = max(p.last, n)
	if len(p.recent) < recentMost {
		p.recent = append(p.recent, n)
		return
	}
	p.recent[p.at] = n
	p.at = (p.at + 1) % recentMost
}

// append keeps a signal behind the others.
func (k *Keeper) append(p *pair, s *signal) {
	if p.tail == nil {
		p.head = s
	} else {
		p.tail.next = s
	}
	p.tail = s
	k.count(p, 1, len(s.data))
}

// pop takes the oldest signal out.
func (k *Keeper) pop(p *pair) {
	s := p.head
	if p.taken == s {
		p.taken = nil
	}
	if p.head = s.next; p.head == nil {
		p.tail = nil
	}
	k.count(p, -1, -len(s.data))
	k.free(s)
}

// cut drops what has been neither taken nor said to be held: the newest.
func (k *Keeper) cut(p *pair) {
	last := p.taken
	for s := p.next(); s != nil && s.settled; s = s.next {
		last = s
	}
	s := p.head
	if last != nil {
		s = last.next
		last.next = nil
	} else {
		p.head = nil
	}
	p.tail = last
	for s != nil {
		next := s.next
		k.settle(s, Full)
		k.count(p, -1, -len(s.data))
		k.free(s)
		s = next
	}
}

// drop drops all that a pair keeps, and says what became of it.
func (k *Keeper) drop(p *pair, o Outcome) {
	k.endUnkept(p, o)
	for p.head != nil {
		k.tell(p.head, o)
		k.pop(p)
	}
	k.rest(p)
}

// endUnkept ends a signal that is under way unkept.
func (k *Keeper) endUnkept(p *pair, o Outcome) {
	if s := p.unkept; s != nil {
		p.unkept = nil
		k.settle(s, o)
		k.free(s)
	}
}

// rest has a pair wait for nothing, or for the confirmation of what the target has taken.
func (k *Keeper) rest(p *pair) {
	p.state = resting
	p.wait.stop()
	if p.head != nil && p.next() == nil {
		k.taken.add(&p.wait, p, k.now)
	}
}
