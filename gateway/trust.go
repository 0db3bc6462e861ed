package gateway

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/gateway/tokens"
	"github.com/parley-rtc/parley/proto"
)

// warnBefore is how long before its token expires a client is told so.
const warnBefore = 30 * time.Second

// trust is who may be connected: by tokens, and by an operator's word.
type trust struct {
	// Set by begin.
	g        *Gateway
	verifier *tokens.Verifier // nil: no tokens are asked for

	seq    atomic.Int64 // of the list of revoked tokens that is known; less than 0: none was read
	asking atomic.Bool  // it is asked for
	users  users
}

func (t *trust) begin(g *Gateway) {
	t.g = g
	t.seq.Store(-1)
	t.users.conns, t.users.joins = g.cfg.Limits.MaxConnsPerUser, g.cfg.Limits.JoinsPerUser
	if g.cfg.Auth != nil {
		cfg := *g.cfg.Auth
		cfg.Log = g.log
		t.verifier = tokens.New(cfg)
	}
}

// checking returns what checks a client's token; nil: none is asked for.
func (t *trust) checking(transport string) func(context.Context, string) (*tokens.Token, error) {
	if t.verifier == nil {
		return nil
	}
	return func(ctx context.Context, text string) (*tokens.Token, error) {
		token, err := t.verifier.Check(ctx, text)
		if err != nil {
			t.g.metrics.refused(transport, reasonToken)
		}
		return token, err
	}
}

// renewing returns what takes a token in the place of a client's; nil: none is asked for.
func (t *trust) renewing() func(s *session.Session, text string) error {
	if t.verifier == nil {
		return nil
	}
	return func(s *session.Session, text string) error {
		token, err := t.verifier.Check(t.g.work, text)
		if err == nil {
			err = token.Follows(s.Token())
		}
		if err != nil {
			return err // it says what to do
		}
		s.SetToken(token)
		return nil
	}
}

// run reads keys, and looks each second whose token does not count any more.
func (t *trust) run(ctx context.Context) error {
	if t.verifier == nil {
		t.g.log.Warn("anybody who reaches this gateway may create and join any room: --auth jwt asks for tokens")
		return nil
	}
	var keys sync.WaitGroup
	defer keys.Wait()
	keys.Go(func() { t.g.safely("the keys of tokens", func() { _ = t.verifier.Run(ctx, nil) }) }) // it has no error
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			for _, s := range t.g.clients.all() {
				t.look(s, now)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// look closes the connection of a client whose token does not count any more, and warns one whose token is about to expire.
func (t *trust) look(s *session.Session, now time.Time) {
	token := s.Token()
	if token == nil {
		return
	}
	switch left := token.Expires.Sub(now); {
	case left <= -tokens.Grace:
		s.Close(link.Unauthorized(tokens.ErrExpired))
	case t.verifier.Revoked().Has(token):
		s.Close(link.Disconnected)
	case !t.verifier.Knows(token):
		s.Close(link.Unauthorized(tokens.ErrKey))
	case left <= warnBefore:
		s.Warn(max(0, int64(left/time.Second)))
	}
}

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

// unread reports whether tokens are asked for, and it is not known which were revoked.
func (t *trust) unread() bool { return t.verifier != nil && t.seq.Load() < 0 }

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
	is := func(s *session.Session) bool {
		token := s.Token()
		return token != nil && (token.Sub == req.Banned || token.User == req.Banned)
	}
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

// users are the limits of what one token's sub may take at this gateway. The zero value limits nothing.
type users struct {
	conns int // connections; 0: no limit
	joins int // rooms entered in a minute; 0: no limit

	mu sync.Mutex // guards the field below
	by map[string]*user
}

// user is what one sub takes.
type user struct {
	conns   int
	limiter *rate.Limiter // of joins; made with the first
}

// enter counts a connection, and reports whether there is room for it.
func (u *users) enter(token *tokens.Token) bool {
	if token == nil || u.conns == 0 && u.joins == 0 {
		return true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.by == nil {
		u.by = make(map[string]*user)
	}
	one := u.by[token.Sub]
	if one == nil {
		one = new(user)
		u.by[token.Sub] = one
	}
	if u.conns > 0 && one.conns >= u.conns {
		return false
	}
	one.conns++
	return true
}

// leave gives back the place of a connection.
func (u *users) leave(token *tokens.Token) {
	if token == nil || u.conns == 0 && u.joins == 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if one := u.by[token.Sub]; one != nil {
		if one.conns--; one.conns <= 0 {
			delete(u.by, token.Sub)
		}
	}
}

// mayJoin reports whether a client's user may enter another room now.
func (u *users) mayJoin(token *tokens.Token, now time.Time) bool {
	if token == nil || u.joins == 0 {
		return true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	one := u.by[token.Sub]
	if one == nil {
		return true
	}
	if one.limiter == nil {
		one.limiter = rate.NewLimiter(rate.Limit(float64(u.joins)/60), u.joins)
	}
	return one.limiter.AllowN(now, 1)
}
