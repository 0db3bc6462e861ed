package gateway

import (
	"time"

	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/keeper"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/proto"
)

// The bounds of what is kept of signals, beside that of all.
const (
	maxPair      = 1024 // signals of a sender to a target in a room
	maxPairBytes = 256 << 10
	maxSender    = 1 << 20 // bytes of a sender
	addresses    = 8       // an address may take that part of all
)

// newKeeper returns the keeper of a gateway's settings.
func (g *Gateway) newKeeper() *keeper.Keeper {
	most := g.cfg.Limits.MaxKept
	return keeper.New(keeper.Config{
		Self: g.id, MaxPair: maxPair, MaxPairBytes: maxPairBytes, MaxSender: maxSender, MaxAddress: most / addresses, MaxKept: most,
	})
}

// keep feeds the keeper, and does what it says. None of that steps the core or the keeper: what would, waits in the loop.
func (d *dispatcher) keep(in *keeper.In) {
	in.Now = int64(time.Since(d.began))
	outs := d.keeper.Step(in)
	for i := range outs {
		d.carryOutKept(&outs[i])
	}
}

// carryOutKept does what the keeper says.
func (d *dispatcher) carryOutKept(o *keeper.Out) {
	switch o.Kind {
	case keeper.Push:
		d.push(o.Gateway, o.Push)
	case keeper.Post:
		d.postTo(o.Gateway, o.Say)
	case keeper.Settle:
		d.settled(o)
	case keeper.Tell:
		if s := peerOf(o); s.About.Transport != transportSocketIO { // an acknowledgement is the last word there
			s.Tell(d.said(o), o.Ref)
		}
	case keeper.Compare:
		d.loop.add(looped{compare: o.Room})
	}
}

// peerOf returns the session of whose signal the keeper speaks.
func peerOf(o *keeper.Out) *session.Session { return o.Peer.(*session.Session) } // the keeper was given it so

// settled ends the request of a client whose signal is kept, or is not.
func (d *dispatcher) settled(o *keeper.Out) {
	s := peerOf(o)
	a := s.Asking()
	if a == nil || a.Num != o.Num {
		return
	}
	outcome := rooms.Declined
	switch o.Outcome {
	case keeper.Sent, keeper.Held:
		outcome = rooms.OK
	case keeper.Full:
		outcome = rooms.Unavailable
	case keeper.NotFound, keeper.TooOld:
	}
	if outcome != rooms.OK || a.Ref != "" {
		s.Tell(d.said(o), a.Ref)
	}
	s.Resolve(a, outcome)
}

// said returns what a client is told of its signal.
func (d *dispatcher) said(o *keeper.Out) proto.Event {
	name := proto.SignalSent
	switch o.Outcome {
	case keeper.Sent:
	case keeper.Held:
		name = proto.SignalHeld
	case keeper.NotFound:
		name = proto.TargetNotFound
	case keeper.Full:
		return proto.Errorf(proto.CodeUnavailable, o.Room, peerOf(o).ID(),
			"there is no room to keep what is for this target: send it again in a moment")
	case keeper.TooOld:
		return proto.Errorf(proto.CodeTooOld, o.Room, peerOf(o).ID(),
			"the number of the signal is not above that of the last one to this target: it was not carried out")
	}
	return proto.Event{Name: name, Room: o.Room, TargetID: o.Target}
}

// hold gives the keeper a client's signal.
func (d *dispatcher) hold(s *session.Session, k *session.Kept) {
	d.keep(&keeper.In{
		Kind: keeper.Send, Room: k.Ask.Room, ID: s.ID(), Peer: s, Turn: s.About.Turn, Target: k.Ask.Target, Stay: k.Stay, N: k.N,
		Signal: k.Signal, Ref: k.Ask.Ref, Num: k.Ask.Num, Address: s.About.Address,
	})
}

// pushIt handles a replica's word that a signal is for its sender's gateway to keep. The pump sends it on.
func (d *dispatcher) pushIt(s *session.Session, a *ask.Ask, stays *proto.Stays) {
	d.answered = true
	if stays != nil {
		if stay, ok := stays.Members[a.Target]; ok {
			a.PushIt = &stay
			s.Resolve(a, rooms.Declined)
			return
		}
	}
	s.Tell(rooms.Unanswered(a.Room, s.ID()), a.Ref) // it is not said where the target is
	s.Resolve(a, rooms.Unavailable)
}

// deliverPush queues pushed signals for their target, and answers what became of them.
func (d *dispatcher) deliverPush(o *rooms.Out) {
	s, answer := of(o.To[0]), *o.Answer
	for i := range o.Signals {
		e := &o.Signals[i]
		offered := s.Out.Offer(message(e, o.Raw[i]))
		if offered == session.Taken {
			continue
		}
		answer.State = proto.TookFull
		if offered == session.Gone {
			answer.State = proto.TookAway
		}
		last := proto.Event{Room: e.Room, SenderID: e.SenderID, N: e.N - 1} // there is none between it and the one before
		if i > 0 {
			last.N = o.Signals[i-1].N
		}
		answer.N = last.N
		d.refused = append(d.refused, refused{rooms.PushRefused, o.To[0], last})
		break
	}
	d.postTo(o.Gateway, &answer)
}
