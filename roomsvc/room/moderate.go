package room

import (
	"github.com/parley-rtc/parley/proto"
)

// trust reports whether the room's next record may hold names and what stands about the room.
func (r Rules) trust(s *State) bool {
	return r.Form == nil || r.Form() >= proto.TrustForm || s != nil && s.Record.NeedsForm() >= proto.TrustForm
}

// untrusted answers what cannot be carried out while a room service is running that does not know names and moderation.
func (r Rules) untrusted(s *State, q *Request) (proto.Event, bool) {
	switch q.Op {
	case proto.OpMember, proto.OpKick, proto.OpBan, proto.OpUnban, proto.OpUpdate, proto.OpTransfer, proto.OpAdmit, proto.OpRefuse:
		if !r.trust(s) && (s == nil || s.Record.Change.Request != q.ID) { // unless it was carried out already
			return proto.Errorf(proto.CodeUnavailable, q.Room, q.ClientID,
				"a room service is still running that does not know names and moderation"), true
		}
	default:
	}
	return proto.Event{}, false
}

// notAllowed is answered to who may not moderate.
func notAllowed(q *Request) Decision {
	if q.Op == proto.OpTransfer {
		return forbidden(q, "only its owner hands a room over")
	}
	return forbidden(q, "this is for the owner of the room and its moderators")
}

// mayModerate reports whether who asks may do what an owner may: an operator, a moderator, or the owner itself.
func (s *State) mayModerate(q *Request) bool {
	return q.Admin || s.moderator(q) || s.owns(q)
}

// moderator reports whether who asks is a moderator, in the room or not. One that is banned is none: it would lift its own ban.
func (s *State) moderator(q *Request) bool {
	_, is := banned(s, q)
	return !is && q.May(proto.MayModerate)
}

// owns reports whether who asks is the room's owner.
func (s *State) owns(q *Request) bool {
	m := s.Member(q.ClientID)
	return m != nil && m.ID == s.Record.OwnerID && (m.Sub() == "" || m.Sub() == q.Sub)
}

// moderate carries out what is for owners, moderators and operators.
func (r Rules) moderate(s *State, q *Request) Decision {
	switch {
	case !s.Open():
		if s.made(q, proto.RoomClosed) { // it has removed the last one in there, or the owner
			return removedAll(s, q)
		}
		if q.Sub != "" && !q.Admin && !q.May(proto.MayModerate) {
			return notAllowed(q) // as in a room that there is: whether there is one is not for whom no grant names it
		}
		return Decision{Answer: proto.Event{Name: proto.RoomNotExists, Room: q.Room}}
	case q.Op == proto.OpTransfer && s.Member(q.ClientID) != nil && q.TargetID == s.Record.OwnerID:
		return unchanged(s, q) // a repetition: who asked is the owner no more
	case q.Op == proto.OpTransfer && !q.Admin && !s.owns(q):
		return notAllowed(q)
	case !s.mayModerate(q):
		return notAllowed(q)
	}
	switch q.Op {
	case proto.OpKick:
		return r.kick(s, q)
	case proto.OpBan:
		return r.ban(s, q)
	case proto.OpUnban:
		return r.unban(s, q)
	case proto.OpUpdate:
		return r.update(s, q)
	case proto.OpTransfer:
		return r.transfer(s, q)
	case proto.OpAdmit, proto.OpRefuse:
		return r.judge(s, q)
	default: // about
		return about(s, q)
	}
}

// forbidden answers who may not.
func forbidden(q *Request, why string) Decision {
	return Decision{Answer: proto.Errorf(proto.CodeForbidden, q.Room, q.ClientID, "%s", why)}
}

func badRequest(q *Request, why string) Decision {
	return Decision{Answer: proto.Errorf(proto.CodeBadRequest, q.Room, q.ClientID, "%s", why)}
}

// made reports whether the request has made the room's last change, of that kind.
func (s *State) made(q *Request, event proto.Name) bool {
	return s != nil && s.Record.Change.Request == q.ID && s.Record.Change.Event == event
}

// updated is the room's next record where no member comes or goes. asked is the answer.
func (r Rules) updated(s *State, q *Request, asked proto.Event, change func(rec *proto.Record)) Decision {
	rec := &proto.Record{
		Room: q.Room, OwnerID: s.Record.OwnerID, OnOwnerGone: s.Record.OnOwnerGone, Prev: s.Seq, Members: s.Record.Members,
		Change: r.change(q, proto.RoomUpdated), About: s.about(q),
	}
	change(rec)
	if asked.Name == proto.RoomUpdated {
		asked = roomUpdated(rec, q)
	}
	return Decision{Answer: asked, Record: rec}
}

