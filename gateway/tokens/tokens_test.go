package tokens_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"github.com/parley-rtc/parley/gateway/tokens"
	"github.com/parley-rtc/parley/proto"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// signers are keys of every kind that counts, made once: RSA keys take their time.
var signers = func() map[string]crypto.Signer {
	r, err1 := rsa.GenerateKey(rand.Reader, 2048)
	e, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	e384, err3 := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, d, err4 := ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		panic(err)
	}
	return map[string]crypto.Signer{"rsa": r, "ec": e, "ec384": e384, "ed": d}
}()

// set returns the public keys as a source has them.
func set(t testing.TB, kids ...string) string {
	t.Helper()
	var list []string
	for _, kid := range kids {
		jwk, err := jwkset.NewJWKFromKey(signers[kid].Public(), jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: kid}})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(jwk.Marshal())
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(raw))
	}
	return `{"keys":[` + strings.Join(list, ",") + `]}`
}

// payload is what a token says that counts, changed by the given members; nil takes one away.
func payload(change map[string]any) jwt.MapClaims {
	now := time.Now()
	c := jwt.MapClaims{
		"sub": "ann", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "aud": "calls", "iss": "app",
		"parley": map[string]any{"user": "ann@example", "claims": map[string]any{"name": "Ann"}, "rooms": []any{
			map[string]any{"room": "team-*", "can": []string{"create", "join", "moderate"}},
			map[string]any{"room": "lobby", "can": []string{"join"}},
		}},
	}
	for name, value := range change {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return c
}

func sign(t testing.TB, method jwt.SigningMethod, key any, kid string, change map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, payload(change))
	if kid != "" {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// source is where keys come from: real HTTP, that can hang, redirect, lie and change.
type source struct {
	*httptest.Server
	answer atomic.Pointer[http.HandlerFunc]
	asked  atomic.Int64
}

func newSource(t *testing.T, body string) *source {
	t.Helper()
	s := new(source)
	s.says(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		(*s.answer.Load())(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *source) says(h http.HandlerFunc) { s.answer.Store(&h) }

// run runs a verifier until the test ends, and waits until it has read its keys once.
func run(t *testing.T, cfg tokens.Config) *tokens.Verifier {
	t.Helper()
	v := tokens.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- v.Run(ctx, nil) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return v
}

func TestATokenSaysWhoAClientIsAndWhatItMay(t *testing.T) {
	t.Parallel()
	s := newSource(t, set(t, "rsa", "ec", "ec384", "ed"))
	v := run(t, tokens.Config{Keys: s.URL, Audience: "calls", Issuer: "app"})
	for _, c := range []struct {
		method jwt.SigningMethod
		kid    string
	}{
		{jwt.SigningMethodRS256, "rsa"},
		{jwt.SigningMethodRS512, "rsa"},
		{jwt.SigningMethodPS256, "rsa"},
		{jwt.SigningMethodES256, "ec"},
		{jwt.SigningMethodES384, "ec384"},
		{jwt.SigningMethodEdDSA, "ed"},
	} {
		got, err := v.Check(t.Context(), sign(t, c.method, signers[c.kid], c.kid, nil))
		if err != nil {
			t.Fatalf("%s: %v", c.method.Alg(), err)
		}
		if got.Sub != "ann" || got.User != "ann@example" || string(got.Claims) != `{"name":"Ann"}` || got.Keep != -1 {
			t.Errorf("%s: read as %+v", c.method.Alg(), got)
		}
		for room, can := range map[proto.Room]proto.Grants{
			"team-1": proto.MayCreate | proto.MayJoin | proto.MayModerate, "team": 0, "lobby": proto.MayJoin, "lobby2": 0,
		} {
			if may := got.May(room); may != can {
				t.Errorf("%s: in %q it may %v, expected %v", c.method.Alg(), room, may, can)
			}
		}
	}
}

// Every token here is refused, by the error that says what to do, which does not show it.
func TestATokenThatDoesNotCountIsRefused(t *testing.T) {
	t.Parallel()
	s := newSource(t, set(t, "rsa", "ec"))
	v := run(t, tokens.Config{Keys: s.URL, Audience: "calls", Issuer: "app"})
	if _, err := v.Check(t.Context(), sign(t, jwt.SigningMethodES256, signers["ec"], "ec", nil)); err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(signers["rsa"].Public())
	if err != nil {
		t.Fatal(err)
	}
	pemKey := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	ec := func(change map[string]any) string {
		return sign(t, jwt.SigningMethodES256, signers["ec"], "ec", change)
	}
	parley := func(p any) map[string]any { return map[string]any{"parley": p} }
	rooms := func(room any, can ...any) map[string]any {
		return parley(map[string]any{"rooms": []any{map[string]any{"room": room, "can": can}}})
	}
	now := time.Now()
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"none":                           {"", tokens.ErrMissing},
		"no token":                       {"x", tokens.ErrToken},
		"100 kB":                         {strings.Repeat("x", 100_000), tokens.ErrLarge},
		"unsigned":                       {sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "ec", nil), tokens.ErrKey},
		"unsigned, without a key":        {sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "", nil), tokens.ErrKey},
		"by a public key as a secret":    {sign(t, jwt.SigningMethodHS256, pemKey, "rsa", nil), tokens.ErrKey},
		"by its DER":                     {sign(t, jwt.SigningMethodHS256, public, "rsa", nil), tokens.ErrKey},
		"by another key":                 {sign(t, jwt.SigningMethodES384, signers["ec384"], "ec", nil), tokens.ErrKey},
		"by an unknown key":              {sign(t, jwt.SigningMethodES384, signers["ec384"], "ec384", nil), tokens.ErrKey},
		"by the wrong kind":              {sign(t, jwt.SigningMethodRS256, signers["rsa"], "ec", nil), tokens.ErrKey},
		"without a key id, of two":       {sign(t, jwt.SigningMethodES256, signers["ec"], "", nil), tokens.ErrKey},
		"changed":                        {changed(ec(nil)), tokens.ErrKey},
		"expired":                        {ec(map[string]any{"exp": now.Add(-31 * time.Second).Unix()}), tokens.ErrExpired},
		"issued in the future":           {ec(map[string]any{"iat": now.Add(time.Minute).Unix()}), tokens.ErrEarly},
		"not valid yet":                  {ec(map[string]any{"nbf": now.Add(time.Minute).Unix()}), tokens.ErrEarly},
		"for too long":                   {ec(map[string]any{"exp": now.Add(25 * time.Hour).Unix()}), tokens.ErrToken},
		"for another audience":           {ec(map[string]any{"aud": "others"}), tokens.ErrToken},
		"for no audience":                {ec(map[string]any{"aud": nil}), tokens.ErrToken},
		"by another issuer":              {ec(map[string]any{"iss": "x"}), tokens.ErrToken},
		"without sub":                    {ec(map[string]any{"sub": nil}), tokens.ErrToken},
		"with a long sub":                {ec(map[string]any{"sub": strings.Repeat("s", 129)}), tokens.ErrToken},
		"without iat":                    {ec(map[string]any{"iat": nil}), tokens.ErrToken},
		"without exp":                    {ec(map[string]any{"exp": nil}), tokens.ErrToken},
		"without parley":                 {ec(map[string]any{"parley": nil}), tokens.ErrToken},
		"an unknown grant":               {ec(rooms("r", "own")), tokens.ErrToken},
		"no room":                        {ec(rooms("")), tokens.ErrToken},
		"claims that are no object":      {ec(parley(map[string]any{"claims": []int{1}})), tokens.ErrToken},
		"claims of 2 kB":                 {ec(parley(map[string]any{"claims": map[string]any{"a": strings.Repeat("x", 2000)}})), tokens.ErrToken},
		"keep of an hour":                {ec(parley(map[string]any{"keep": 3600})), tokens.ErrToken},
		"exp beyond what a number holds": {ec(map[string]any{"exp": 1e300}), tokens.ErrToken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := v.Check(t.Context(), c.token)
			if got != nil || !errors.Is(err, c.want) || !errors.Is(err, tokens.ErrToken) {
				t.Fatalf("%v, %v; expected %v", got, err, c.want)
			}
			if len(err.Error()) > 200 || len(c.token) > 20 && strings.Contains(err.Error(), c.token[:20]) {
				t.Errorf("it is said so: %v", err)
			}
		})
	}
}

