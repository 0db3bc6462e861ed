package sim

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-rtc/parley/proto"
)

// users are few, so that several clients share one.
var users = []string{"ann", "bob", "cat"}

// passwords are those that rooms have.
var passwords = []string{"open", "sesame"}

// getToken gives a page a token, or none.
func (p *page) getToken() {
	w := p.w
	if !w.chance(w.Tokens) {
		return
	}
	p.sub = pick(w, users)
	p.can = proto.MayCreate | proto.MayJoin
	switch {
	case w.chance(40):
		p.can |= proto.MayModerate
	case w.chance(15):
		p.can = proto.MayJoin
	}
}

// stamp says in a request whose it is, as gateway/session does.
func (p *page) stamp(r *proto.Request, op proto.Op) {
	if p.sub == "" {
		return
	}
	r.Sub = p.sub
	if op != proto.OpSignal {
		r.Can = p.can
	}
	if enters(op) || op == proto.OpResume || op == proto.OpMember || op == proto.OpKnock {
		r.User = p.sub + "@example"
	}
}

// may reports whether a page's token grants something.
func (p *page) may(asked proto.Grants) bool {
	if p.sub == "" {
		return !asked.Has(proto.MayModerate)
	}
	return p.can.Has(asked)
}

// enters reports whether an operation brings a client in that need not have been there.
func enters(op proto.Op) bool {
	return op == proto.OpCreate || op == proto.OpJoin || op == proto.OpEnter
}

// moves reports whether a request changes where its client is, or may.
func (q *asked) moves() bool { return ops[q.Name] != "" }

// shows has a client that comes in say something of itself, and try a password.
func (w *world) shows(f *proto.Frame) {
	if w.Moderation == 0 || !enters(ops[f.Name]) {
		return
	}
	more := new(proto.FrameMore)
	if w.chance(40) {
		more.Meta = w.meta()
	}
	if f.Name != proto.RoomCreate && w.chance(60) {
		more.Proof = proto.PasswordProof(f.Room, pick(w, passwords))
	}
	f.More = more
}

// meta makes a word that nobody has said.
func (w *world) meta() jsontext.Value {
	w.metas++
	return jsontext.Value(`{"m":` + strconv.Itoa(w.metas) + `}`)
}
