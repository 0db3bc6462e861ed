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
	turn   int64           // by which it has been here since; signals of earlier ones may be elsewhere
	seq    uint64          // the room's, once it had come back
	before proto.GatewayID // that the record named
	direct int64           // the turn by which that one has had it until now; 0: it has not said so
	beats  int
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

// handed is what a gateway has handed over.
type handed struct {
	from  proto.GatewayID
	of    int64
	pages []proto.Peer // by number; without kind: it has not come
	all   bool         // the last has come
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
			w.turn, w.seq = stay.Turn, seq
		}
	case s.gone != nil:
		w = &takeover{turn: stay.Turn, seq: seq}
		g := s.gone
		if g.pages != nil {
			w.copies = append(w.copies, &handed{from: k.cfg.Self, of: g.of, pages: g.pages, all: true})
		}
		s.takeover = w
		k.dropCopy(s)
		s.gone = nil
		k.askFor(s, g.next, g.nextTurn)
	default:
		w = &takeover{turn: stay.Turn, seq: seq}
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

// askAgain is what a sender does each quarter of a second until all have answered.
func (k *Keeper) askAgain(s *sender) {
	w := s.takeover
	w.beats++
	const aSecond = second / askingEvery
	switch {
	case w.beats >= lateBeats:
		s.takeover = nil
		return
	case w.beats == aSecond:
		k.arrive(s, w.best(), false)
	case w.beats > aSecond && w.beats%aSecond != 0:
		k.asking.add(&s.wait, s, k.now)
		return
	}
	for _, a := range w.asked {
		if !a.answered {
			k.post(a.gateway, proto.Peer{Kind: proto.HandOver, Room: s.room, ID: s.id, Turn: s.turn})
		}
	}
	k.asking.add(&s.wait, s, k.now)
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
	k.takeOver(s, &In{Before: m.From}, &proto.Stay{Turn: m.Turn, Since: m.Since})
	k.handedOver(m)
}

// acknowledge tells a gateway that a copy has arrived.
func (k *Keeper) acknowledge(s *sender, to proto.GatewayID, of int64) {
	if to != k.cfg.Self {
		k.post(to, proto.Peer{Kind: proto.HandOver, Room: s.room, ID: s.id, Turn: s.turn, Of: of})
	}
}

// answered notes that a gateway has handed over all that it has.
func (w *takeover) answered(from proto.GatewayID) {
	for i := range w.asked {
		if w.asked[i].gateway == from {
			w.asked[i].answered = true
			return
		}
	}
	w.asked = append(w.asked, asked{gateway: from, answered: true})
}

// collect takes a page, and reports whether that gateway's are complete.
func (w *takeover) collect(m *proto.Peer) bool {
	i := slices.IndexFunc(w.copies, func(h *handed) bool { return h.from == m.From })
	if i < 0 {
		i = len(w.copies)
		w.copies = append(w.copies, &handed{from: m.From, of: m.Of})
	}
	h := w.copies[i]
	if m.Of > h.of { // it has been there again
		h = &handed{from: m.From, of: m.Of}
		w.copies[i] = h
	}
	const mostPages = 4096
	if h.of != m.Of || m.Page < 0 || m.Page > mostPages {
		return false
	}
	for len(h.pages) <= m.Page {
		h.pages = append(h.pages, proto.Peer{})
	}
	if h.pages[m.Page].Kind == "" {
		h.pages[m.Page] = own(m)
	}
	h.all = h.all || !m.More
	return h.complete()
}

// own returns a page that shares no memory with what came in.
func own(m *proto.Peer) proto.Peer {
	page := *m
	page.Pairs = slices.Clone(m.Pairs)
	for i := range page.Pairs {
		p := &page.Pairs[i]
		p.Recent = slices.Clone(p.Recent)
		p.Signals = slices.Clone(p.Signals)
		for k, v := range p.Signals {
			p.Signals[k] = v.Clone()
		}
	}
	return page
}

// complete reports whether all pages have come.
func (h *handed) complete() bool {
	return h.all && !slices.ContainsFunc(h.pages, func(p proto.Peer) bool { return p.Kind == "" })
}

// best returns the complete copy of the latest turn; nil: there is none.
func (w *takeover) best() *handed {
	var best *handed
	for _, h := range w.copies {
		if h.complete() && (best == nil || h.of > best.of) {
			best = h
		}
	}
	return best
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
	for _, n := range pp.Recent {
		p.remember(n)
	}
	p.last = max(p.last, pp.N)
	if t.stay.Since > pp.Since {
		return // the target has left and joined anew, or come back fresh
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
