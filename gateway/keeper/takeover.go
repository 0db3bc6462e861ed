package keeper

import (
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// takeover is a sender that has come back here, and what the gateways before kept of it is not here yet. All gateways that may have it
// are asked: the one that the record named before, and those of which they tell. When all have answered, the copy of the latest turn
// counts. After a second the sender is present without; it is sure only above the turn then. What comes late is taken all the same for
// the pairs that have had no signal since.
type takeover struct {
	turn   int64 // by which it has been here since; signals of earlier ones may be elsewhere
	began  int64
	seq    uint64          // the room's, once it had come back
	before proto.GatewayID // that the record named
	direct int64           // the turn by which that one has had it until now; 0: it has not said so
	late   bool
	asked  []asked
	copies []*handed

	sends     []In // signals of the client that wait
	questions []question
}

// asked is a gateway that may have something of a sender.
type asked struct {
	gateway  proto.GatewayID
	turn     int64 // by which the client was there
	answered bool
}

// waits reports whether the sender's signals wait for what the gateway before keeps.
func (s *sender) waits() bool { return s.takeover != nil && !s.takeover.late }

// takeOver begins to ask for what is kept of a sender that has come back.
func (k *Keeper) takeOver(s *sender, in *In, stay *proto.Stay) {
	seq := in.Seq
	if seq == 0 {
		seq = ^uint64(0) // nobody is known to have joined later
	}
	w, was := s.takeover, s.turn
	s.turn, s.since = stay.Turn, stay.Since
	switch {
	case s.waits(): // it has been elsewhere meanwhile, or was handed over before it was known to be here
		w.direct = 0
		if in.Before != k.cfg.Self {
			w.turn, w.seq, w.began = stay.Turn, seq, k.now
		}
	case s.gone != nil:
		w = &takeover{turn: stay.Turn, began: k.now, seq: seq}
		g := s.gone
		if g.pages != nil {
			w.copies = append(w.copies, &handed{from: k.cfg.Self, of: g.of, pages: g.pages, all: true})
		}
		s.takeover = w
		k.dropCopy(s)
		s.gone = nil
		k.askFor(s, g.next, g.nextTurn)
	default:
		w = &takeover{turn: stay.Turn, began: k.now, seq: seq}
		if was > 0 {
			k.hangUp(s)
			pages := k.pack(s, was)
			k.dropAll(s)
			w.copies = append(w.copies, &handed{from: k.cfg.Self, of: was, pages: pages, all: true})
		}
		s.takeover = w
	}
	w.before = in.Before
	s.peer = in.Peer
	k.asking.add(&s.wait, s, k.now)
	k.askFor(s, in.Before, stay.Turn-1) // or less
	k.decide(s)
}

// askFor asks a gateway for what it keeps of a sender, unless it is this one or has been asked.
func (k *Keeper) askFor(s *sender, gateway proto.GatewayID, turn int64) {
	w := s.takeover
	if gateway == "" || gateway == k.cfg.Self || slices.ContainsFunc(w.asked, func(a asked) bool { return a.gateway == gateway }) {
		return
	}
	w.asked = append(w.asked, asked{gateway: gateway, turn: turn})
	k.post(gateway, proto.Peer{Kind: proto.HandOver, Room: s.room, ID: s.id, Turn: s.turn})
}

// askAgain asks those once more who have not answered. When it has taken too long the sender is present without, and asks now and then.
func (k *Keeper) askAgain(s *sender) {
	w := s.takeover
	took := k.now - w.began
	if took >= giveUpAfter {
		s.takeover = nil
		return
	}
	if took >= int64(proto.HandOverIn) && !w.late {
		k.arrive(s, w.best(), false)
	}
	for _, a := range w.asked {
		if !a.answered {
			k.post(a.gateway, proto.Peer{Kind: proto.HandOver, Room: s.room, ID: s.id, Turn: s.turn})
		}
	}
	if w.late {
		k.askingLate.add(&s.wait, s, k.now)
	} else {
		k.asking.add(&s.wait, s, k.now)
	}
}

// handedOver takes what another gateway hands over.
func (k *Keeper) handedOver(m *proto.Peer) {
	s := k.senders[memberKey{m.Room, m.ID}]
	switch {
	case m.Of > 0 && (s == nil || s.gone != nil && m.Turn > s.gone.turn):
		k.takeUnasked(s, m)
	case s == nil || m.Of >= s.turn:
	case s.takeover == nil:
		if m.Of > 0 && (s.gone == nil || s.gone.of > m.Of) {
			k.acknowledge(s, m.From, m.Of) // it is of no use any more
		}
	default:
		if w := s.takeover; m.Of == 0 || w.collect(m) {
			w.answered(m.From)
			if m.Gateway == "" && m.From == w.before {
				w.direct = m.Of
			}
		}
		k.askFor(s, m.Gateway, m.NextTurn)
		k.decide(s)
	}
}

// takeUnasked takes what is handed over of a client of which it is not known here yet that it has come back. It is present then, without
// a connection.
func (k *Keeper) takeUnasked(s *sender, m *proto.Peer) {
	if s == nil {
		s = k.newSender(m.Room, m.ID)
	}
	k.isAsked(s) // it may have been here before, and have been handed over unasked then
	k.unasked = append(k.unasked, s)
	k.takeOver(s, &In{Before: m.From}, &proto.Stay{Turn: m.Turn, Since: m.Since})
	k.handedOver(m)
}

// acknowledge tells a gateway that a copy has arrived.
func (k *Keeper) acknowledge(s *sender, to proto.GatewayID, of int64) {
	if to != k.cfg.Self {
		k.post(to, proto.Peer{Kind: proto.HandOver, Room: s.room, ID: s.id, Turn: s.turn, Of: of})
	}
}

// decide has a sender be present when the gateway that the record named before has had it until now; or when all who were asked have
// answered, and one has something of it. Else word may still come, unasked.
func (k *Keeper) decide(s *sender) {
	w := s.takeover
	best := w.best()
	if best == nil {
		return
	}
	later := func(a asked) bool { return !a.answered && a.turn > best.of }
	if best.of == w.direct || !slices.ContainsFunc(w.asked, later) {
		k.arrive(s, best, true)
	}
}
