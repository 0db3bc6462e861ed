package session

import (
	"maps"
	"slices"
	"time"

	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/gateway/tokens"
	"github.com/parley-rtc/parley/proto"
)

// renew takes a token in the place of the client's.
func (p *pump) renew(f proto.Frame) {
	if p.s.host.Renew == nil {
		p.answer(f, proto.Event{Name: proto.TokenAccepted}) // none is asked for
		return
	}
	before := p.s.Token()
	if err := p.s.host.Renew(p.s, f.More.Token); err != nil {
		p.refuse(f, proto.CodeUnauthorized, err.Error())
		return
	}
	p.s.Tell(proto.Event{Name: proto.TokenAccepted}, f.Ref)
	p.renewed(before)
}

// renewed looks at the client's rooms after its token has changed: it leaves those that it may not join any more, and the others hear
// what it is now.
func (p *pump) renewed(before *tokens.Token) {
	t := p.s.Token()
	if t == nil || before == nil {
		return
	}
	clear(p.owed)
	for _, room := range slices.Sorted(maps.Keys(p.s.Rooms.All())) {
		now, was := t.May(room), before.May(room)
		switch {
		case !stays(now, was):
			p.owe(room, proto.OpLeave)
		case !t.Same(before) || now&proto.MayModerate != was&proto.MayModerate:
			p.owe(room, proto.OpMember)
		}
	}
	p.s.host.Dispatcher.Renewed(p.s)
	p.settleOwed()
}

// stays reports whether a client that is in a room by one token may stay by another. Who was in there without a grant to join has
// created the room.
func stays(now, was proto.Grants) bool {
	return now.Has(proto.MayJoin) || !was.Has(proto.MayJoin) && now.Has(proto.MayCreate)
}

// owe notes what is to be asked for a room since the token has changed.
func (p *pump) owe(room proto.Room, op proto.Op) {
	if p.owed == nil {
		p.owed = make(map[proto.Room]proto.Op)
	}
	p.owed[room] = op
}

// settleOwed asks for what is owed. What is not answered is asked again later.
func (p *pump) settleOwed() {
	for _, room := range slices.Sorted(maps.Keys(p.owed)) {
		by, in := p.s.Rooms.Joined(room)
		if !in {
			delete(p.owed, room)
			continue
		}
		r, op := new(proto.Request), p.owed[room]
		if op == proto.OpLeave {
			r.Joined, r.Reason = by, proto.Forbidden
		}
		if p.inquire(room, "", op, r, time.Now().Add(p.s.host.Request), true) != rooms.Unavailable {
			delete(p.owed, room)
		}
	}
	p.s.owing.Store(len(p.owed) > 0)
	p.owedAt.Store(time.Now().UnixNano())
}

// Review has the client's pump ask again for what a change of its token has brought with it and nobody has answered.
func (s *Session) Review(now time.Time) {
	if s.owing.Load() && now.UnixNano()-s.pump.owedAt.Load() >= int64(s.host.Review) && s.owing.Swap(false) {
		s.push(request{at: now, err: errReview})
	}
}

// SetToken gives the client another token.
func (s *Session) SetToken(t *tokens.Token) {
	s.token.Store(t)
	s.warned.Store(false)
}

// Warn tells the client, once, that its token is about to expire.
func (s *Session) Warn(seconds int64) {
	if !s.warned.Swap(true) {
		s.Tell(proto.Event{Name: proto.TokenExpiring, More: &proto.More{Seconds: seconds}}, "")
	}
}