// changed grants something else in a signed token.
func changed(token string) string {
	parts := strings.Split(token, ".")
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		panic(err)
	}
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(body), `"lobby"`, `"other"`, 1)))
	return strings.Join(parts, ".")
}

func TestATokenThatHasJustExpiredCountsForAMoment(t *testing.T) {
	t.Parallel()
	s := newSource(t, set(t, "ec"))
	v := run(t, tokens.Config{Keys: s.URL, Audience: "calls"})
	text := sign(t, jwt.SigningMethodES256, signers["ec"], "ec", map[string]any{"exp": time.Now().Add(-20 * time.Second).Unix()})
	if _, err := v.Check(t.Context(), text); err != nil {
		t.Error(err)
	}
}

// An id that is not known is a reason to ask the source once, however often it comes.
func TestAnUnknownKeyIsAskedForOnce(t *testing.T) {
	t.Parallel()
	s := newSource(t, set(t, "ec"))
	v := run(t, tokens.Config{Keys: s.URL, Audience: "calls"})
	if _, err := v.Check(t.Context(), sign(t, jwt.SigningMethodES256, signers["ec"], "ec", nil)); err != nil {
		t.Fatal(err)
	}
	before := s.asked.Load()
	stranger := sign(t, jwt.SigningMethodRS256, signers["rsa"], "rsa", nil)
	for range 1000 {
		if _, err := v.Check(t.Context(), stranger); !errors.Is(err, tokens.ErrKey) {
			t.Fatal(err)
		}
	}
	if n := s.asked.Load() - before; n != 1 {
		t.Errorf("the source was asked %d times", n)
	}
}

