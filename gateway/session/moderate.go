package session

import (
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/parley-rtc/parley/gateway/rooms"
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
	return true
}

// mayEnter reports whether the client's user may enter another room now. Where it may not, that is answered.
func (p *pump) mayEnter(f proto.Frame, op proto.Op) bool {
	if !enters(op) || p.s.host.Users == nil || p.s.host.Users.MayJoin(p.s, time.Now()) {
		return true
	}
	p.refuse(f, proto.CodeRateLimited, "the user enters too many rooms: wait a moment")
	return false
}

// enters reports whether a request brings a client into a room that it need not have been in.
func enters(op proto.Op) bool {
	return op == proto.OpCreate || op == proto.OpJoin || op == proto.OpEnter
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
	switch {
	case op == proto.OpMember && !p.mayUpdate(at):
		p.refuse(f, proto.CodeRateLimited, fmt.Sprintf("a client says %d times a second at most what it is", metaRate))
		return
	case op == proto.OpKnock && p.s.Knocks.Load() >= int64(p.s.host.Limits.MaxRooms):
		p.refuse(f, proto.CodeRateLimited, fmt.Sprintf("a client can knock at %d rooms: wait for an answer first", p.s.host.Limits.MaxRooms))
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
func (p *pump) inquire(
	room proto.Room, ref string, op proto.Op, r *proto.Request, deadline time.Time, silent bool,
) rooms.Outcome {
	num := p.turns.Number()
	a := p.newAsk(rooms.Ask{
		Op: op, Room: room, Num: num, ID: p.Request(num), Ref: ref, Silent: silent, Joined: r.Joined,
	}, deadline)
	r.Room, r.ClientID, r.Gateway, r.Turn = room, p.s.ID(), p.s.host.Gateway, p.s.About.Turn
	if !silent {
		p.enter(r, op)
	}
	Stamp(p.s.Token(), r, op)
	a.Payload = proto.AppendRequest(nil, op, r)
	a.Inquiry = true
	started := time.Now()
	p.s.asking.Store(a)
	outcome := p.ask(a)
	p.s.host.Metrics.Asked(op, outcome, time.Since(started))
	return outcome
}
