package proto

import (
	"errors"
	"testing"
)

func FuzzRoomToken(f *testing.F) {
	for _, g := range golden.Tokens {
		f.Add(string(g.Room))
	}
	f.Fuzz(func(t *testing.T, name string) {
		room := Room(name)
		if room.Check() != nil {
			return
		}
		token := room.Token()
		if !literal(string(token)) || len(token) > 1+172 {
			t.Errorf("%q has the token %q", room, token)
		}
		if got, err := ParseToken(token); err != nil || got != room {
			t.Errorf("%q has the token %q, which is %q, %v", room, token, got, err)
		}
	})
}

func FuzzParseToken(f *testing.F) {
	for _, g := range golden.Tokens {
		f.Add(string(g.Token))
	}
	for _, token := range golden.BadTokens {
		f.Add(string(token))
	}
	f.Fuzz(func(t *testing.T, s string) {
		room, err := ParseToken(Token(s))
		switch {
		case err != nil && !errors.Is(err, ErrRoomToken):
			t.Errorf("%q: the error %v", s, err)
		case err == nil && (room.Check() != nil || room.Token() != Token(s)):
			t.Errorf("%q is taken for %q, whose token is %q", s, room, room.Token())
		}
	})
}
