package room

import (
	"github.com/parley-rtc/parley/proto"
)

// Rules are the settings of the rules, the same for every request.
type Rules struct {
	Replica    proto.ReplicaID // who makes the changes
	MaxMembers int             // of one room; 0 or less: no limit
	// Form returns the newest form of records that may be written now; nil: the newest that there is. A room that has what only
	// form 3 holds goes on having it all the same.
	Form func() int
	// Gone reports whether a gateway is gone or leaving: who is there becomes no owner if another can. Nil: none is.
	Gone func(gateway proto.GatewayID) bool
}

// Request is a request with the id that makes repeating it safe.
type Request struct {
	proto.Request
	Op proto.Op
	ID proto.RequestID
	At int64 // when it is decided, in milliseconds since 1970
	// Of passwords, which are looked at beside the worker, since that takes long:
	Checked string // the room's hash that the request's proof was held against; empty: none was
	Right   bool   // and it is the right one
	Hash    string // update: of the new password's proof
	Knocker string // admit, refuse: the sub of the target, who knocks; empty: it has none
	// Leftover is set where a ban goes on that was committed before: its user has clients in the room still. It bans nobody anew.
	Leftover bool
}

// Decision is what follows from a state and a request. Exactly one of these holds: Record is set, and Answer is the
// answer once it is committed; Relay is set, and the signal goes to that gateway; neither is, and Answer is an answer
// that no change stands behind.
type Decision struct {
	Answer proto.Event   // its Seq is that of the state, or 0 where a record has to be committed first
	Record *proto.Record // to append, expecting its Prev
	Relay  proto.GatewayID
	Bears  proto.RequestID // with a room-joined or resumed that no change stands behind: the request that made the client a member
	Stays  string          // what the answer's header [proto.HeaderMembers] says; empty: it has none
	// Again is set where the request is not carried out whole by the record: it is decided again on what the room is then, and is
	// answered by the decision that has none.
	Again bool
	// Less is set where the client gets less than it asked for, since form 3 may not be written: it is not resumable there, or the
	// room cannot have its policy.
	Less bool
}

// Decide applies the rules to one request. It changes neither s nor q.
func (r Rules) Decide(s *State, q *Request) Decision {
	if answer, is := fence(s, q); is {
		return Decision{Answer: answer}
	}
	if answer, is := r.untrusted(s, q); is {
		return Decision{Answer: answer}
	}
	switch q.Op {
	case proto.OpCreate:
		return r.create(s, q)
	case proto.OpJoin:
		return r.join(s, q)
	case proto.OpEnter:
		return r.enter(s, q)
	case proto.OpResume:
		return r.resume(s, q)
	case proto.OpLeave:
		return r.leave(s, q)
	case proto.OpClose:
		return r.close(s, q)
	case proto.OpSignal:
		return r.signal(s, q)
	case proto.OpRoster:
		return roster(s, q)
	case proto.OpMember:
		return r.member(s, q)
	case proto.OpKnock:
		return r.knock(s, q)
	default:
		if q.Op.Moderates() {
			return r.moderate(s, q)
		}
	}
	return Decision{Answer: proto.Errorf(proto.CodeBadRequest, q.Room, q.ClientID, "there is no operation %q on a room", q.Op)}
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
	if target.Turn > 0 { // it is kept by the sender's gateway, and pushed
		both := func(m *proto.Member) bool { return m.ID == q.ClientID || m.ID == q.TargetID }
		return Decision{
			Answer: proto.Event{Name: proto.PushIt, Room: q.Room, TargetID: q.TargetID},
			Stays:  string(proto.AppendStays(nil, "", s.Record.Members, both)),
		}
	}
	return Decision{Relay: target.Gateway}
}

func roster(s *State, q *Request) Decision {
	if !s.Open() {
		return Decision{Answer: proto.Event{Name: proto.RoomNotExists, Room: q.Room}}
	}
	e := proto.Event{Name: proto.Roster, Room: q.Room, OwnerID: s.Record.OwnerID, Clients: others(&s.Record, ""), Seq: s.Seq}
	tellRoom(&e, &s.Record, "")
	return Decision{Answer: e, Stays: stays(s.Record.Members)}
}

func (r Rules) change(q *Request, event proto.Name) proto.Change {
	return proto.Change{Event: event, ID: q.ClientID, Request: q.ID, Replica: r.Replica}
}
