package gateway

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/gateway/tokens"
)

// warnBefore is how long before its token expires a client is told so.
const warnBefore = 30 * time.Second

// trust is who may be connected: by tokens, and by an operator's word.
type trust struct {
	// Set by begin.
	g        *Gateway
	verifier *tokens.Verifier // nil: no tokens are asked for

	seq      atomic.Int64 // of the list of revoked tokens that is known; less than 0: none was read
	asking   atomic.Bool  // it is asked for
	users    users
	outcasts outcasts
}

func (t *trust) begin(g *Gateway) {
	t.g = g
	t.seq.Store(-1)
	t.users.conns, t.users.joins, t.users.rooms = g.cfg.Limits.MaxConnsPerUser, g.cfg.Limits.JoinsPerUser, g.cfg.Limits.RoomsPerUser
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

// run reads keys, and looks each second whose token does not count any more, and who is in a room still that its token does not allow.
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
				s.Review(now)
			}
			t.users.sweep(now)
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
