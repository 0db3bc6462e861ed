package gateway

import (
	"time"

	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/proto"
)

// heard hears from a replica's beat which list of revoked tokens there is, and asks for one that is newer.
func (t *trust) heard(seq uint64) {
	switch {
	case t.verifier == nil:
	case seq == 0:
		t.seq.CompareAndSwap(-1, 0)
	case int64(seq) > t.seq.Load() && t.asking.CompareAndSwap(false, true): // a sequence fits
		t.g.dispatcher.post(command{revoked: true})
	}
}

// revoked takes the answer.
func (t *trust) revoked(e *proto.Event) {
	t.asking.Store(false)
	if e.Name != proto.Revoked || e.More == nil || t.verifier == nil {
		return // the next beat has it asked for again
	}
	if int64(e.Seq) < t.seq.Load() { // as above
		return // of a replica that is behind: what was revoked stays so
	}
	t.verifier.Revoked().Set(e.More.Revoked)
	t.seq.Store(int64(e.Seq)) // as above
	now := time.Now()
	for _, s := range t.g.clients.all() {
		t.look(s, now)
	}
	t.g.dispatcher.post(command{outcast: func(s *session.Session) bool {
		token := s.Token()
		return token != nil && t.verifier.Revoked().Has(token)
	}})
}

// unanswered hears that nobody answered in time.
func (t *trust) unanswered() { t.asking.Store(false) }

// unread reports whether tokens are asked for, and it is not known which were revoked.
func (t *trust) unread() bool { return t.verifier != nil && t.seq.Load() < 0 }
