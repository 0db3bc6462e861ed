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
	if owner && s.OwnersOwn() || len(s.Record.Members) == 1 {
		return Decision{Answer: left, Record: r.closing(s, q, reason(q, owner))}
	}
	rec := &proto.Record{
		Room: q.Room, OwnerID: s.Record.OwnerID, OnOwnerGone: s.Record.OnOwnerGone, Prev: s.Seq,
		Members: make([]proto.Member, 0, len(s.Record.Members)-1),
		Change:  r.change(q, proto.ClientLeft),
	}
	for _, other := range s.Record.Members {
		if other.ID != q.ClientID {
			rec.Members = append(rec.Members, other)
		}
	}
	if !resumable(rec.Members) {
		for i := range rec.Members {
			rec.Members[i].Since = 0 // of use to who comes back; there is nobody who could
		}
	}
	rec.Change.Reason = reason(q, false)
	rec.Change.Gateways = gone(s.Record.Members, rec.Members)
	if owner {
		rec.Change.Owner = true
		rec.OwnerID = r.heir(rec)
	}
	return Decision{Answer: left, Record: rec}
}

// close ends the room for all: its owner asks for that.
func (r Rules) close(s *State, q *Request) Decision {
	left := proto.Event{Name: proto.RoomLeft, Room: q.Room}
	m := s.Member(q.ClientID)
	in := m != nil && (q.Joined == "" || q.Joined == m.Request) // not a late attempt, in a room that was made since
	switch {
	case !in && s.madeBy(q, proto.RoomClosed):
		return Decision{Answer: left}
	case !in:
		return Decision{Answer: proto.Event{Name: proto.NotInRoom, Room: q.Room}}
	case q.ClientID != s.Record.OwnerID:
		return Decision{Answer: proto.Errorf(proto.CodeForbidden, q.Room, q.ClientID, "only its owner ends a room for all")}
	}
	return Decision{Answer: left, Record: r.closing(s, q, proto.ClosedForAll)}
}

// closing is the room's last record.
func (r Rules) closing(s *State, q *Request, why proto.Reason) *proto.Record {
	rec := &proto.Record{
		Room: q.Room, OwnerID: s.Record.OwnerID, Prev: s.Seq, Closed: true, Change: r.change(q, proto.RoomClosed),
	}
	rec.Change.Reason = why
	rec.Change.Gateways = gone(s.Record.Members, nil)
	return rec
}

// reason says why who asks to leave is gone, or why the room is of which it was the owner.
func reason(q *Request, owner bool) proto.Reason {
	switch {
	case owner && q.Lost:
		return proto.OwnerLost
	case owner:
		return proto.OwnerLeft
	case q.Lost:
		return proto.MemberLost
	}
	return proto.MemberLeft
}

// heir returns who is the owner of a room that the owner has just left: the first of the members, in the order in which they
// joined, whose gateway is not gone; if there is none, the first. Where the policy is stay, nobody is.
func (r Rules) heir(rec *proto.Record) proto.ClientID {
	if rec.OnOwnerGone == proto.PolicyStay {
		return ""
	}
	for i := range rec.Members {
		if r.Gone == nil || !r.Gone(rec.Members[i].Gateway) {
			return rec.Members[i].ID
		}
	}
	return rec.Members[0].ID
}

// madeBy reports whether the room's last change, of that kind, is the one that the request asks for, which is then a repetition.
func (s *State) madeBy(q *Request, event proto.Name) bool {
	if s == nil {
		return false
	}
	c := &s.Record.Change
	return c.Event == event && c.Request == q.ID && c.ID == q.ClientID
}
