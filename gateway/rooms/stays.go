package rooms

import (
	"maps"
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// stayed is what is known of a member whose session is resumable.
type stayed struct {
	proto.Stay
	seq uint64 // of its last join or return, as far as that is known
}

// stays are those of a room's members whose sessions are resumable, on whatever gateway. nil: there is nobody of that kind.
type stays map[proto.ClientID]stayed

// staysOf returns the resumable ones of those that came beside an answer, which stands at seq.
func staysOf(s *proto.Stays, seq uint64) stays {
	if s == nil {
		return nil
	}
	var all stays
	for id, stay := range s.Members {
		if !stay.Resumable() {
			continue
		}
		if all == nil {
			all = make(stays, len(s.Members))
		}
		all[id] = stayed{stay, seq}
	}
	return all
}

// stayIn returns a member's stay of its own memory, or nil where what came does not carry it.
func stayIn(s *proto.Stays, id proto.ClientID) *proto.Stay {
	if s == nil {
		return nil
	}
	stay, ok := s.Members[id]
	if !ok || !stay.Resumable() {
		return nil
	}
	return &stay
}

// ownStay returns the stay of a client of ours by its own connection, or nil: its record is that of one that is not resumable.
func ownStay(s *proto.Stays, cl *Client) *proto.Stay {
	stay := stayIn(s, cl.ID)
	if stay == nil || stay.Turn != cl.Turn {
		return nil
	}
	return stay
}

// sameStay reports whether two stays are one: the member has neither left in between nor come back fresh.
func (s *stayed) sameStay(t *stayed) bool { return s.Since == t.Since }

// samePlace reports whether nothing has happened to a member at all.
func (s *stayed) samePlace(t *stayed) bool {
	return s.Since == t.Since && s.Turn == t.Turn && s.Gateway == t.Gateway
}

// learn takes over whose sessions are resumable, from a roster.
func (r *room) learn(now stays) {
	if r.stays == nil && now == nil {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(r.stays)) {
		if _, still := now[id]; !still {
			r.unlearn(id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(now)) {
		st := now[id]
		r.learnOne(id, &st)
	}
}

// learnOne takes note of a member's stay, and has those told who have to know where it is: the keeper, and the gateways that have to
// hear, or to be asked, for our own members' sakes.
func (r *room) learnOne(id proto.ClientID, st *stayed) {
	was, known := r.stays[id]
	if known && was.samePlace(st) {
		st.seq = was.seq
	} else {
		delete(r.away, id)
	}
	if r.stays == nil {
		r.stays = make(stays)
	}
	if len(r.stays) == 0 {
		r.plainHere()
	}
	r.stays[id] = *st
	if known && was.Stay == st.Stay {
		return
	}
	r.core.emit(Out{Kind: StayIs, Room: r.name, ID: id, Stay: &st.Stay})
	switch {
	case known && !was.sameStay(st):
		r.senderGone(id) // what it sent before its fresh return nobody waits for
	case known && !was.samePlace(st):
		r.senderMoved(id, st.Gateway)
	}
	r.recognize(id, st)
}

// recognize holds a member of ours against what its record is known to say.
func (r *room) recognize(id proto.ClientID, st *stayed) {
	m := r.memberOf(id)
	switch {
	case m == nil:
		r.core.hereUnresumed(r.name, id, &st.Stay)
	case m.c.Turn < st.Turn:
		r.core.supersede(m, &place{st.Gateway, &st.Stay})
	case m.c.Turn > st.Turn:
	case m.own == nil:
		m.resumable(&st.Stay, Out{})
	default:
		m.own.stay = st.Stay
	}
}

// unlearn forgets the stay of a member that has left.
func (r *room) unlearn(id proto.ClientID) {
	if _, known := r.stays[id]; !known {
		return
	}
	delete(r.stays, id)
	delete(r.away, id)
	r.core.emit(Out{Kind: StayIs, Room: r.name, ID: id})
	if len(r.stays) == 0 {
		r.plainNotHere()
	}
}

// plainHere has the keeper know of the members here who are not resumable: the first who is has come.
func (r *room) plainHere() {
	for _, m := range r.local {
		if m.own == nil {
			r.core.here(m.c, r.name, nil, Out{})
		}
	}
}

// plainNotHere has the keeper forget them: the last has left.
func (r *room) plainNotHere() {
	for _, m := range r.local {
		if m.own == nil {
			r.core.notHere(m.c, r.name)
		}
	}
}
