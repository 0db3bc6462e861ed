package tokens

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/parley-rtc/parley/proto"
)

// Config says which tokens count. One of Keys and SecretFile is set.
type Config struct {
	Keys       string        // a URL or file of JSON Web Keys
	SecretFile string        // a file with the secret of HS256, 32 bytes at least
	Audience   string        // that aud has to name; required with Keys
	Issuer     string        // that iss has to be; empty: any
	MaxTTL     time.Duration // from iat to exp; 24 h
	Log        *slog.Logger
}

// LeastSecret is the least size of a secret, in bytes.
const LeastSecret = 32

// defaultTTL is for how long a token may count.
const defaultTTL = 24 * time.Hour

// Verifier checks tokens. Its methods may be called from any goroutine.
type Verifier struct {
	cfg     Config
	revoked Revoked

	wanted chan struct{} // 1 deep: Run is to read the keys now

	mu    sync.Mutex // guards the fields below
	keys  map[string]*key
	read  time.Time     // when keys were read last; zero: never
	tried time.Time     // when a key id that was not known was last a reason to read them
	over  chan struct{} // closed when the next reading is over
	lost  bool          // it has been said that the source is away
}

// New returns a verifier. It reads no key before [Verifier.Run], or before a token needs one.
func New(cfg Config) *Verifier {
	if cfg.MaxTTL <= 0 {
		cfg.MaxTTL = defaultTTL
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Verifier{cfg: cfg, wanted: make(chan struct{}, 1), over: make(chan struct{})}
}

// Revoked is the tokens that count no more.
func (v *Verifier) Revoked() *Revoked { return &v.revoked }

// Run reads keys again and again until the context ends. changed, if not nil, is called after keys have changed.
func (v *Verifier) Run(ctx context.Context, changed func()) error {
	each := refreshEach
	if v.cfg.SecretFile != "" || !isURL(v.cfg.Keys) {
		each = time.Second // a file is cheap to look at
	}
	tick := time.NewTicker(each)
	defer tick.Stop()
	for {
		if v.load(ctx) && changed != nil {
			changed()
		}
		select {
		case <-tick.C:
		case <-v.wanted:
		case <-ctx.Done():
			return nil
		}
	}
}

// load reads the keys, and reports whether they have changed. When they cannot be read, those of before count for a day.
func (v *Verifier) load(ctx context.Context) (changed bool) {
	keys, err := v.fetchKeys(ctx)
	v.mu.Lock()
	defer v.mu.Unlock()
	close(v.over)
	v.over = make(chan struct{})
	now := time.Now()
	switch {
	case err == nil:
		changed = !sameKeys(v.keys, keys)
		if v.lost || changed {
			v.cfg.Log.Info("the keys of tokens were read", "keys", len(keys))
		}
		v.keys, v.read, v.lost = keys, now, false
	case now.Sub(v.read) > keepKeysFor:
		changed = len(v.keys) > 0
		v.keys = nil
		fallthrough
	default:
		if !v.lost {
			v.cfg.Log.Warn("the keys of tokens cannot be read: those of before count for a day", "error", err)
		}
		v.lost = true
	}
	return changed
}

func (v *Verifier) fetchKeys(ctx context.Context) (map[string]*key, error) {
	if v.cfg.SecretFile != "" {
		secret, err := ReadSecret(v.cfg.SecretFile)
		if err != nil {
			return nil, err
		}
		return map[string]*key{"": {public: secret, algs: []string{"HS256"}}}, nil
	}
	within, cancel := context.WithTimeout(ctx, fetchWithin)
	defer cancel()
	data, err := fetch(within, v.cfg.Keys)
	if err != nil {
		return nil, err
	}
	return readKeys(data)
}

// ReadSecret reads the secret of HS256. A line break at the end does not count.
func ReadSecret(file string) ([]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	secret := []byte(strings.TrimRight(string(data), "\r\n"))
	if len(secret) < LeastSecret {
		return nil, fmt.Errorf("%s: the secret has %d bytes, it needs %d: make one with openssl rand -hex 32", file, len(secret), LeastSecret)
	}
	return secret, nil
}

func sameKeys(a, b map[string]*key) bool {
	if len(a) != len(b) {
		return false
	}
	for id, k := range a {
		o := b[id]
		if o == nil || !slices.Equal(k.algs, o.algs) || !samePublic(k.public, o.public) {
			return false
		}
	}
	return true
}

func samePublic(a, b any) bool {
	if secret, is := a.([]byte); is {
		other, also := b.([]byte)
		return also && string(secret) == string(other)
	}
	same, is := a.(interface{ Equal(x any) bool })
	if is {
		return same.Equal(b)
	}
	return fmt.Sprint(a) == fmt.Sprint(b)
}

// Check checks a token, and waits for its key for a moment where that is not known. The error wraps [ErrToken], says what to do, and
// does not show the token.
func (v *Verifier) Check(ctx context.Context, text string) (*Token, error) {
	switch {
	case text == "":
		return nil, ErrMissing
	case len(text) > proto.MaxToken:
		return nil, ErrLarge
	}
	var used *key
	parser := jwt.NewParser(jwt.WithoutClaimsValidation())
	_, err := parser.Parse(text, func(t *jwt.Token) (any, error) {
		id, _ := t.Header["kid"].(string)
		if _, critical := t.Header["crit"]; critical {
			return nil, ErrKey
		}
		if used = v.key(ctx, id); used == nil || !slices.Contains(used.algs, t.Method.Alg()) {
			return nil, ErrKey
		}
		return used.public, nil
	})
	switch {
	case used == nil && err == nil, err != nil && used == nil && !isMalformed(err):
		return nil, ErrKey
	case err != nil && isMalformed(err):
		return nil, bad("it is no JSON Web Token: three parts with dots between")
	case err != nil:
		return nil, ErrKey
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
	if err != nil {
		return nil, bad("it is no JSON Web Token: three parts with dots between")
	}
	t, err := v.cfg.read(payload, time.Now())
	if err != nil {
		return nil, err
	}
	if t.Key = used.id; v.revoked.Has(t) {
		return nil, ErrRevoked
	}
	return t, nil
}

// Knows reports whether the key counts still that signed a token.
func (v *Verifier) Knows(t *Token) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.find(t.Key) != nil
}

// key returns the key with an id; where it is not known, after a fetch, at most once in 30 s. A token without an id is checked with
// the only key, if there is one only.
func (v *Verifier) key(ctx context.Context, id string) *key {
	k, over := v.look(id)
	if over == nil {
		return k
	}
	patience := time.NewTimer(waitForKey)
	defer patience.Stop()
	select {
	case <-over:
	case <-patience.C:
	case <-ctx.Done():
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.find(id)
}

// look returns a key that is known, and else, where the keys are read for it, what is closed when that is over.
func (v *Verifier) look(id string) (k *key, over <-chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if k = v.find(id); k != nil {
		return k, nil
	}
	now := time.Now()
	switch {
	case v.read.IsZero() && !v.lost: // the first are being read
		return nil, v.over
	case !v.tried.IsZero() && now.Sub(v.tried) < unknownEach:
		return nil, nil
	}
	v.tried = now
	select {
	case v.wanted <- struct{}{}:
	default:
	}
	return nil, v.over
}

// find returns a key that is known, or nil. With mu held.
func (v *Verifier) find(id string) *key {
	if k := v.keys[id]; k != nil {
		return k
	}
	if (id == "" || v.cfg.SecretFile != "") && len(v.keys) == 1 {
		for _, only := range v.keys {
			return only
		}
	}
	return nil
}

// isMalformed reports whether a token was not even one.
func isMalformed(err error) bool { return strings.Contains(err.Error(), jwt.ErrTokenMalformed.Error()) }
