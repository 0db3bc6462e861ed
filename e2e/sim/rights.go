package sim

import (
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// mayModerate reports whether a client may do in a room what its owner may. Who is banned moderates no more.
func (s *state) mayModerate(p *page, now int64) bool {
	banned := s.rec != nil && s.rec.About != nil && p.sub != "" && proto.Holding(s.rec.About.Bans, "", p.sub, now)
	return p.may(proto.MayModerate) && !banned || s.has(p.id) && s.rec.OwnerID == p.id
}

// held reports whether a state has a hold of a client or user, whether or not it has ended since.
func (s *state) held(list func(*proto.About) []proto.Hold, id proto.ClientID, sub string) bool {
	return s.rec != nil && s.rec.About != nil && proto.Holding(list(s.rec.About), id, sub, 0)
}

// lieOfInquiry is lie for the answers to owners, moderators and who knocks.
func (c *client) lieOfInquiry(q *asked, e *proto.Event) string {
	w, h := c.w, c.w.room(q.Room)
	ever := func(so func(*state) bool) bool { return h.ever(q.at, so) }
	now := w.time().UnixMilli()
	fits := map[proto.Name]proto.Name{
		proto.ClientKicked: proto.RoomKick, proto.ClientBanned: proto.RoomBan, proto.ClientUnbanned: proto.RoomUnban,
		proto.ClientAdmitted: proto.RoomAdmit, proto.ClientRefused: proto.RoomRefuse, proto.RoomRoster: proto.RoomRoster,
		proto.MemberUpdated: proto.MemberUpdate, proto.KnockPending: proto.RoomKnock, proto.KnockAdmitted: proto.RoomKnock,
	}
	if asked := fits[e.Name]; asked != "" && asked != q.Name || e.TargetID != "" && e.TargetID != q.TargetID {
		return "it answers something else"
	}
	switch e.Name {
	case proto.RoomNotExists:
		if !ever(func(s *state) bool { return !s.open() }) {
			return "there was such a room"
		}
	case proto.NotInRoom:
		if q.Name != proto.MemberUpdate || !ever(func(s *state) bool { return !s.has(c.ID) }) {
			return "it was a member"
		}
	case proto.TargetNotFound:
		judges := q.Name == proto.RoomAdmit || q.Name == proto.RoomRefuse
		if !judges && !ever(func(s *state) bool { return !s.has(q.TargetID) }) {
			return "its target was a member"
		}
	case proto.ClientKicked:
		if !ever(func(s *state) bool { return !s.has(q.TargetID) && s.held(kicks, q.TargetID, "") }) {
			return "its target was not removed"
		}
	case proto.ClientBanned:
		sub := e.More.Sub
		out := func(s *state) bool {
			return s.held(bans, "", sub) && (!s.open() || !slices.ContainsFunc(s.rec.Members, func(m proto.Member) bool { return m.Sub() == sub }))
		}
		if q.More.Sub != "" && sub != q.More.Sub || q.More.Sub == "" && sub != w.pages[q.TargetID].sub || !ever(out) {
			return "that user is not banned, or is still there"
		}
	case proto.ClientUnbanned:
		if !ever(func(s *state) bool {
			return s.rec == nil || s.rec.About == nil || !proto.Holding(s.rec.About.Bans, "", q.More.Sub, now)
		}) {
			return "that user is banned"
		}
	case proto.RoomUpdated:
		return c.lieOfUpdate(q, e, h.at(e.Seq))
	case proto.MemberUpdated:
		if s := h.at(e.Seq); s == nil || !s.has(c.ID) || s.who(c.ID) != whoOf(e.More) || s.who(c.ID).meta != string(q.More.Meta) {
			return "that is not what it bears"
		}
	case proto.RoomRoster:
		if s := h.at(e.Seq); s == nil || !s.open() || e.OwnerID != s.rec.OwnerID || shownBy(e) != s.shown() || len(e.More.Members) != len(s.rec.Members) {
			return "the room was not so"
		}
	case proto.ClientAdmitted, proto.ClientRefused:
		list := func(a *proto.About) []proto.Hold { return append(slices.Clone(a.Admitted), a.Refused...) }
		if !ever(func(s *state) bool { return s.held(list, q.TargetID, w.pages[q.TargetID].sub) }) {
			return "that was not decided"
		}
	case proto.KnockPending:
		if !ever(func(s *state) bool { return s.open() && !s.has(c.ID) && s.rec.About != nil && s.rec.About.Knock }) {
			return "nobody can let it in"
		}
	case proto.KnockAdmitted:
	default:
		return "it answers nothing"
	}
	return ""
}

// lieOfUpdate is lie for what has become of a room, or of who owns it.
func (c *client) lieOfUpdate(q *asked, e *proto.Event, s *state) string {
	switch {
	case s == nil || !s.open() || s.rec.OwnerID != e.OwnerID || s.shown() != shownBy(e):
		return "the room was not so"
	case q.Name == proto.RoomTransfer && e.OwnerID != q.TargetID:
		return "it was not handed over"
	case q.Name == proto.RoomTransfer:
	case q.Name != proto.RoomUpdate:
		return "it answers something else"
	default:
		u, is := q.More.Update, s.shown()
		if u.Locked != nil && is.locked != *u.Locked || u.Knock != nil && is.knock != *u.Knock ||
			u.MaxMembers != nil && is.most != *u.MaxMembers || u.Policy != nil && is.policy != policyOf(*u.Policy) ||
			u.Proof != nil && is.password != (*u.Proof != "") {
			return "that was not made so"
		}
	}
	return ""
}

// lieOfRefusal is lie for what keeps a client out.
func (c *client) lieOfRefusal(q *asked, e *proto.Event) string {
	h, p := c.w.room(q.Room), c.page
	about := func(so func(a *proto.About) bool) bool {
		return h.ever(q.at, func(s *state) bool { return s.rec != nil && s.rec.About != nil && so(s.rec.About) })
	}
	op := ops[q.Name]
	comes := enters(op) || q.Name == proto.RoomKnock
	switch e.Code {
	case proto.CodeLocked:
		if !comes || q.Name == proto.RoomCreate || !about(func(a *proto.About) bool { return a.Locked }) {
			return "it was not locked"
		}
	case proto.CodeBadPassword:
		wrong := func(a *proto.About) bool {
			return a.Password != "" && (q.More == nil || !isHash(a.Password, q.More.Proof))
		}
		if !comes || q.Name == proto.RoomCreate || !about(wrong) {
			return "it has shown the password, or there was none"
		}
	case proto.CodeBanned:
		comes = comes || q.Name == proto.Resume || q.Name == proto.MemberUpdate
		if !comes || p.sub == "" || !about(func(a *proto.About) bool { return proto.Holding(a.Bans, "", p.sub, 0) }) {
			return "its user was not banned"
		}
	case proto.CodeRateLimited:
		if !comes && q.Name != proto.RoomUpdate {
			return "nothing was tried too often"
		}
	case proto.CodeBadRequest:
		if q.Name != proto.RoomBan || p.sub == "" {
			return "nothing is wrong with it"
		}
	default:
		return "256 are not banned"
	}
	return ""
}

// lieOfForbidden is lie for what a client may not.
func (c *client) lieOfForbidden(q *asked) string {
	h, p, now := c.w.room(q.Room), c.page, c.w.time().UnixMilli()
	ever := func(so func(*state) bool) bool { return h.ever(q.at, so) }
	// Whether there is such a room is not told who has nothing to say there.
	less := ever(func(s *state) bool { return !s.mayModerate(p, 0) || !s.mayModerate(p, now) })
	barred := ever(func(s *state) bool { return s.held(kicks, c.ID, p.sub) })
	so := false
	switch q.Name {
	case proto.RoomCreate:
		so = barred || !p.may(proto.MayCreate)
	case proto.RoomJoin, proto.RoomKnock:
		so = barred || !p.may(proto.MayJoin)
	case proto.RoomEnter:
		so = barred || !p.may(proto.MayCreate) || !p.may(proto.MayJoin)
	case proto.RoomKick:
		so = less || ever(func(s *state) bool { return s.open() && s.rec.OwnerID == q.TargetID })
	case proto.RoomBan:
		sub := q.More.Sub
		if sub == "" {
			sub = c.w.pages[q.TargetID].sub
		}
		so = less || c.w.Older || p.sub == "" || sub == "" || ever(func(s *state) bool {
			return s.open() && (s.rec.OwnerID != "" && c.w.pages[s.rec.OwnerID].sub == sub || s.rec.About != nil && s.rec.About.OwnerSub == sub)
		})
	case proto.RoomTransfer:
		so = ever(func(s *state) bool { return !s.open() || s.rec.OwnerID != c.ID })
	case proto.RoomClose, proto.RoomUnban, proto.RoomUpdate, proto.RoomRoster, proto.RoomAdmit, proto.RoomRefuse:
		so = less
	default:
	}
	if !so {
		return "it may"
	}
	return ""
}
