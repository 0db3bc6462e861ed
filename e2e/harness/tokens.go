package harness

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/parley-rtc/parley/gateway/tokens"
)

// Secret is what an app's server signs tokens with, and the settings of a gateway that asks for them.
type Secret struct {
	key  []byte
	Args []string
}

// SecretIn returns the secret that a file holds.
func SecretIn(tb testing.TB, file string) *Secret {
	tb.Helper()
	key, err := tokens.ReadSecret(file)
	if err != nil {
		tb.Fatal(err)
	}
	return &Secret{key: key, Args: []string{"--auth", "jwt", "--auth-secret-file", file}}
}

// NewSecret makes a secret in a file.
func NewSecret(tb testing.TB) *Secret {
	tb.Helper()
	s := &Secret{key: []byte("marked-secret-of-tokens-" + strings.Repeat("k", 32))}
	file := filepath.Join(tb.TempDir(), "secret")
	if err := os.WriteFile(file, s.key, 0o600); err != nil {
		tb.Fatal(err)
	}
	s.Args = []string{"--auth", "jwt", "--auth-secret-file", file}
	return s
}

// Grants are what a token grants, by room.
type Grants map[string][]string

// Token signs a token for a sub, of whom others see that it is its user.
func (s *Secret) Token(tb testing.TB, sub string, rooms Grants) string {
	tb.Helper()
	now := time.Now()
	return s.TokenAt(tb, sub, rooms, now, now.Add(time.Hour))
}

// TokenAt is [Secret.Token] with its times.
func (s *Secret) TokenAt(tb testing.TB, sub string, rooms Grants, issued, expires time.Time) string {
	tb.Helper()
	list := []any{}
	for room, can := range rooms {
		list = append(list, map[string]any{"room": room, "can": can})
	}
	return s.Sign(tb, map[string]any{
		"sub": sub, "iat": issued.Unix(), "exp": expires.Unix(),
		"parley": map[string]any{"user": "user " + sub, "claims": map[string]any{"name": "Name of " + sub}, "rooms": list},
	})
}

// Sign makes a token of claims.
func (s *Secret) Sign(tb testing.TB, claims map[string]any) string {
	tb.Helper()
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(claims)).SignedString(s.key)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}
