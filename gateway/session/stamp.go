package session

import (
	"github.com/parley-rtc/parley/gateway/tokens"
	"github.com/parley-rtc/parley/proto"
)

// sub returns who the client is by its token.
func (p *pump) sub() string {
	if t := p.s.Token(); t != nil {
		return t.Sub
	}
	return ""
}

// Stamp says in a request who a client is by its token, and what it may in that room. Without a token it says nothing.
func Stamp(t *tokens.Token, r *proto.Request, op proto.Op) {
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

// enter says in a request of the client's own, by which it comes in or knocks, what it says of itself, and shows the room's password.
// Who has no token is known again by its address.
func (p *pump) enter(r *proto.Request, op proto.Op) {
	switch op {
	case proto.OpCreate, proto.OpJoin, proto.OpEnter, proto.OpKnock:
	default:
		return
	}
	if p.more != nil {
		r.Meta, r.Proof = p.more.Meta, p.more.Proof
	}
	if p.s.Token() == nil && (r.Proof != "" || op == proto.OpKnock) {
		r.From = p.s.source()
	}
}

// source returns what the client's address counts as.
func (s *Session) source() string {
	if s.host.Source == nil {
		return s.About.Address
	}
	return s.host.Source(s.About.Address)
}
