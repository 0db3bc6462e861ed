// Package ice says by which STUN and TURN servers clients reach each other, and makes the credentials that TURN servers take: those of a
// shared secret, as coturn's use-auth-secret has them (draft-uberti-behave-turn-rest-00).
package ice

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what TURN servers compare with
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// Config is which servers there are.
type Config struct {
	STUN   []string      // URLs: stun:host, stuns:host:port
	TURN   []string      // URLs: turn:host, turns:host:port?transport=tcp
	Secret []byte        // shared with the TURN servers
	TTL    time.Duration // for how long credentials count; 10 minutes
}

// defaultTTL is how long credentials count: a call that is up goes on when they expire.
const defaultTTL = 10 * time.Minute

// ErrSecret is wrapped by what [ReadSecret] returns.
var ErrSecret = errors.New("secret of the TURN servers")

// minSecret is the least that nobody guesses.
const minSecret = 16

// ReadSecret reads the secret out of a file; spaces and line ends around it do not count.
func ReadSecret(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSecret, err)
	}
	secret := strings.TrimSpace(string(text))
	if len(secret) < minSecret {
		return nil, fmt.Errorf("%w: %s holds %d bytes, and %d are needed at least", ErrSecret, file, len(secret), minSecret)
	}
	return []byte(secret), nil
}

// CheckURL returns an error, which says what to write, for what is no URL of a STUN (or of a TURN) server.
func CheckURL(text string, turn bool) error {
	kinds, example := []string{"stun", "stuns"}, "stun:stun.example.org:3478"
	if turn {
		kinds, example = []string{"turn", "turns"}, "turn:turn.example.org:3478?transport=udp"
	}
	u, err := url.Parse(text)
	wrong := fmt.Errorf("is no such URL: set it to one such as %s", example)
	if err != nil || u.Opaque == "" || u.Scheme != kinds[0] && u.Scheme != kinds[1] || u.Fragment != "" {
		return wrong
	}
	host, port := u.Opaque, ""
	if h, p, err := net.SplitHostPort(host); err == nil {
		host, port = h, p
	}
	if _, err := strconv.ParseUint(port, 10, 16); port != "" && err != nil || strings.Trim(host, "[]") == "" || strings.ContainsAny(host, "/@ ") {
		return wrong
	}
	query := u.RawQuery
	if turn && (query == "transport=udp" || query == "transport=tcp") {
		query = ""
	}
	if query != "" {
		return wrong
	}
	return nil
}

// Open are those that need no credentials; nil where there are no servers at all.
func (c *Config) Open() []proto.ICEServer {
	if c == nil || len(c.STUN)+len(c.TURN) == 0 {
		return nil
	}
	servers := []proto.ICEServer{}
	if len(c.STUN) > 0 {
		servers = append(servers, proto.ICEServer{URLs: c.STUN})
	}
	return servers
}

// For returns all servers, with credentials for whoever is called so.
func (c *Config) For(name string, now time.Time) *proto.More {
	servers := c.Open()
	if servers == nil {
		return &proto.More{ICEServers: []proto.ICEServer{}}
	}
	ttl := c.TTL
	if ttl <= 0 {
		ttl = defaultTTL
	}
	if len(c.TURN) > 0 {
		username, credential := Credentials(c.Secret, name, now.Add(ttl))
		servers = append(servers, proto.ICEServer{URLs: c.TURN, Username: username, Credential: credential})
	}
	return &proto.More{ICEServers: servers, TTL: int64(ttl / time.Second)}
}

// Credentials returns what a TURN server takes from whoever is called so, until they expire. The name is percent-encoded: coturn answers
// nobody whose name has a space or a quotation mark.
func Credentials(secret []byte, name string, expires time.Time) (username, credential string) {
	username = strconv.FormatInt(expires.Unix(), 10) + ":" + url.PathEscape(name)
	return username, Password(secret, username)
}

// Password is what belongs to a username of [Credentials].
func Password(secret []byte, username string) string {
	mac := hmac.New(sha1.New, secret)
	_, _ = mac.Write([]byte(username)) // it never fails
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
