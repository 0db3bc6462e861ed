package session

import (
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/gateway/tokens"
	"github.com/parley-rtc/parley/proto"
)

// Of member-update, each of which all members hear: so many a second, and at once.
const metaRate = 2

// ops are what is asked of the room service for requests of names and moderation.
var ops = map[proto.Name]proto.Op{
	proto.MemberUpdate: proto.OpMember, proto.RoomKick: proto.OpKick, proto.RoomBan: proto.OpBan, proto.RoomUnban: proto.OpUnban,
	proto.RoomUpdate: proto.OpUpdate, proto.RoomTransfer: proto.OpTransfer, proto.RoomRoster: proto.OpAbout,
	proto.RoomKnock: proto.OpKnock, proto.RoomAdmit: proto.OpAdmit, proto.RoomRefuse: proto.OpRefuse,
}

// OpOf returns what is asked of the room service for a request of names and moderation; empty: it is another request.
func OpOf(name proto.Name) proto.Op { return ops[name] }

// sub returns who the client is by its token.
func (p *pump) sub() string {
	if t := p.s.Token(); t != nil {
		return t.Sub
	}
	return ""
}

// stamp says in a request who the client is, and what it may in that room.
func (p *pump) stamp(r *proto.Request, op proto.Op) {
	t := p.s.Token()
	if t == nil {
		return
	}
	r.Sub, r.Can = t.Sub, t.May(r.Room)
	switch op {
	case proto.OpCreate, proto.OpJoin, proto.OpEnter, proto.OpResume, proto.OpMember, proto.OpKnock:
		r.User, r.Claims = t.User, t.Claims
	default:
	}
}

// enter says in a request of the client's own, by which it comes in, what it says of itself, and shows the room's password.
func (p *pump) enter(r *proto.Request, op proto.Op) {
	if p.more == nil {
		return
	}
	switch op {
	case proto.OpCreate, proto.OpJoin, proto.OpEnter, proto.OpKnock:
		r.Meta = p.more.Meta
		if r.Proof = p.more.Proof; r.Proof != "" {
			r.From = p.s.About.Address
		}
	default:
	}
}

// may reports whether the client's token allows a request. What it does not is answered. What owners may as owners, the room service
// decides.
func (p *pump) may(f proto.Frame, op proto.Op) bool {
	t := p.s.Token()
	if t == nil {
		return true
	}
	can := t.May(f.Room)
	allowed := true
	switch op {
	case proto.OpCreate:
		allowed = can.Has(proto.MayCreate)
	case proto.OpJoin, proto.OpKnock:
		allowed = can.Has(proto.MayJoin)
	case proto.OpEnter:
		allowed = can.Has(proto.MayJoin) || can.Has(proto.MayCreate)
	default:
	}
	if !allowed {
		p.refuse(f, proto.CodeForbidden, "the token does not allow this in that room")
		return false
	}
	switch op {
	case proto.OpCreate, proto.OpJoin, proto.OpEnter:
		if p.s.host.MayJoin != nil && !p.s.host.MayJoin(p.s, time.Now()) {
			p.refuse(f, proto.CodeRateLimited, "the user enters too many rooms: wait a moment")
			return false
		}
	default:
	}
	return true
}

// fitsMeta reports whether what the client says of itself is not too large. What is too large is answered.
func (p *pump) fitsMeta(f proto.Frame) bool {
	if f.More == nil || len(f.More.Meta) <= p.s.host.Limits.MaxMeta {
		return true
	}
	p.refuse(f, proto.CodeBadRequest, fmt.Sprintf(`"meta" has %d bytes, %d are allowed`, len(f.More.Meta), p.s.host.Limits.MaxMeta))
	return false
}

// moderate carries out a request that changes nothing about where the client itself is.
func (p *pump) moderate(f proto.Frame, at time.Time) {
	op := ops[f.Name]
	if !p.may(f, op) || !p.fitsMeta(f) {
		return
	}
	if op == proto.OpMember && !p.mayUpdate(at) {
		p.refuse(f, proto.CodeRateLimited, fmt.Sprintf("a client says %d times a second at most what it is", metaRate))
		return
	}
	r := proto.Request{TargetID: f.TargetID}
	if more := f.More; more != nil {
		r.Message, r.Banned, r.Seconds, r.Update, r.Meta = more.Message, more.Sub, more.Seconds, more.Update, more.Meta
	}
	p.more = f.More
	p.inquire(f.Room, f.Ref, op, &r, at.Add(p.s.host.Request), false)
}

// mayUpdate reports whether the client may say again what it is.
func (p *pump) mayUpdate(at time.Time) bool {
	if p.meta == nil {
		p.meta = rate.NewLimiter(metaRate, metaRate)
	}
	return p.meta.AllowN(at, 1)
}

// inquire asks the room service for something that the core has nothing to do with. The dispatcher hands the answer on, unless the
// gateway asks for itself.
func (p *pump) inquire(room proto.Room, ref string, op proto.Op, r *proto.Request, deadline time.Time, silent bool) {
	num := p.turns.Number()
	a := p.newAsk(rooms.Ask{Op: op, Room: room, Num: num, ID: p.Request(num), Ref: ref, Silent: silent}, deadline)
	r.Room, r.ClientID, r.Gateway, r.Turn = room, p.s.ID(), p.s.host.Gateway, p.s.About.Turn
	if !silent {
		p.enter(r, op)
	}
	p.stamp(r, op)
	a.Payload = proto.AppendRequest(nil, op, r)
	a.Inquiry = true
	started := time.Now()
	p.s.asking.Store(a)
	outcome := p.ask(a)
	p.s.host.Metrics.Asked(op, outcome, time.Since(started))
}

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

// renewed looks at the client's rooms after its token has changed: it leaves those that it may not join any more, and the others hear
// what it is now.
func (p *pump) renewed(before *tokens.Token) {
	t := p.s.Token()
	if t == nil || before == nil {
		return
	}
	for room, by := range p.s.Rooms.All() {
		within := time.Now().Add(p.s.host.Request)
		if !t.May(room).Has(proto.MayJoin) {
			p.inquire(room, "", proto.OpLeave, &proto.Request{Joined: by, Reason: proto.Forbidden}, within, true)
			continue
		}
		if t.Same(before) && t.May(room)&proto.MayModerate == before.May(room)&proto.MayModerate {
			continue
		}
		p.inquire(room, "", proto.OpMember, &proto.Request{}, within, true)
	}
}
