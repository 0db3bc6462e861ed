package room

import (
	"cmp"

	"github.com/parley-rtc/parley/proto"
)

func (r Rules) create(s *State, q *Request) Decision {
	if !q.May(proto.MayCreate) {
		return forbidden(q, "the token does not allow to create this room")
	}
	if !s.Open() {
		return r.open(s, q)
	}
	if m := s.Member(q.ClientID); m != nil && m.Request == q.ID && s.Record.OwnerID == q.ClientID {
		return created(s, q)
	}
	return Decision{Answer: proto.Event{Name: proto.RoomExists, Room: q.Room}}
}

// enter joins the room, or creates it where there is none.
func (r Rules) enter(s *State, q *Request) Decision {
	if !s.Open() {
		if !q.May(proto.MayCreate) {
			return forbidden(q, "there is no such room, and the token does not allow to create it")
		}
		return r.open(s, q)
	}
	if c := &s.Record.Change; c.Event == proto.RoomCreated && c.Request == q.ID && c.ID == q.ClientID {
		return created(s, q) // once others have joined, the repetition has joined them
	}
	return r.join(s, q)
}

// created answers the repetition of the request that created the room, with what others bear that have joined since, and what stands about
// the room, where that is not what was asked for any more: who has created it has been told of none of it.
func created(s *State, q *Request) Decision {
	e := proto.Event{Name: proto.RoomCreated, Room: q.Room, Clients: others(&s.Record, q.ClientID), Seq: s.Seq}
	policy := func(p proto.Policy) proto.Policy { return cmp.Or(p, proto.PolicyClose) }
	tellRoom(&e, &s.Record, q.ClientID)
	if e.Policy = policy(e.Policy); e.Policy == policy(q.Policy) {
		e.Policy = ""
	}
	return Decision{Answer: e, Stays: stays(s.Record.Members)}
}

// open creates a room.
func (r Rules) open(s *State, q *Request) Decision {
	if answer, is := barred(s, q); is {
		return Decision{Answer: answer}
	}
	rec := &proto.Record{
		Room:    q.Room,
		OwnerID: q.ClientID,
		Prev:    s.Sequence(),
		Change:  r.change(q, proto.RoomCreated),
		About:   s.about(q),
	}
	if q.Policy != proto.PolicyClose {
		rec.OnOwnerGone = q.Policy
	}
	sessions := r.sessions(s)
	if rec.OnOwnerGone != "" && !sessions {
		return Decision{Less: true, Answer: proto.Errorf(proto.CodeUnavailable, q.Room, q.ClientID,
			"a room service is still running that does not know onOwnerGone")}
	}
	rec.Members = []proto.Member{r.newMember(s, q, sessions)}
	return Decision{
		Answer: proto.Event{Name: proto.RoomCreated, Room: q.Room}, Record: rec,
		Stays: stays(rec.Members), Less: r.less(s, q),
	}
}

func (r Rules) join(s *State, q *Request) Decision {
	if !s.Open() {
		return Decision{Answer: proto.Event{Name: proto.RoomNotExists, Room: q.Room}}
	}
	joined := proto.Event{
		Name: proto.RoomJoined, Room: q.Room, OwnerID: s.Record.OwnerID, Clients: others(&s.Record, q.ClientID), Seq: s.Seq,
	}
	tellRoom(&joined, &s.Record, q.ClientID)
	if m := s.Member(q.ClientID); m != nil {
		return Decision{Answer: joined, Bears: m.Request, Stays: stays(s.Record.Members)}
	}
	if answer, is := r.keptOut(s, q); is {
		return Decision{Answer: answer}
	}
	old := s.Record.Members
	members := make([]proto.Member, len(old), len(old)+1)
	copy(members, old)
	joined.Seq = 0
	sessions := r.sessions(s)
	m := r.newMember(s, q, sessions)
	if resumable(old) {
		m.Since = s.Seq // of any: who comes back has to know whether it was there before
	}
	members = append(members, m)
	rec := &proto.Record{
		Room:        q.Room,
		OwnerID:     s.Record.OwnerID,
		OnOwnerGone: s.Record.OnOwnerGone,
		Members:     members,
		Prev:        s.Seq,
		Change:      r.change(q, proto.ClientJoined),
		About:       s.about(q),
	}
	if s.returns(q) {
		rec.OwnerID, rec.Change.Owner = q.ClientID, true
		rec.About = rec.About.With(func(a *proto.About) { a.OwnerSub = "" })
		joined.OwnerID = q.ClientID
	}
	return Decision{Answer: joined, Record: rec, Stays: stays(members), Less: r.less(s, q)}
}

// sessions reports whether the room's next record may hold a session.
func (r Rules) sessions(s *State) bool {
	return r.Form == nil || r.Form() >= proto.SessionForm || s.Open() && s.Record.NeedsForm() >= proto.SessionForm
}

// less reports whether who asks gets less than it asked for, since an older room service is still running: its session is not kept,
// or nobody is told its name.
func (r Rules) less(s *State, q *Request) bool {
	return q.Turn > 0 && !r.sessions(s) || !r.trust(s) && q.Who() != nil
}

// newMember is who asks, as a member that has joined after s.
func (r Rules) newMember(s *State, q *Request, sessions bool) proto.Member {
	m := proto.Member{ID: q.ClientID, Gateway: q.Gateway, Request: q.ID}
	if r.trust(s) {
		m.Who = q.Who()
	}
	if q.Turn > 0 && sessions {
		m.Turn, m.Keep, m.Since = q.Turn, q.Keep, s.Sequence()
	}
	return m
}

// resumable reports whether the session of any of the members is.
func resumable(members []proto.Member) bool {
	for i := range members {
		if members[i].Turn > 0 {
			return true
		}
	}
	return false
}

// stays returns the header that names the members whose sessions are resumable; empty when there are none.
func stays(members []proto.Member) string {
	if !resumable(members) {
		return ""
	}
	return string(proto.AppendStays(nil, "", members, func(m *proto.Member) bool { return m.Turn > 0 }))
}
