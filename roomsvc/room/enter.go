package room

import "github.com/parley-rtc/parley/proto"

// about returns what still stands about the room when a request is decided; of a closed one, what outlives it.
func (s *State) about(q *Request) *proto.About {
	if s == nil || s.Record.About == nil {
		return nil
	}
	return s.Record.About.At(q.At)
}

// banned answers one whose user is banned.
func banned(s *State, q *Request) (proto.Event, bool) {
	if s == nil || s.Record.About == nil || !proto.Holding(s.Record.About.Bans, q.ClientID, q.Sub, q.At) {
		return proto.Event{}, false
	}
	return proto.Errorf(proto.CodeBanned, q.Room, q.ClientID, "banned from this room"), true
}

// barred answers a newcomer that may not come for a while: one whose user is banned, or who was removed a moment ago.
func barred(s *State, q *Request) (proto.Event, bool) {
	if answer, is := banned(s, q); is {
		return answer, true
	}
	if s != nil && s.Record.About != nil && proto.Holding(s.Record.About.Kicked, q.ClientID, q.Sub, q.At) {
		return proto.Errorf(proto.CodeForbidden, q.Room, q.ClientID, "removed from this room a moment ago"), true
	}
	return proto.Event{}, false
}

// returns reports whether who asks is the user that owned a room which has no owner.
func (s *State) returns(q *Request) bool {
	a := s.Record.About
	return a != nil && a.OwnerSub != "" && a.OwnerSub == q.Sub && s.Record.OwnerID == ""
}

// obstacle returns what keeps a newcomer out that may come by its token: a lock, or a password that it lacks; empty: nothing.
func (s *State) obstacle(q *Request) proto.Code {
	a := s.Record.About
	switch {
	case a == nil, s.returns(q), proto.Holding(a.Admitted, q.ClientID, q.Sub, q.At):
		return ""
	case a.Locked:
		return proto.CodeLocked
	case a.Password != "" && (q.Checked != a.Password || !q.Right):
		return proto.CodeBadPassword
	}
	return ""
}

// NeedsProof reports whether a request's proof has to be held against the room's password before it can be decided.
func (r Rules) NeedsProof(s *State, q *Request) bool {
	switch q.Op {
	case proto.OpJoin, proto.OpEnter, proto.OpKnock:
	default:
		return false
	}
	if q.Proof == "" || !s.Open() || s.Record.About == nil || s.Record.About.Password == "" || s.Record.About.Password == q.Checked {
		return false
	}
	if _, is := barred(s, q); is || !q.May(proto.MayJoin) || s.Member(q.ClientID) != nil {
		return false
	}
	return s.obstacle(q) == proto.CodeBadPassword
}

// NeedsHash reports whether an update's password has to be hashed before it can be decided.
func (r Rules) NeedsHash(s *State, q *Request) bool {
	return q.Op == proto.OpUpdate && q.Hash == "" && q.Update != nil && q.Update.Proof != nil && *q.Update.Proof != "" &&
		s.Open() && s.mayModerate(q) && !s.made(q, proto.RoomUpdated)
}

// keptOut answers a newcomer that may not join the room.
func (r Rules) keptOut(s *State, q *Request) (proto.Event, bool) {
	if !q.May(proto.MayJoin) {
		return forbidden(q, "the token does not allow to join this room").Answer, true
	}
	if answer, is := barred(s, q); is {
		return answer, true
	}
	if code := s.obstacle(q); code != "" {
		return closedTo(q, code), true
	}
	most, n := r.MaxMembers, len(s.Record.Members)
	if a := s.Record.About; a != nil && a.MaxMembers > 0 && (most <= 0 || a.MaxMembers < most) && !s.returns(q) {
		most = a.MaxMembers
	}
	if most > 0 && n >= most {
		return proto.Errorf(proto.CodeRoomFull, q.Room, q.ClientID, "the room has %d members, which is the most allowed", n), true
	}
	if size := q.Who().Size(); size > 0 && r.trust(s) && s.borne()+size > proto.MaxBorne {
		return full(q, "what its members say of themselves takes as much as is allowed"), true
	}
	return proto.Event{}, false
}

// closedTo answers a newcomer that meets a lock or lacks the password.
func closedTo(q *Request, code proto.Code) proto.Event {
	why := "the room is locked"
	if code == proto.CodeBadPassword {
		why = "the room needs its password"
		if q.Right || q.Checked != "" {
			why = "this is not the room's password"
		}
	}
	return proto.Errorf(code, q.Room, q.ClientID, "%s", why)
}

// knock answers who knocks: nothing is in its way, or somebody has to decide. That is not the room's to remember.
func (r Rules) knock(s *State, q *Request) Decision {
	admitted := Decision{Answer: proto.Event{Name: proto.KnockAdmitted, Room: q.Room}}
	switch {
	case !s.Open():
		return Decision{Answer: proto.Event{Name: proto.RoomNotExists, Room: q.Room}}
	case s.Member(q.ClientID) != nil:
		return admitted
	case !q.May(proto.MayJoin):
		return forbidden(q, "the token does not allow to join this room")
	}
	if answer, is := barred(s, q); is {
		return Decision{Answer: answer}
	}
	code := s.obstacle(q)
	switch a := s.Record.About; {
	case code == "":
		if answer, is := r.keptOut(s, q); is && (a == nil || !proto.Holding(a.Admitted, q.ClientID, q.Sub, q.At)) {
			return Decision{Answer: answer} // the room is full: nobody can let it in
		}
		return admitted
	case !a.Knock:
		return Decision{Answer: closedTo(q, code)}
	case proto.Holding(a.Refused, q.ClientID, q.Sub, q.At):
		return Decision{Answer: proto.Errorf(proto.CodeRateLimited, q.Room, q.ClientID, "it was refused: wait a minute before knocking again")}
	}
	return Decision{Answer: proto.Event{Name: proto.KnockPending, Room: q.Room}}
}

// judge lets in who knocks, or not: by its user, or, without a token, by its id.
func (r Rules) judge(s *State, q *Request) Decision {
	answer := proto.Event{Name: proto.ClientAdmitted, Room: q.Room, TargetID: q.TargetID}
	hold := proto.Hold{ID: q.TargetID, Sub: q.Knocker, Until: q.At + 1000*proto.AdmitFor}
	list := func(a *proto.About) *[]proto.Hold { return &a.Admitted }
	if q.Op == proto.OpRefuse {
		answer.Name = proto.ClientRefused
		hold.Until = q.At + 1000*proto.RefuseFor
		list = func(a *proto.About) *[]proto.Hold { return &a.Refused }
	}
	if a := s.Record.About; a != nil && proto.Holding(*list(a), q.TargetID, q.Knocker, q.At) {
		return Decision{Answer: answer} // it was already: by this very request, or by another moderator
	}
	return r.updated(s, q, answer, func(rec *proto.Record) {
		rec.About = rec.About.With(func(a *proto.About) { *list(a) = held(*list(a), hold) })
	})
}
