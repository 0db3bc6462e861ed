package room

import (
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// fence answers a request of a session that is in the room by another connection: by a later one, then this one changes nothing; or
// by an earlier one, then this one has to resume the room first. A session's connections have turns, each a higher one.
func fence(s *State, q *Request) (proto.Event, bool) {
	m := s.Member(q.ClientID)
	switch {
	case m == nil || m.Turn == 0 || q.Turn == 0:
	case q.Op == proto.OpLeave && q.Joined == m.Request: // a gateway that has nobody there names what a late request has made, by any turn
	case q.Turn < m.Turn:
		return proto.Event{Name: proto.Fenced, Room: q.Room}, true
	case q.Turn > m.Turn && q.Op != proto.OpResume:
		return proto.Errorf(proto.CodeResumeFirst, q.Room, q.ClientID, "the session is in this room by an earlier connection"), true
	}
	return proto.Event{}, false
}

// resume brings a session's next connection into a room that the session is in: in the place of the one before.
func (r Rules) resume(s *State, q *Request) Decision {
	m := s.Member(q.ClientID)
	switch {
	case m == nil || m.Turn == 0:
		return Decision{Answer: proto.Event{Name: proto.NotInRoom, Room: q.Room, Reason: s.why(q.ClientID)}}
	case m.Sub() != "" && m.Sub() != q.Sub:
		return forbidden(q, "the session is another user's: its token has another sub")
	case m.Turn == q.Turn && m.Gateway != q.Gateway: // two connections cannot be the same one
		return Decision{Answer: proto.Event{Name: proto.Fenced, Room: q.Room}}
	case m.Turn == q.Turn: // repeated; or a join of this connection, which was late, has made it a member meanwhile
		var before proto.GatewayID
		if s.madeBy(q, proto.ClientBack) {
			before = s.Record.Change.Before
		}
		d := resumed(&s.Record, s.Seq, before, q)
		d.Bears = m.Request
		return d
	}
	if !s.mayStay(q) {
		return r.dismissed(s, q)
	}
	if answer, is := banned(s, q); is { // a kick is of one client: others of its user that are in stay
		return Decision{Answer: answer}
	}
	rec := &proto.Record{
		Room: q.Room, OwnerID: s.Record.OwnerID, OnOwnerGone: s.Record.OnOwnerGone, Prev: s.Seq,
		Members: slices.Clone(s.Record.Members),
		Change:  r.change(q, proto.ClientBack),
		About:   s.about(q),
	}
	back := &rec.Members[rec.Member(q.ClientID)]
	back.Gateway, back.Request, back.Turn, back.Keep = q.Gateway, q.ID, q.Turn, q.Keep
	if r.trust(s) {
		back.Who = s.renewedWithin(m, q)
	}
	if q.Fresh {
		back.Since = s.Seq
	}
	rec.Change.Fresh = q.Fresh
	rec.Change.Before = m.Gateway
	rec.Change.Gateways = gone(s.Record.Members, rec.Members)
	d := resumed(rec, 0, m.Gateway, q)
	d.Record = rec
	return d
}

// mayStay reports whether the token that a session comes back with still allows the room. Of who owns it, to create it is enough.
func (s *State) mayStay(q *Request) bool {
	return q.May(proto.MayJoin) || q.ClientID == s.Record.OwnerID && q.May(proto.MayCreate)
}

// dismissed takes a session out that comes back with a token that allows the room no more.
func (r Rules) dismissed(s *State, q *Request) Decision {
	leaves := *q
	leaves.Reason, leaves.Joined = proto.Forbidden, ""
	d := r.leave(s, &leaves)
	d.Answer = proto.Event{Name: proto.NotInRoom, Room: q.Room, Reason: proto.Forbidden}
	return d
}

// resumed answers who has come back to a room: with all that it has to know, since it may have missed anything.
func resumed(rec *proto.Record, seq uint64, before proto.GatewayID, q *Request) Decision {
	e := proto.Event{Name: proto.Resumed, Room: q.Room, OwnerID: rec.OwnerID, Clients: others(rec, q.ClientID), Seq: seq}
	tellRoom(&e, rec, q.ClientID)
	// A number from before its own stay says nothing of this one, nor of this room, which may have replaced another.
	all := q.Seq == 0 || rec.Members[rec.Member(q.ClientID)].Since >= q.Seq
	for i := range rec.Members {
		// Since is what the room had before: who joined after q.Seq found that, or more.
		if m := &rec.Members[i]; m.ID != q.ClientID && (all || m.Since >= q.Seq) {
			e.Fresh = append(e.Fresh, m.ID)
		}
	}
	everybody := func(*proto.Member) bool { return true }
	return Decision{Answer: e, Stays: string(proto.AppendStays(nil, before, rec.Members, everybody))}
}

// why returns why a client is not in the room, as far as the last record says it.
func (s *State) why(id proto.ClientID) proto.Reason {
	if s == nil {
		return ""
	}
	c := &s.Record.Change
	if s.Record.Closed || c.Event == proto.ClientLeft && c.ID == id {
		return c.Reason
	}
	return ""
}

// EventStays returns what the header [proto.HeaderMembers] of the change's event says to gateways: the stay of who joined, if its
// session is resumable, or came back. Empty: the event has none.
func (s *State) EventStays() string {
	c := &s.Record.Change
	if c.Event != proto.RoomCreated && c.Event != proto.ClientJoined && c.Event != proto.ClientBack {
		return ""
	}
	m, ok := s.Find(c.ID)
	if !ok || m.Turn == 0 && c.Event != proto.ClientBack {
		return ""
	}
	return string(proto.AppendStays(nil, "", []proto.Member{m}, func(*proto.Member) bool { return true }))
}

// Find returns a member, also one of a packed room.
func (s *State) Find(id proto.ClientID) (proto.Member, bool) {
	if s.Packed() {
		return s.Pack.Find(id)
	}
	for i := range slices.Backward(s.Record.Members) { // who joined stands last
		if s.Record.Members[i].ID == id {
			return s.Record.Members[i], true
		}
	}
	return proto.Member{}, false
}
