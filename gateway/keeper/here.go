package keeper

import (
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// here takes note that one of our clients is in a room from now on.
func (k *Keeper) here(in *In) {
	var stay proto.Stay
	if in.Stay != nil {
		stay = *in.Stay
	}
	s := k.senders[memberKey{in.Room, in.ID}]
	back := in.Before != ""
	known := s != nil
	switch {
	case !known:
		s = k.newSender(in.Room, in.ID)
	case back && s.knownTurn() > stay.Turn:
		return // late word: a later turn is in the room
	case s.turn != stay.Turn:
		k.hangUp(s)
	}
	k.isAsked(s)
	present := known && s.gone == nil && !s.waits()
	s.peer = in.Peer
	k.comesFrom(s.client, in.Address)
	switch {
	case !back || in.Fresh:
		k.begin(s, in, &stay)
	case present && (s.turn == stay.Turn || in.Before == k.cfg.Self): // what there is of it is here
		s.turn, s.since = stay.Turn, stay.Since
	default:
		k.takeOver(s, in, &stay)
	}
}

// knownTurn returns the highest turn of the client that is known, here or elsewhere.
func (s *sender) knownTurn() int64 {
	if s.gone != nil {
		return max(s.turn, s.gone.turn)
	}
	return s.turn
}

// begin has a sender that has joined, or come back fresh, begin with nothing.
func (k *Keeper) begin(s *sender, in *In, stay *proto.Stay) {
	if in.Fresh && in.Before != k.cfg.Self {
		k.post(in.Before, proto.Peer{Kind: proto.HandOver, Room: s.room, ID: s.id, Turn: stay.Turn, Fresh: true})
	}
	if in.Fresh || s.gone != nil || s.since != stay.Since {
		k.dropAll(s)
	}
	s.turn, s.since = stay.Turn, stay.Since
}

// notHere takes note that a client is in a room no more, or is there by another gateway.
func (k *Keeper) notHere(in *In) {
	s := k.senders[memberKey{in.Room, in.ID}]
	switch {
	case s == nil || in.Turn > 0 && in.Turn < s.turn && in.Stay == nil: // late word of an earlier turn
	case in.Gateway == "" || in.Gateway == k.cfg.Self:
		k.dropAll(s)
		k.forget(s)
	default:
		turn := in.Turn + 1 // at least
		if in.Stay != nil {
			turn = in.Stay.Turn
		}
		k.goesOn(s, in.Gateway, turn)
	}
}

// dropAll drops what is kept of a sender in its room, and what is awaited for it.
func (k *Keeper) dropAll(s *sender) {
	if s.takeover != nil {
		k.refuseWaiting(s)
		s.takeover = nil
	}
	k.dropCopy(s)
	s.gone = nil
	s.wait.stop()
	s.floor, s.seq = 0, 0
	for len(s.pairs) > 0 {
		p := s.pairs[len(s.pairs)-1]
		k.drop(p, NotFound)
		k.remove(p)
	}
}

// closed forgets a client's connection: nothing can be said to it any more.
func (k *Keeper) closed(id proto.ClientID, turn int64) {
	c := k.clients[id]
	if c == nil {
		return
	}
	for _, s := range slices.Backward(c.at) { // from the end, as they may be taken out
		if s.turn == turn {
			k.hangUp(s)
			k.tidy(s)
		}
	}
}

// tidy forgets a sender without a key whose connection has ended and of whom nothing is kept: nobody else says that it is gone.
func (k *Keeper) tidy(s *sender) {
	if s.turn == 0 && s.peer == nil && s.gone == nil && len(s.pairs) == 0 {
		k.forget(s)
	}
}

// hangUp ends the requests of a sender's connection, and forgets it and who asked for word of what.
func (k *Keeper) hangUp(s *sender) {
	k.refuseWaiting(s)
	for _, p := range s.pairs {
		k.endUnkept(p, Full)
		for sig := p.head; sig != nil; sig = sig.next {
			k.settle(sig, Held)
			sig.ref = ""
		}
	}
	s.peer = nil
}

// refuseWaiting refuses the signals that wait for what the gateway before keeps.
func (k *Keeper) refuseWaiting(s *sender) {
	if s.takeover == nil {
		return
	}
	for i := range s.takeover.sends {
		k.refuse(&s.takeover.sends[i], Full)
	}
	s.takeover.sends = nil
}
