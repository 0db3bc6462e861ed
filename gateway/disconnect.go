package gateway

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/proto"
)

// outcasts are the users that an operator has disconnected lately. A connection of theirs that ended just before may still be carrying
// out what it has asked for, and become a session that is kept only after that.
type outcasts struct {
	mu   sync.Mutex // guards list
	list []outcast
}

// outcast is one of them: a sub or user, and when.
type outcast struct {
	who string
	at  time.Time
}

// rememberOutcasts is longer than requests take that are carried out.
const rememberOutcasts = time.Minute

func (o *outcasts) add(who string, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = slices.DeleteFunc(o.list, func(one outcast) bool { return now.Sub(one.at) > rememberOutcasts })
	o.list = append(o.list, outcast{who, now})
}

// has reports whether a session is of one of them, and began before that one was disconnected.
func (o *outcasts) has(s *session.Session) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.ContainsFunc(o.list, func(one outcast) bool { return isOf(s, one.who) && s.Began().Before(one.at) })
}

// isOf reports whether a session is of a sub or user.
func isOf(s *session.Session, who string) bool {
	token := s.Token()
	return token != nil && (token.Sub == who || token.User == who)
}

// isOut reports whether a session is not to be kept: its user was disconnected, or its token revoked.
func (t *trust) isOut(s *session.Session) bool {
	token := s.Token()
	return token != nil && (t.outcasts.has(s) || t.verifier.Revoked().Has(token))
}

// disconnect ends a user's connections here, and its sessions. It answers how many connections that were.
func (t *trust) disconnect(m *nats.Msg) {
	if !t.g.subjects.ReplyAllowed(m.Reply) {
		return
	}
	req, err := decoded(func(b []byte) (proto.Request, error) { return proto.DecodeAdmin(proto.OpDisconnect, b) }, m.Data)
	if err != nil {
		e := proto.Errorf(proto.CodeBadRequest, "", "", "%s", err)
		_ = m.Respond(proto.AppendEvent(nil, &e)) // whoever asked asks again
		return
	}
	is := func(s *session.Session) bool { return isOf(s, req.Banned) }
	t.outcasts.add(req.Banned, time.Now())
	n := 0
	for _, s := range t.g.clients.all() {
		if is(s) {
			s.Close(link.Disconnected)
			n++
		}
	}
	t.g.dispatcher.post(command{outcast: is})
	t.g.log.Info("moderation", "what", "disconnect", "by", "operator", "user", req.Banned, "connections", n)
	answer := append([]byte(`{"gateway":"`), t.g.id...)
	answer = strconv.AppendInt(append(answer, `","connections":`...), int64(n), 10)
	_ = m.Respond(append(answer, '}')) // as above
}
