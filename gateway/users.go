package gateway

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/gateway/tokens"
	"github.com/parley-rtc/parley/proto"
)

// users are the limits of what one token's sub may take at this gateway. The zero value limits nothing. Who has no token is not
// limited so.
type users struct {
	// Set by begin; in each, 0 is no limit.
	conns int // connections; of a session that comes back, the old one and the new one are one
	joins int // rooms entered in a minute
	rooms int // rooms that were created here and are owned still

	mu sync.Mutex // guards the fields below
	by map[string]*user
	// owned are the rooms that were created here by clients with a token and belong to these still.
	owned map[proto.Room]owned
}

// user is what one sub takes.
type user struct {
	sessions map[proto.ClientID]int // how many connections each of its sessions has
	limiter  *rate.Limiter          // of joins; made with the first
	rooms    int                    // that it owns, and that it is about to create
}

// limits reports whether who has a token is limited in anything.
func (u *users) limits(token *tokens.Token) bool { return token != nil && u.conns+u.joins+u.rooms > 0 }

// of returns what a sub takes, made if need be. With mu held.
func (u *users) of(sub string) *user {
	if u.by == nil {
		u.by, u.owned = make(map[string]*user), make(map[proto.Room]owned)
	}
	one := u.by[sub]
	if one == nil {
		one = &user{sessions: make(map[proto.ClientID]int)}
		u.by[sub] = one
	}
	return one
}

// forget forgets a sub that takes nothing. One that has entered rooms lately is remembered: else who connects anew could enter as many
// again. With mu held.
func (u *users) forget(sub string, now time.Time) {
	one := u.by[sub]
	if len(one.sessions) == 0 && one.rooms == 0 && (one.limiter == nil || one.limiter.TokensAt(now) >= float64(u.joins)) {
		delete(u.by, sub)
	}
}

// sweep forgets the subs that take nothing any more.
func (u *users) sweep(now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for sub := range u.by {
		u.forget(sub, now)
	}
}

// enter counts a connection, and reports whether there is room for it.
func (u *users) enter(token *tokens.Token, id proto.ClientID) bool {
	if !u.limits(token) {
		return true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	one := u.of(token.Sub)
	if u.conns > 0 && one.sessions[id] == 0 && len(one.sessions) >= u.conns {
		return false
	}
	one.sessions[id]++
	return true
}

// leave gives back the place of a connection.
func (u *users) leave(token *tokens.Token, id proto.ClientID, now time.Time) {
	if !u.limits(token) {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	one := u.of(token.Sub)
	if one.sessions[id]--; one.sessions[id] <= 0 {
		delete(one.sessions, id)
	}
	u.forget(token.Sub, now)
}

// MayJoin implements [session.Users].
func (u *users) MayJoin(s *session.Session, now time.Time) bool {
	token := s.Token()
	if token == nil || u.joins == 0 {
		return true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	one := u.of(token.Sub)
	if one.limiter == nil {
		one.limiter = rate.NewLimiter(rate.Limit(float64(u.joins)/60), u.joins)
	}
	return one.limiter.AllowN(now, 1)
}
