package keeper

import "github.com/parley-rtc/parley/proto"

// question is what a target's gateway has asked about a sender for whom the gateway before has not answered yet.
type question struct {
	target proto.ClientID
	stay   proto.Stay // of the target
	heard  int64
}

// asked tells a target's new gateway what is kept for it, and then pushes it. A turn lower than the highest that is known is not
// answered.
func (k *Keeper) asked(m *proto.Peer) {
	stay := proto.Stay{Gateway: m.From, Turn: m.Turn, Since: m.Since}
	key := memberKey{m.Room, m.TargetID}
	if t := k.targets[key]; t != nil {
		if older(&stay, &t.stay) {
			return
		}
		k.learn(t, &stay)
	}
	if m.Fresh {
		return // it wants to hear nothing
	}
	pairs := make([]proto.PeerPair, 0, len(m.Pairs))
	for i := range m.Pairs {
		s := k.senders[memberKey{m.Room, m.Pairs[i].SenderID}]
		switch q := (question{target: m.TargetID, stay: stay, heard: m.Pairs[i].N}); {
		case s == nil:
		case s.gone != nil:
			pairs = append(pairs, proto.PeerPair{SenderID: s.id, Gateway: s.gone.to, Turn: s.gone.turn})
		case s.waits():
			s.takeover.note(&q)
		default:
			pairs = append(pairs, k.kept(s, &q))
		}
	}
	k.tellKept(m.Room, m.TargetID, &stay, pairs)
	if t := k.targets[key]; t != nil {
		k.asks(t)
		k.pushDue(t)
	}
}

// asks notes when a turn has asked first. From then on there is little time.
func (k *Keeper) asks(t *target) {
	if t.asked > 0 {
		return
	}
	t.asked = k.now
	for _, p := range t.pairs {
		if p.state == pushed || p.state == waiting {
			k.await(p)
		}
	}
}

// kept says what is kept of a sender for a target. What the target has heard is dropped.
func (k *Keeper) kept(s *sender, q *question) proto.PeerPair {
	p := k.pairs[pairKey{s.room, s.id, q.target}]
	if p == nil {
		return proto.PeerPair{SenderID: s.id, Since: s.since, Sure: s.sure(q.stay.Since)}
	}
	k.confirmed(p, q.heard)
	return proto.PeerPair{SenderID: s.id, Since: s.since, N: p.lastAnswered(), Sure: p.sure}
}

// tellKept answers a target's gateway, unless there is nothing to say.
func (k *Keeper) tellKept(room proto.Room, target proto.ClientID, stay *proto.Stay, pairs []proto.PeerPair) {
	if len(pairs) > 0 {
		k.post(stay.Gateway, proto.Peer{
			Kind: proto.Told, Room: room, TargetID: target, Turn: stay.Turn, Since: stay.Since, Pairs: pairs,
		})
	}
}

// note notes a question until the gateway before has answered. The last of each target counts.
func (w *takeover) note(q *question) {
	for i := range w.questions {
		if w.questions[i].target == q.target {
			w.questions[i] = *q
			return
		}
	}
	w.questions = append(w.questions, *q)
}

// answerNoted answers what was asked meanwhile.
func (k *Keeper) answerNoted(s *sender, questions []question) {
	for i := range questions {
		q := &questions[i]
		if t := k.targets[memberKey{s.room, q.target}]; t != nil {
			if older(&q.stay, &t.stay) {
				continue
			}
			k.learn(t, &q.stay)
			k.asks(t)
		}
		k.tellKept(s.room, q.target, &q.stay, []proto.PeerPair{k.kept(s, q)})
	}
}
