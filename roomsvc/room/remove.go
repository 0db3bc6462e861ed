package room

import (
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// kick removes a member, and keeps it out for a moment.
func (r Rules) kick(s *State, q *Request) Decision {
	m := s.Member(q.TargetID)
	switch {
	case m == nil && s.wasKicked(q):
		return Decision{Answer: kicked(q)}
	case q.TargetID == q.ClientID:
		return badRequest(q, "a client cannot remove itself: room-leave is for that")
	case m == nil:
		return Decision{Answer: proto.Event{Name: proto.TargetNotFound, Room: q.Room, TargetID: q.TargetID}}
	case m.ID == s.Record.OwnerID && !q.Admin:
		return forbidden(q, "the owner cannot be removed")
	}
	hold := proto.Hold{ID: m.ID, Sub: m.Sub(), Until: q.At + 1000*proto.HoldFor}
	return Decision{Answer: kicked(q), Record: r.removing(s, q, m, proto.Kicked, func(a *proto.About) {
		a.Kicked = held(a.Kicked, hold)
		a.Admitted = unheld(a.Admitted, hold) // or it would come back through a lock
	})}
}

// wasKicked reports whether the target was removed a moment ago: by this very request, or by another moderator.
func (s *State) wasKicked(q *Request) bool {
	return s.Record.About != nil && proto.Holding(s.Record.About.Kicked, q.TargetID, "", q.At)
}

func kicked(q *Request) proto.Event {
	return proto.Event{Name: proto.ClientKicked, Room: q.Room, TargetID: q.TargetID}
}

// ban keeps a user out, and removes its clients: one with each record, since a record is one change.
func (r Rules) ban(s *State, q *Request) Decision {
	if q.Sub == "" && !q.Admin {
		return forbidden(q, "a ban needs tokens: without them nobody is known again")
	}
	sub, refusal := s.toBan(q)
	if refusal != nil {
		return *refusal
	}
	owner := s.Member(s.Record.OwnerID)
	switch {
	case sub == q.Sub:
		return badRequest(q, "a user cannot ban itself")
	case !q.Admin && (owner != nil && owner.Sub() == sub || s.Record.About != nil && s.Record.About.OwnerSub == sub):
		return forbidden(q, "the owner cannot be banned")
	}
	now := s.about(q)
	ban := proto.Hold{ID: q.TargetID, Sub: sub, Until: q.At + 1000*q.Seconds}
	bans := unheld(now.BanList(), proto.Hold{Sub: sub})
	if len(bans) >= proto.MaxBans {
		return Decision{Answer: proto.Errorf(proto.CodeTooManyBans, q.Room, q.ClientID, "%d users are banned, which is the most allowed", len(bans))}
	}
	if q.Leftover && !proto.Holding(now.BanList(), "", sub, q.At) { // it has been lifted, or is over
		return Decision{Answer: clientBanned(q, sub)}
	}
	made := q.Leftover || s.made(q, proto.ClientLeft) || s.made(q, proto.RoomUpdated) // by the record before this one
	for _, h := range now.BanList() {
		if made && h.Sub == sub {
			ban.Until = h.Until
		}
		if ban.ID == "" && h.Sub == sub {
			ban.ID = h.ID // by which a repetition finds whom it was of
		}
	}
	set := func(a *proto.About) {
		a.Bans = append(bans, ban)
		a.Admitted = unheld(a.Admitted, ban)
		if a.OwnerSub == sub { // an operator's word
			a.OwnerSub = ""
		}
	}
	for i := range s.Record.Members {
		if m := &s.Record.Members[i]; m.Sub() == sub {
			return Decision{Answer: clientBanned(q, sub), Again: true, Record: r.removing(s, q, m, proto.Banned, set)}
		}
	}
	if made {
		return Decision{Answer: clientBanned(q, sub)}
	}
	return r.updated(s, q, clientBanned(q, sub), func(rec *proto.Record) { rec.About = rec.About.With(set) })
}

func clientBanned(q *Request, sub string) proto.Event {
	return proto.Event{Name: proto.ClientBanned, Room: q.Room, TargetID: q.TargetID, More: &proto.More{Sub: sub, Seconds: q.Seconds}}
}

// removedAll answers the request whose removal has closed the room.
func removedAll(s *State, q *Request) Decision {
	switch {
	case q.Op == proto.OpKick && s.Record.Change.ID == q.TargetID:
		return Decision{Answer: kicked(q)}
	case q.Op == proto.OpBan:
		if sub, refusal := s.toBan(q); refusal == nil {
			return Decision{Answer: clientBanned(q, sub)}
		}
	default:
	}
	return Decision{Answer: proto.Event{Name: proto.RoomNotExists, Room: q.Room}}
}

// toBan returns whom a ban is of, or what is answered instead.
func (s *State) toBan(q *Request) (sub string, refusal *Decision) {
	if q.Banned != "" {
		return q.Banned, nil
	}
	m := s.Member(q.TargetID)
	if m != nil && m.Sub() == "" {
		d := forbidden(q, "a client without a token cannot be banned: remove it, or lock the room")
		return "", &d
	}
	if m != nil {
		return m.Sub(), nil
	}
	if now := s.about(q); now != nil { // a repetition, and its target is gone by the ban itself
		for _, h := range now.Bans {
			if h.ID == q.TargetID {
				return h.Sub, nil
			}
		}
	}
	return "", &Decision{Answer: proto.Event{Name: proto.TargetNotFound, Room: q.Room, TargetID: q.TargetID}}
}

// unban lets a user come again.
func (r Rules) unban(s *State, q *Request) Decision {
	unbanned := proto.Event{Name: proto.ClientUnbanned, Room: q.Room, More: &proto.More{Sub: q.Banned}}
	if !proto.Holding(s.about(q).BanList(), "", q.Banned, q.At) {
		return Decision{Answer: unbanned}
	}
	return r.updated(s, q, unbanned, func(rec *proto.Record) {
		rec.About = rec.About.With(func(a *proto.About) { a.Bans = unheld(a.Bans, proto.Hold{Sub: q.Banned}) })
	})
}

// removing is the record by which somebody else removes a member. With the owner, whom only an operator removes, the room goes as if
// it had left; with the last member in any case.
func (r Rules) removing(s *State, q *Request, m *proto.Member, why proto.Reason, set func(a *proto.About)) *proto.Record {
	var rec *proto.Record
	owner := m.ID == s.Record.OwnerID
	switch {
	case owner && s.OwnersOwn(), len(s.Record.Members) == 1:
		rec = r.closing(s, q, why)
	default:
		rec = r.without(s, q, m.ID, why)
	}
	rec.Change.ID, rec.Change.By, rec.Change.Message = m.ID, q.ClientID, q.Message
	rec.About = rec.About.With(set)
	return rec
}

// unheld returns the holds of a list that are not about the same client or user as another hold.
func unheld(list []proto.Hold, of proto.Hold) []proto.Hold {
	same := func(h proto.Hold) bool { return of.Sub != "" && h.Sub == of.Sub || of.ID != "" && h.ID == of.ID }
	if !slices.ContainsFunc(list, same) {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), same)
}

// held adds a hold to a list of at most MaxHolds: the oldest goes first.
func held(list []proto.Hold, h proto.Hold) []proto.Hold {
	list = append(slices.Clone(list), h)
	return list[max(0, len(list)-proto.MaxHolds):]
}
