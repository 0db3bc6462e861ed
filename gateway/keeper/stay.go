package keeper

import (
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// target is a member of a room for whom signals are kept, or were sent.
type target struct {
	room     proto.Room
	id       proto.ClientID
	stay     proto.Stay
	pairs    []*pair
	asked    int64 // when a new turn of it first asked; 0: none has
	astray   bool  // it is in Keeper.astray
	compared int64 // when its room was to be compared; 0: never
	heard    int64 // when its gateway answered last, or might have begun to
}

// by reports whether a turn and since are those that are known of the target.
func (t *target) by(turn int64, since uint64) bool {
	return turn == t.stay.Turn && since == t.stay.Since
}

// older reports whether one stay of a member was before another. It may have left and joined anew by an earlier turn.
func older(a, b *proto.Stay) bool {
	return a.Since < b.Since || a.Since == b.Since && a.Turn < b.Turn
}

// targetOf returns a target, and takes note of its stay.
func (k *Keeper) targetOf(room proto.Room, id proto.ClientID, stay *proto.Stay) *target {
	key := memberKey{room, id}
	t := k.targets[key]
	if t == nil {
		t = &target{room: room, id: id, stay: *stay, heard: k.now}
		k.targets[key] = t
	} else if stay != nil && older(&t.stay, stay) {
		k.learn(t, stay)
		k.pushDue(t)
	}
	return t
}

// removeTarget forgets a target that is in no pair.
func (k *Keeper) removeTarget(t *target) {
	delete(k.targets, memberKey{t.room, t.id})
	k.notAstray(t)
}

// notAstray takes a target out of those whose rooms are being compared.
func (k *Keeper) notAstray(t *target) {
	if t.astray {
		t.astray = false
		k.astray = slices.DeleteFunc(k.astray, func(o *target) bool { return o == t })
	}
}

// learn takes note of a stay that is not older than the one that is known. By a new turn all that is not confirmed is due again; where
// the target has left and joined, or come back fresh, it is dropped.
func (k *Keeper) learn(t *target, stay *proto.Stay) {
	if older(&t.stay, stay) {
		t.asked = 0
	}
	joined, back := stay.Since > t.stay.Since, stay.Turn > t.stay.Turn
	t.stay = *stay
	for _, p := range t.pairs {
		switch {
		case joined:
			k.drop(p, NotFound)
			p.sure = p.sender.sure(stay.Since)
			p.recent, p.at = nil, 0 // none of them was delivered to whom it is now
		case back:
			k.endUnkept(p, Full)
			p.taken = nil
			k.rest(p)
		}
	}
}

// pushDue pushes to a target what is due and is not under way.
func (k *Keeper) pushDue(t *target) {
	for _, p := range t.pairs {
		if p.next() != nil && p.unkept == nil && (p.state == resting || p.state == away || p.state == astray) {
			k.push(p, pushSignals)
		}
	}
}

// stayIs takes note of where a member is, or that it has left.
func (k *Keeper) stayIs(in *In) {
	key := memberKey{in.Room, in.ID}
	if s := k.senders[key]; s != nil {
		k.senderIs(s, in.Stay, in.Fresh)
	}
	t := k.targets[key]
	switch {
	case t == nil:
	case in.Stay == nil:
		k.left(t)
	case !older(in.Stay, &t.stay):
		k.learn(t, in.Stay)
		k.pushDue(t)
	}
}

// senderIs takes note of where one of our clients is, or was.
func (k *Keeper) senderIs(s *sender, stay *proto.Stay, fresh bool) {
	switch {
	case stay == nil:
		if s.gone != nil {
			k.forget(s)
		}
	case s.turn > 0 && stay.Since > s.since: // it has left and joined anew, or come back fresh: nobody wants what was
		k.anew(s, stay, fresh)
	case stay.Turn <= s.knownTurn():
	case stay.Gateway != k.cfg.Self:
		k.goesOn(s, stay.Gateway, stay.Turn)
	case s.gone != nil: // it is back, and its answer is not here yet
		k.takeOver(s, &In{Before: s.gone.to}, stay)
	}
}

// anew drops what is kept of a sender's earlier stay. Of the new one there may be something elsewhere, even if it is here now, unless it
// began just now.
func (k *Keeper) anew(s *sender, stay *proto.Stay, fresh bool) {
	k.dropAll(s) // who asked hears so
	k.hangUp(s)
	here := stay.Gateway == k.cfg.Self
	if here && !fresh {
		k.forget(s)
		return
	}
	s.since = stay.Since
	if here {
		s.turn = stay.Turn
		return
	}
	k.remember(s, &departure{to: stay.Gateway, turn: stay.Turn, next: stay.Gateway, nextTurn: stay.Turn})
}

// left drops what is kept for a target that has left.
func (k *Keeper) left(t *target) {
	for len(t.pairs) > 0 {
		p := t.pairs[len(t.pairs)-1]
		k.drop(p, NotFound)
		k.remove(p)
		k.tidy(p.sender)
	}
}

// compare has a target's room compared with its roster, once a second at most.
func (k *Keeper) compare(t *target) {
	if t.compared > 0 && k.now-t.compared < second {
		return
	}
	t.compared = k.now
	if !t.astray {
		t.astray = true
		k.astray = append(k.astray, t)
	}
	k.emit(Out{Kind: Compare, Room: t.room, Target: t.id})
}

// compared takes note of a room's roster. A target that is not in it has left, unless it joined after it.
func (k *Keeper) compared(in *In) {
	if in.Stays == nil {
		return
	}
	for _, id := range in.Stays.Order {
		stay := in.Stays.Members[id]
		t := k.targets[memberKey{in.Room, id}]
		if t == nil || older(&stay, &t.stay) || stay == t.stay && !t.astray { // who is where it was known to be is pushed to in its time
			continue
		}
		k.learn(t, &stay)
		k.pushDue(t)
	}
	for _, s := range slices.Clone(k.unasked) {
		if _, member := in.Stays.Members[s.id]; s.room == in.Room && !member && s.since < in.Seq {
			k.dropAll(s)
			k.forget(s)
		}
	}
	for _, t := range slices.Clone(k.astray) {
		if t.room != in.Room {
			continue
		}
		switch _, member := in.Stays.Members[t.id]; {
		case member:
			k.notAstray(t)
		case t.stay.Since < in.Seq:
			k.left(t)
		}
	}
}
