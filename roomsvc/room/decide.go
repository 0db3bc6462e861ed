package room

import (
	"github.com/parley-rtc/parley/proto"
)

// Rules are the settings of the rules, the same for every request.
type Rules struct {
	Replica    proto.ReplicaID // who makes the changes
	MaxMembers int             // of one room; 0 or less: no limit
}

// Request is a request with the id that makes repeating it safe.
type Request struct {
	proto.Request
	Op proto.Op
	ID proto.RequestID
}

// Decision is what follows from a state and a request. Exactly one of these holds: Record is set, and Answer is the
// answer once it is committed; Relay is set, and the signal goes to that gateway; neither is, and Answer is an answer
// that no change stands behind.
type Decision struct {
	Answer proto.Event   // its Seq is that of the state, or 0 where a record has to be committed first
	Record *proto.Record // to append, expecting its Prev
	Relay  proto.GatewayID
	Bears  proto.RequestID // with a room-joined that no change stands behind: the request that made the client a member
}

// Decide applies the rules to one request. It changes neither s nor q.
func (r Rules) Decide(s *State, q *Request) Decision {
	switch q.Op {
	case proto.OpCreate:
		return r.create(s, q)
	case proto.OpJoin:
		return r.join(s, q)
	case proto.OpLeave:
		return r.leave(s, q)
	case proto.OpSignal:
		return r.signal(s, q)
	case proto.OpRoster:
		return roster(s, q)
	case proto.OpList:
	}
	return Decision{Answer: proto.Errorf(proto.CodeBadRequest, q.Room, q.ClientID, "there is no operation %q on a room", q.Op)}
}

func (r Rules) create(s *State, q *Request) Decision {
	if s.Open() {
		if m := s.Member(q.ClientID); m != nil && m.Request == q.ID && s.Record.OwnerID == q.ClientID {
			return Decision{Answer: proto.Event{
				Name: proto.RoomCreated, Room: q.Room, Clients: others(&s.Record, q.ClientID), Seq: s.Seq,
			}}
		}
		return Decision{Answer: proto.Event{Name: proto.RoomExists, Room: q.Room}}
	}
	return Decision{
		Answer: proto.Event{Name: proto.RoomCreated, Room: q.Room},
		Record: &proto.Record{
			Room:    q.Room,
			OwnerID: q.ClientID,
			Members: []proto.Member{{ID: q.ClientID, Gateway: q.Gateway, Request: q.ID}},
			Prev:    s.Sequence(),
			Change:  r.change(q, proto.RoomCreated),
		},
	}
}

func (r Rules) join(s *State, q *Request) Decision {
	if !s.Open() {
		return Decision{Answer: proto.Event{Name: proto.RoomNotExists, Room: q.Room}}
	}
	joined := proto.Event{
		Name: proto.RoomJoined, Room: q.Room, OwnerID: s.Record.OwnerID, Clients: others(&s.Record, q.ClientID), Seq: s.Seq,
	}
	if m := s.Member(q.ClientID); m != nil {
		return Decision{Answer: joined, Bears: m.Request}
	}
	old := s.Record.Members
	if r.MaxMembers > 0 && len(old) >= r.MaxMembers {
		return Decision{Answer: proto.Errorf(proto.CodeRoomFull, q.Room, q.ClientID,
			"the room has %d members, which is the most allowed", len(old))}
	}
	members := make([]proto.Member, len(old), len(old)+1)
	copy(members, old)
	joined.Seq = 0
	return Decision{
		Answer: joined,
		Record: &proto.Record{
			Room:    q.Room,
			OwnerID: s.Record.OwnerID,
			Members: append(members, proto.Member{ID: q.ClientID, Gateway: q.Gateway, Request: q.ID}),
			Prev:    s.Seq,
			Change:  r.change(q, proto.ClientJoined),
		},
	}
}

func (r Rules) leave(s *State, q *Request) Decision {
	left := proto.Event{Name: proto.RoomLeft, Room: q.Room}
	m := s.Member(q.ClientID)
	if m == nil || q.Joined != "" && m.Request != q.Joined {
		if s.madeBy(q) {
			return Decision{Answer: left}
		}
		return Decision{Answer: proto.Event{Name: proto.NotInRoom, Room: q.Room}}
	}
	rec := &proto.Record{Room: q.Room, OwnerID: s.Record.OwnerID, Prev: s.Seq}
	if q.ClientID == s.Record.OwnerID {
		rec.Closed = true
		rec.Change = r.change(q, proto.RoomClosed)
		rec.Change.Reason = proto.OwnerLeft
		if q.Lost {
			rec.Change.Reason = proto.OwnerLost
		}
	} else {
		rec.Change = r.change(q, proto.ClientLeft)
		rec.Members = make([]proto.Member, 0, len(s.Record.Members)-1)
		for _, other := range s.Record.Members {
			if other.ID != q.ClientID {
				rec.Members = append(rec.Members, other)
			}
		}
	}
	rec.Change.Gateways = gone(s.Record.Members, rec.Members)
	return Decision{Answer: left, Record: rec}
}

// madeBy reports whether the room's last change is the leave that the request asks for, which is then a repetition.
func (s *State) madeBy(q *Request) bool {
	if s == nil {
		return false
	}
	c := &s.Record.Change
	return c.Request == q.ID && c.ID == q.ClientID && (c.Event == proto.ClientLeft || c.Event == proto.RoomClosed)
}

func (r Rules) signal(s *State, q *Request) Decision {
	if q.TargetID == q.ClientID {
		return Decision{Answer: proto.Errorf(proto.CodeBadRequest, q.Room, q.ClientID, "a signal to oneself")}
	}
	if s.Member(q.ClientID) == nil {
		return Decision{Answer: proto.Event{Name: proto.NotInRoom, Room: q.Room}}
	}
	target := s.Member(q.TargetID)
	if target == nil {
		return Decision{Answer: proto.Event{Name: proto.TargetNotFound, Room: q.Room, TargetID: q.TargetID}}
	}
	return Decision{Relay: target.Gateway}
}

func roster(s *State, q *Request) Decision {
	if !s.Open() {
		return Decision{Answer: proto.Event{Name: proto.RoomNotExists, Room: q.Room}}
	}
	return Decision{Answer: proto.Event{
		Name: proto.Roster, Room: q.Room, OwnerID: s.Record.OwnerID, Clients: others(&s.Record, ""), Seq: s.Seq,
	}}
}

func (r Rules) change(q *Request, event proto.Name) proto.Change {
	return proto.Change{Event: event, ID: q.ClientID, Request: q.ID, Replica: r.Replica}
}