// A key that is new at the source counts at once, and one that was withdrawn does not any more.
func TestKeysChangeWithTheirSource(t *testing.T) {
	t.Parallel()
	s := newSource(t, set(t, "ec"))
	v := run(t, tokens.Config{Keys: s.URL, Audience: "calls"})
	old, err := v.Check(t.Context(), sign(t, jwt.SigningMethodES256, signers["ec"], "ec", nil))
	if err != nil || !v.Knows(old) {
		t.Fatalf("%v, %v", old, err)
	}
	next := set(t, "rsa")
	s.says(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, next) })
	if _, err := v.Check(t.Context(), sign(t, jwt.SigningMethodRS256, signers["rsa"], "rsa", nil)); err != nil {
		t.Error(err)
	}
	if v.Knows(old) {
		t.Error("the key that was withdrawn counts still")
	}
	if _, err := v.Check(t.Context(), sign(t, jwt.SigningMethodES256, signers["ec"], "ec", nil)); !errors.Is(err, tokens.ErrKey) {
		t.Errorf("a token by it: %v", err)
	}
}

// What cannot be read counts as away: the keys of before go on counting.
func TestASourceThatMisbehavesTakesNoKeysAway(t *testing.T) {
	t.Parallel()
	elsewhere := newSource(t, set(t, "rsa"))
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	for name, misbehave := range map[string]http.HandlerFunc{
		"hangs": func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		},
		"redirects": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) },
		"lies":      func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"sends 10 MB": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"keys":[`+strings.Repeat(" ", 10<<20)+`]}`)
		},
		"is empty":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) },
		"has no keys": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"keys":[]}`) },
		"has symmetric keys": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"keys":[{"kty":"oct","kid":"rsa","k":"AAAA"}]}`)
		},
		"has keys for encryption": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Replace(set(t, "rsa"), `"kid"`, `"use":"enc","kid"`, 1))
		},
		"fails": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSource(t, set(t, "ec"))
			v := run(t, tokens.Config{Keys: s.URL, Audience: "calls"})
			good := sign(t, jwt.SigningMethodES256, signers["ec"], "ec", nil)
			if _, err := v.Check(t.Context(), good); err != nil {
				t.Fatal(err)
			}
			s.says(misbehave)
			if _, err := v.Check(t.Context(), sign(t, jwt.SigningMethodRS256, signers["rsa"], "rsa", nil)); !errors.Is(err, tokens.ErrKey) {
				t.Errorf("a token by a key that is elsewhere: %v", err)
			}
			if _, err := v.Check(t.Context(), good); err != nil {
				t.Errorf("a token by a key of before: %v", err)
			}
		})
	}
	if n := elsewhere.asked.Load(); n != 0 {
		t.Errorf("the redirect was followed %d times", n)
	}
}

func TestKeysOfUnknownKindsAreSkipped(t *testing.T) {
	t.Parallel()
	body := strings.Replace(set(t, "ec"), `{"keys":[`, `{"keys":[{"kty":"XYZ","kid":"x"},{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA","kid":"k"},7,`, 1)
	s := newSource(t, body)
	v := run(t, tokens.Config{Keys: s.URL, Audience: "calls"})
	if _, err := v.Check(t.Context(), sign(t, jwt.SigningMethodES256, signers["ec"], "ec", nil)); err != nil {
		t.Error(err)
	}
}

func TestASecretSignsAndIsReadAgain(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	write := func(secret string) {
		if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first, second := strings.Repeat("a", 32), strings.Repeat("b", 40)
	write(first)
	v := run(t, tokens.Config{SecretFile: file})
	if _, err := v.Check(t.Context(), sign(t, jwt.SigningMethodHS256, []byte(first), "", nil)); err != nil {
		t.Fatal(err)
	}
	for _, method := range []jwt.SigningMethod{jwt.SigningMethodHS384, jwt.SigningMethodHS512} {
		if _, err := v.Check(t.Context(), sign(t, method, []byte(first), "", nil)); !errors.Is(err, tokens.ErrKey) {
			t.Errorf("%s: %v", method.Alg(), err)
		}
	}
	write(second)
	deadline := time.Now().Add(20 * time.Second)
	for {
		_, err := v.Check(t.Context(), sign(t, jwt.SigningMethodHS256, []byte(second), "", nil))
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	if _, err := tokens.ReadSecret(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there was read")
	}
	write("short")
	if _, err := tokens.ReadSecret(file); err == nil || !strings.Contains(err.Error(), "openssl rand -hex 32") {
		t.Errorf("a short secret: %v", err)
	}
}

func TestRevokedTokensCountNoMore(t *testing.T) {
	t.Parallel()
	s := newSource(t, set(t, "ec"))
	v := run(t, tokens.Config{Keys: s.URL, Audience: "calls"})
	text := sign(t, jwt.SigningMethodES256, signers["ec"], "ec", map[string]any{"iat": time.Now().Add(-time.Minute).Unix()})
	later := sign(t, jwt.SigningMethodES256, signers["ec"], "ec", nil)
	for _, user := range []string{"ann", "ann@example"} {
		v.Revoked().Set([]proto.Revocation{{User: user, Before: time.Now().Add(-time.Second).Unix()}})
		if _, err := v.Check(t.Context(), text); !errors.Is(err, tokens.ErrRevoked) {
			t.Errorf("%s: %v", user, err)
		}
		if _, err := v.Check(t.Context(), later); err != nil {
			t.Errorf("%s, a token since: %v", user, err)
		}
	}
	v.Revoked().Set([]proto.Revocation{{User: "bob", Before: time.Now().Unix()}})
	if _, err := v.Check(t.Context(), text); err != nil {
		t.Errorf("another's: %v", err)
	}
}

func TestATokenFollowsOneOfTheSameUserOnly(t *testing.T) {
	t.Parallel()
	at := func(sub string, iat int64) *tokens.Token { return &tokens.Token{Sub: sub, Issued: time.Unix(iat, 0)} }
	for _, c := range []struct {
		before, next *tokens.Token
		want         error
	}{
		{nil, at("ann", 1), nil},
		{at("ann", 1), at("ann", 1), nil},
		{at("ann", 2), at("ann", 1), tokens.ErrOlder},
		{at("ann", 1), at("bob", 2), tokens.ErrOther},
	} {
		if err := c.next.Follows(c.before); !errors.Is(err, c.want) {
			t.Errorf("%+v after %+v: %v", c.next, c.before, err)
		}
	}
}

func TestASourceHasToBeSafe(t *testing.T) {
	t.Parallel()
	for source, ok := range map[string]bool{
		"https://app.example/keys": true, "http://localhost:1/keys": true, "http://127.0.0.1/keys": true, "http://[::1]/keys": true,
		"http://app.example/keys": false, "http://10.0.0.1/keys": false, "/no/such/file": false,
	} {
		if err := tokens.CheckSource(source); (err == nil) != ok {
			t.Errorf("%s: %v", source, err)
		}
	}
}

// Nothing that is logged at debug level shows a token or a key.
func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	secret := "marked-secret-" + strings.Repeat("s", 32)
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	func() {
		v := tokens.New(tokens.Config{SecretFile: file, Log: log})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		read := make(chan struct{}, 1)
		go func() { ended <- v.Run(ctx, func() { read <- struct{}{} }) }()
		<-read
		text := sign(t, jwt.SigningMethodHS256, []byte("another-"+secret), "", nil)
		if _, err := v.Check(ctx, text); err == nil || strings.Contains(fmt.Sprint(err), text[:10]) {
			t.Errorf("%v", err)
		}
		cancel()
		<-ended
	}()
	if strings.Contains(out.String(), "marked-secret") || strings.Contains(out.String(), "eyJ") || out.Len() == 0 {
		t.Errorf("logged: %s", out.String())
	}
}

// What a connection costs more whose token is signed by ES256.
func BenchmarkCheck(b *testing.B) {
	dir := b.TempDir()
	file := filepath.Join(dir, "keys.json")
	if err := os.WriteFile(file, []byte(set(b, "ec")), 0o600); err != nil {
		b.Fatal(err)
	}
	v := tokens.New(tokens.Config{Keys: file, Audience: "calls"})
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- v.Run(ctx, nil) }()
	defer func() { cancel(); <-ended }()
	text := sign(b, jwt.SigningMethodES256, signers["ec"], "ec", nil)
	for b.Loop() {
		if _, err := v.Check(ctx, text); err != nil {
			b.Fatal(err)
		}
	}
}

// What a request costs more whose room has to be looked up in a token.
func BenchmarkMay(b *testing.B) {
	dir := b.TempDir()
	file := filepath.Join(dir, "keys.json")
	if err := os.WriteFile(file, []byte(set(b, "ec")), 0o600); err != nil {
		b.Fatal(err)
	}
	v := tokens.New(tokens.Config{Keys: file, Audience: "calls"})
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- v.Run(ctx, nil) }()
	defer func() { cancel(); <-ended }()
	token, err := v.Check(ctx, sign(b, jwt.SigningMethodES256, signers["ec"], "ec", nil))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		_ = token.May("team-1")
	}
}
