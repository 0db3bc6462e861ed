// Package tokens is who a client is and what it may, by the tokens that the app's own server signs. It knows JSON Web Tokens and where
// their keys come from, and neither sockets nor NATS.
package tokens

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-rtc/parley/proto"
)

// Grace is for how long a token counts beyond its times, for clocks that differ.
const Grace = 30 * time.Second

// maxEntries is how many rooms a token speaks of.
const maxEntries = 64

// Token is what a token says that was checked. It is never changed once made, and does not hold the token itself.
type Token struct {
	Sub     string
	User    string         // what others see; empty: nothing
	Claims  jsontext.Value // the app's word; nil: none
	Issued  time.Time
	Expires time.Time
	Keep    int    // seconds that the session is kept at most; less than 0: as the gateway has it
	Key     string // the id of the key that signed it
	entries []entry
}

// entry is what a token grants in a room, or in all whose names begin so.
type entry struct {
	name   string
	prefix bool
	can    proto.Grants
}

// May returns what the token grants in a room.
func (t *Token) May(room proto.Room) proto.Grants {
	var can proto.Grants
	for i := range t.entries {
		e := &t.entries[i]
		if e.name == string(room) || e.prefix && strings.HasPrefix(string(room), e.name) {
			can |= e.can
		}
	}
	return can
}

// Same reports whether others see the same of two tokens.
func (t *Token) Same(o *Token) bool {
	return t.Sub == o.Sub && t.User == o.User && string(t.Claims) == string(o.Claims)
}

// Why a token is refused. The texts say what to do; none shows a token.
var (
	ErrToken   = errors.New("bad token") // wrapped by all others
	ErrMissing = fmt.Errorf("%w: there is none: connect with one, as PROTOCOL.md says", ErrToken)
	ErrLarge   = fmt.Errorf("%w: it has more than %d bytes", ErrToken, proto.MaxToken)
	ErrKey     = fmt.Errorf("%w: none of the keys that count has signed it", ErrToken)
	ErrExpired = fmt.Errorf("%w: it has expired: bring a new one", ErrToken)
	ErrEarly   = fmt.Errorf("%w: it is not valid yet: compare the clocks of the app's server and of the gateway", ErrToken)
	ErrRevoked = fmt.Errorf("%w: it was revoked: bring one that was issued since", ErrToken)
	ErrOther   = fmt.Errorf("%w: it is another user's: its sub is not the one of before", ErrToken)
	ErrOlder   = fmt.Errorf("%w: it was issued before the one that is in use", ErrToken)
)

// claims are the members of a token that are read.
type claims struct {
	Sub    string   `json:"sub"`
	Issued *float64 `json:"iat"`
	Expire *float64 `json:"exp"`
	Before *float64 `json:"nbf"`
	Issuer string   `json:"iss"`
	Parley *struct {
		User   string         `json:"user"`
		Claims jsontext.Value `json:"claims"`
		Rooms  []struct {
			Room string   `json:"room"`
			Can  []string `json:"can"`
		} `json:"rooms"`
		Keep *int `json:"keep"`
	} `json:"parley"`
	Audience jsontext.Value `json:"aud"`
}

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrToken}, args...)...)
}

// read reads the payload of a token whose signature is right.
func (c *Config) read(payload []byte, now time.Time) (*Token, error) {
	var p claims
	if err := json.Unmarshal(payload, &p); err != nil {
		return nil, bad("its payload is no JSON object as PROTOCOL.md has it")
	}
	switch {
	case p.Sub == "" || len(p.Sub) > proto.MaxSub || !utf8.ValidString(p.Sub):
		return nil, bad("sub has to be a string of 1 to %d bytes", proto.MaxSub)
	case p.Issued == nil || p.Expire == nil:
		return nil, bad("iat and exp are required")
	case p.Parley == nil:
		return nil, bad("the claim parley is required")
	}
	t := &Token{Sub: p.Sub, User: p.Parley.User, Claims: p.Parley.Claims, Issued: date(*p.Issued), Expires: date(*p.Expire), Keep: -1}
	switch {
	case !now.Before(t.Expires.Add(Grace)):
		return nil, ErrExpired
	case now.Add(Grace).Before(t.Issued), p.Before != nil && now.Add(Grace).Before(date(*p.Before)):
		return nil, ErrEarly
	case t.Expires.Sub(t.Issued) > c.MaxTTL:
		return nil, bad("it counts for longer than the %s that --auth-max-ttl allows", c.MaxTTL)
	case c.Issuer != "" && p.Issuer != c.Issuer:
		return nil, bad("iss is not the one that --auth-issuer names")
	case c.Audience != "" && !isFor(p.Audience, c.Audience):
		return nil, bad("aud is not the one that --auth-audience names")
	case len(t.User) > proto.MaxSub:
		return nil, bad("user has at most %d bytes", proto.MaxSub)
	}
	if t.Claims != nil {
		if err := proto.CheckObject("claims", t.Claims, proto.MaxClaims); err != nil {
			return nil, bad("%w", err)
		}
		t.Claims = append(jsontext.Value(nil), t.Claims...)
		_ = t.Claims.Compact() // it is valid
	}
	if keep := p.Parley.Keep; keep != nil {
		if *keep < 0 || *keep > proto.MaxKeep {
			return nil, bad("keep is from 0 to %d", proto.MaxKeep)
		}
		t.Keep = *keep
	}
	if len(p.Parley.Rooms) > maxEntries {
		return nil, bad("it speaks of %d rooms, %d are allowed", len(p.Parley.Rooms), maxEntries)
	}
	t.entries = make([]entry, 0, len(p.Parley.Rooms))
	for _, r := range p.Parley.Rooms {
		name, prefix := strings.CutSuffix(r.Room, "*")
		if r.Room == "" || len(name) > proto.MaxRoomName || !prefix && proto.Room(name).Check() != nil {
			return nil, bad("a room is a name, or a beginning followed by *")
		}
		e := entry{name: name, prefix: prefix}
		for _, can := range r.Can {
			one, err := proto.ParseGrant(can)
			if err != nil {
				return nil, bad("%w", err)
			}
			e.can |= one
		}
		t.entries = append(t.entries, e)
	}
	return t, nil
}

// date returns a JWT's number as a time. What is beyond any date is as far as dates go.
func date(seconds float64) time.Time {
	const far = 1 << 40
	return time.Unix(int64(max(-far, min(far, seconds))), 0)
}

// isFor reports whether aud, a string or a list of strings, names somebody.
func isFor(aud jsontext.Value, who string) bool {
	var one string
	if json.Unmarshal(aud, &one) == nil {
		return one == who
	}
	var list []string
	if json.Unmarshal(aud, &list) != nil {
		return false
	}
	return slices.Contains(list, who)
}

// Follows returns why a token may not take the place of the one before, or nil.
func (t *Token) Follows(before *Token) error {
	switch {
	case before == nil:
		return nil
	case t.Sub != before.Sub:
		return ErrOther
	case t.Issued.Before(before.Issued):
		return ErrOlder
	}
	return nil
}
