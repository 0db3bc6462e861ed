package room

import (
	"fmt"

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

// mayModerate reports whether who asks may do what an owner may: an operator, a moderator, or the owner itself.
func (s *State) mayModerate(q *Request) bool {
	return q.Admin || q.May(proto.MayModerate) || s.owns(q)
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
		if q.Op == proto.OpKick && s.made(q, proto.RoomClosed) && s.Record.Change.ID == q.TargetID {
			return Decision{Answer: kicked(q)} // it was the last one in there
		}
		return Decision{Answer: proto.Event{Name: proto.RoomNotExists, Room: q.Room}}
	case q.Op == proto.OpTransfer && s.made(q, proto.RoomUpdated): // who asked is the owner no more
		return unchanged(s, q)
	case q.Op == proto.OpTransfer && !q.Admin && !s.owns(q):
		return forbidden(q, "only its owner hands a room over")
	case !s.mayModerate(q):
		return forbidden(q, "this is for the owner of the room and its moderators")
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

// removed reports whether the request has made the room's last change, by which somebody was removed.
func (s *State) removed(q *Request, why proto.Reason) bool {
	c := &s.Record.Change
	return c.Request == q.ID && c.Event == proto.ClientLeft && c.Reason == why
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

// member changes what a member bears: its own word, or what a new token says of it.
func (r Rules) member(s *State, q *Request) Decision {
	m := s.Member(q.ClientID)
	switch {
	case m == nil:
		return Decision{Answer: proto.Event{Name: proto.NotInRoom, Room: q.Room}}
	case m.Sub() != "" && m.Sub() != q.Sub:
		return forbidden(q, "the member is another user")
	}
	if answer, is := barred(s, q); is {
		return Decision{Answer: answer}
	}
	who := renewed(m.Who, q)
	if q.Meta != nil {
		if who == nil {
			who = new(proto.Who)
		}
		who.Meta = q.Meta
	}
	e := proto.Event{Name: proto.MemberUpdated, Room: q.Room, ID: q.ClientID, Seq: s.Seq, More: who.Shows()}
	if who.Equal(m.Who) {
		return Decision{Answer: e}
	}
	if s.borne()-m.Who.Size()+who.Size() > proto.MaxBorne {
		return Decision{Answer: full(q, "what its members say of themselves takes as much as is allowed")}
	}
	e.Seq = 0
	return r.updated(s, q, e, func(rec *proto.Record) {
		rec.Change.Event = proto.MemberUpdated
		rec.Members = append([]proto.Member(nil), rec.Members...)
		rec.Members[rec.Member(q.ClientID)].Who = who
	})
}

// renewed is what a member bears by the token that it asks with; its own word stays. Without a token it stays as it is.
func renewed(who *proto.Who, q *Request) *proto.Who {
	var next proto.Who
	if who != nil {
		next = *who
	}
	if q.Sub != "" {
		next.Sub, next.User, next.Claims, next.Mod = q.Sub, q.User, q.Claims, q.Can.Has(proto.MayModerate)
	}
	if next.Empty() {
		return nil
	}
	return &next
}

// borne returns how many bytes the members bear together.
func (s *State) borne() int {
	n := 0
	for i := range s.Record.Members {
		n += s.Record.Members[i].Who.Size()
	}
	return n
}

func full(q *Request, why string) proto.Event {
	return proto.Errorf(proto.CodeRoomFull, q.Room, q.ClientID, "%s", fmt.Sprintf("the room is full: %s", why))
}

// tellRoom adds to an event what is told of a room: what stands about it, and what its members bear, but for one.
func tellRoom(e *proto.Event, rec *proto.Record, but proto.ClientID) {
	e.Policy = rec.OnOwnerGone
	e.TellAbout(rec.About)
	var list []proto.MemberInfo
	for i := range rec.Members {
		if m := &rec.Members[i]; m.ID != but && m.Who.Shown() {
			list = append(list, proto.MemberInfo{ID: m.ID, Who: *m.Who})
		}
	}
	if list == nil {
		return
	}
	if e.More == nil {
		e.More = new(proto.More)
	}
	e.More.Members = list
}
