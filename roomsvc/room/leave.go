package room

import (
	"github.com/parley-rtc/parley/proto"
)

// leave takes a member out. The owner's leaving closes the room, unless the room's policy is another; the last member's closes
// it in any case.
func (r Rules) leave(s *State, q *Request) Decision {
	left := proto.Event{Name: proto.RoomLeft, Room: q.Room}
	m := s.Member(q.ClientID)
	if m == nil || q.Joined != "" && m.Request != q.Joined {
		if s.madeBy(q, proto.ClientLeft) || s.madeBy(q, proto.RoomClosed) {
			return Decision{Answer: left}
		}
		return Decision{Answer: proto.Event{Name: proto.NotInRoom, Room: q.Room}}
	}
	owner := q.ClientID == s.Record.OwnerID
	if owner && s.OwnersOwn() && q.Reason != proto.Forbidden || len(s.Record.Members) == 1 {
		return Decision{Answer: left, Record: r.closing(s, q, reason(q, owner))}
	}
	return Decision{Answer: left, Record: r.without(s, q, q.ClientID, reason(q, false))}
}

// without is the record of a room that a member is no longer in, and that others still are in. Of the owner it says who has become it.
func (r Rules) without(s *State, q *Request, id proto.ClientID, why proto.Reason) *proto.Record {
	rec := &proto.Record{
		Room: q.Room, OwnerID: s.Record.OwnerID, OnOwnerGone: s.Record.OnOwnerGone, Prev: s.Seq,
		Members: make([]proto.Member, 0, len(s.Record.Members)-1),
		Change:  r.change(q, proto.ClientLeft),
		About:   s.about(q),
	}
	rec.Change.ID, rec.Change.Reason = id, why
	for _, other := range s.Record.Members {
		if other.ID != id {
			rec.Members = append(rec.Members, other)
		}
	}
	if !resumable(rec.Members) {
		for i := range rec.Members {
			rec.Members[i].Since = 0 // of use to who comes back; there is nobody who could
		}
	}
	rec.Change.Gateways = gone(s.Record.Members, rec.Members)
	if id != s.Record.OwnerID {
		return rec
	}
	rec.Change.Owner = true
	rec.OwnerID = r.heir(rec)
	if why == proto.Forbidden { // it hands over, whatever the policy
		rec.OwnerID = r.first(rec.Members)
	}
	if sub := s.Member(id).Sub(); rec.OwnerID == "" && sub != "" && why != proto.Kicked && why != proto.Banned {
		rec.About = rec.About.With(func(a *proto.About) { a.OwnerSub = sub })
	}
	return rec
}

// close ends the room for all: its owner asks for that.
func (r Rules) close(s *State, q *Request) Decision {
	left := proto.Event{Name: proto.RoomLeft, Room: q.Room}
	m := s.Member(q.ClientID)
	in := m != nil && (q.Joined == "" || q.Joined == m.Request) // not a late attempt, in a room that was made since
	switch {
	case !in && s.madeBy(q, proto.RoomClosed):
		return Decision{Answer: left}
	case s.Open() && m == nil && (q.Admin || s.moderator(q)):
	case !in && q.Admin:
		return Decision{Answer: proto.Event{Name: proto.RoomNotExists, Room: q.Room}}
	case !in:
		return Decision{Answer: proto.Event{Name: proto.NotInRoom, Room: q.Room}}
	case !s.mayModerate(q):
		return forbidden(q, "only its owner and moderators end a room for all")
	}
	return Decision{Answer: left, Record: r.closing(s, q, proto.ClosedForAll)}
}

// closing is the room's last record.
func (r Rules) closing(s *State, q *Request, why proto.Reason) *proto.Record {
	rec := &proto.Record{
		Room: q.Room, OwnerID: s.Record.OwnerID, Prev: s.Seq, Closed: true, Change: r.change(q, proto.RoomClosed),
	}
	rec.About, _ = s.Record.About.Outliving(q.At)
	rec.Change.Reason = why
	rec.Change.Gateways = gone(s.Record.Members, nil)
	return rec
}

// reason says why who asks to leave is gone, or why the room is of which it was the owner.
func reason(q *Request, owner bool) proto.Reason {
	switch {
	case q.Reason == proto.Forbidden:
		return proto.Forbidden
	case owner && q.Lost:
		return proto.OwnerLost
	case owner:
		return proto.OwnerLeft
	case q.Lost:
		return proto.MemberLost
	}
	return proto.MemberLeft
}

// heir returns who is the owner of a room that the owner has just left. Where the policy is stay, nobody is.
func (r Rules) heir(rec *proto.Record) proto.ClientID {
	if rec.OnOwnerGone == proto.PolicyStay {
		return ""
	}
	return r.first(rec.Members)
}

// first returns who of the members becomes the owner, in the order in which they joined: the first moderator whose gateway is not
// gone; if there is none, the first member whose gateway is not; if there is none, the first.
func (r Rules) first(members []proto.Member) proto.ClientID {
	var lives proto.ClientID
	for i := range members {
		m := &members[i]
		if r.Gone != nil && r.Gone(m.Gateway) {
			continue
		}
		if m.Who != nil && m.Who.Mod {
			return m.ID
		}
		if lives == "" {
			lives = m.ID
		}
	}
	if lives == "" {
		return members[0].ID
	}
	return lives
}

// madeBy reports whether the room's last change, of that kind, is the one that the request asks for, which is then a repetition.
func (s *State) madeBy(q *Request, event proto.Name) bool {
	if s == nil {
		return false
	}
	c := &s.Record.Change
	return c.Event == event && c.Request == q.ID && c.ID == q.ClientID
}