// roomUpdated answers who has changed what stands about a room.
func roomUpdated(rec *proto.Record, q *Request) proto.Event {
	e := proto.Event{Name: proto.RoomUpdated, Room: q.Room, OwnerID: rec.OwnerID, Policy: rec.OnOwnerGone}
	e.TellAbout(rec.About)
	return e
}

// unchanged answers with what stands about the room already.
func unchanged(s *State, q *Request) Decision {
	e := roomUpdated(&s.Record, q)
	e.Seq = s.Seq
	return Decision{Answer: e}
}

// transfer makes a member the owner.
func (r Rules) transfer(s *State, q *Request) Decision {
	switch {
	case q.TargetID == s.Record.OwnerID:
		return unchanged(s, q)
	case s.Member(q.TargetID) == nil:
		return Decision{Answer: proto.Event{Name: proto.TargetNotFound, Room: q.Room, TargetID: q.TargetID}}
	}
	return r.updated(s, q, proto.Event{Name: proto.RoomUpdated}, func(rec *proto.Record) {
		rec.OwnerID = q.TargetID
		rec.About = rec.About.With(func(a *proto.About) { a.OwnerSub = "" })
	})
}

// update changes what stands about the room.
func (r Rules) update(s *State, q *Request) Decision {
	u := q.Update
	if u.Empty() {
		return badRequest(q, "an update without anything to change")
	}
	if u.Proof != nil && *u.Proof != "" && q.Hash == "" && !s.made(q, proto.RoomUpdated) {
		return Decision{Answer: proto.Errorf(proto.CodeInternal, q.Room, q.ClientID, "the password was not looked at")}
	}
	same := s.Record.About.With(func(a *proto.About) { change(a, u, q.Hash) })
	policy := s.Record.OnOwnerGone
	if u.Policy != nil {
		policy = *u.Policy
		if policy == proto.PolicyClose {
			policy = ""
		}
	}
	if s.made(q, proto.RoomUpdated) || policy == s.Record.OnOwnerGone && same.Equal(s.Record.About) {
		return unchanged(s, q)
	}
	return r.updated(s, q, proto.Event{Name: proto.RoomUpdated}, func(rec *proto.Record) {
		rec.OnOwnerGone = policy
		rec.About = rec.About.With(func(a *proto.About) { change(a, u, q.Hash) })
		if rec.OwnerID == "" && policy != proto.PolicyStay {
			rec.OwnerID = r.first(rec.Members)
			rec.About = rec.About.With(func(a *proto.About) { a.OwnerSub = "" })
		}
	})
}

// change makes an update of what stands about a room.
func change(a *proto.About, u *proto.Update, hash string) {
	if u.Locked != nil {
		a.Locked = *u.Locked
	}
	if u.Proof != nil {
		if a.Password = ""; *u.Proof != "" {
			a.Password = hash
		}
	}
	if u.MaxMembers != nil {
		a.MaxMembers = *u.MaxMembers
	}
	if u.Knock != nil {
		a.Knock = *u.Knock
	}
	if u.Meta != nil {
		if a.Meta = u.Meta; u.Meta.Kind() == 'n' {
			a.Meta = nil
		}
	}
}

// about answers what a moderator sees of a room. Who knocks is not known here.
func about(s *State, q *Request) Decision {
	rec := &s.Record
	e := proto.Event{Name: proto.RoomRoster, Room: q.Room, OwnerID: rec.OwnerID, Seq: s.Seq, Policy: rec.OnOwnerGone, More: new(proto.More)}
	e.TellAbout(rec.About)
	e.More.Members = make([]proto.MemberInfo, 0, len(rec.Members))
	for i := range rec.Members {
		m := &rec.Members[i]
		info := proto.MemberInfo{ID: m.ID}
		if m.Who != nil {
			info.Who = *m.Who
		}
		e.More.Members = append(e.More.Members, info)
	}
	if now := rec.About.At(q.At); now != nil {
		for _, b := range now.Bans {
			e.More.Bans = append(e.More.Bans, proto.BanInfo{Sub: b.Sub, Seconds: (b.Until - q.At + 999) / 1000})
		}
	}
	return Decision{Answer: e}
}
