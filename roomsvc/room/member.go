package room

import (
	"fmt"

	"github.com/parley-rtc/parley/proto"
)

// member changes what a member bears: its own word, or what a new token says of it.
func (r Rules) member(s *State, q *Request) Decision {
	m := s.Member(q.ClientID)
	switch {
	case m == nil:
		return Decision{Answer: proto.Event{Name: proto.NotInRoom, Room: q.Room}}
	case m.Sub() != "" && m.Sub() != q.Sub:
		return forbidden(q, "the member is another user")
	}
	if answer, is := banned(s, q); is {
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
	if !s.bears(m, who) {
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

// renewedWithin is renewed, but where that would be too much, a member goes on bearing what others see of it: it comes back all the same.
func (s *State) renewedWithin(m *proto.Member, q *Request) *proto.Who {
	who := renewed(m.Who, q)
	if s.bears(m, who) {
		return who
	}
	var same proto.Who
	if m.Who != nil {
		same = *m.Who
	}
	same.Sub, same.Mod = who.Sub, who.Mod
	return &same
}

// bears reports whether a member may bear something else than it does: what is not more may always be.
func (s *State) bears(m *proto.Member, who *proto.Who) bool {
	more := who.Size() - m.Who.Size()
	return more <= 0 || s.borne()+more <= proto.MaxBorne
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
			info := proto.MemberInfo{ID: m.ID, Who: *m.Who}
			info.Sub = "" // members are not told who somebody is by its token
			list = append(list, info)
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
