package ice

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// The vector was made with: printf 1700000000:ann | openssl dgst -sha1 -hmac sixteen-bytes-at-least -binary | base64
func TestCredentialsAreThoseOfTURNServersWithASecret(t *testing.T) {
	t.Parallel()
	username, credential := Credentials([]byte("sixteen-bytes-at-least"), "ann", time.Unix(1700000000, 0))
	if username != "1700000000:ann" || credential != "SSXzG3TLgtdLKPGkZFNNebgl1XY=" {
		t.Errorf("%s %s", username, credential)
	}
}

func TestANameThatTURNServersRefuseIsEncoded(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"ann@example.org": "1:ann@example.org", "Ann Lee": "1:Ann%20Lee", `o'"\`: "1:o%27%22%5C", "Zoë\n": "1:Zo%C3%AB%0A",
	} {
		if username, _ := Credentials(nil, name, time.Unix(1, 0)); username != want {
			t.Errorf("%q is %s, expected %s", name, username, want)
		}
	}
}

func TestServersAreToldWithCredentialsWhereTheyNeedThem(t *testing.T) {
	t.Parallel()
	now := time.Unix(1700000000, 0)
	stun, turn := []string{"stun:a"}, []string{"turn:b", "turns:b?transport=tcp"}
	username, credential := Credentials([]byte("s"), "ann", now.Add(time.Minute))
	for name, c := range map[string]struct {
		config *Config
		open   []proto.ICEServer
		all    []proto.ICEServer
		ttl    int64
	}{
		"none":    {nil, nil, []proto.ICEServer{}, 0},
		"nothing": {&Config{}, nil, []proto.ICEServer{}, 0},
		"STUN":    {&Config{STUN: stun}, []proto.ICEServer{{URLs: stun}}, []proto.ICEServer{{URLs: stun}}, 600},
		"TURN": {
			&Config{TURN: turn, Secret: []byte("s"), TTL: time.Minute},
			[]proto.ICEServer{},
			[]proto.ICEServer{{URLs: turn, Username: username, Credential: credential}},
			60,
		},
		"both": {
			&Config{STUN: stun, TURN: turn, Secret: []byte("s"), TTL: time.Minute},
			[]proto.ICEServer{{URLs: stun}},
			[]proto.ICEServer{{URLs: stun}, {URLs: turn, Username: username, Credential: credential}},
			60,
		},
	} {
		if open := c.config.Open(); !reflect.DeepEqual(open, c.open) {
			t.Errorf("%s: open are %+v", name, open)
		}
		if all := c.config.For("ann", now); !reflect.DeepEqual(all.ICEServers, c.all) || all.TTL != c.ttl {
			t.Errorf("%s: all are %+v, for %d s", name, all.ICEServers, all.TTL)
		}
	}
}

func TestURLsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"stun:a", "stun:a:3478", "stuns:[2001:db8::1]:5349", "stun:192.0.2.1"} {
		if err := CheckURL(good, false); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, good := range []string{"turn:a", "turns:a:5349?transport=tcp", "turn:a:3478?transport=udp"} {
		if err := CheckURL(good, true); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "a", "stun", "stun:", "stun://a", "turn:a", "stun:a:99999", "stun:a?transport=udp", "http:a", "stun:a b", "stun:u@a", "stun:a#b"} {
		if err := CheckURL(bad, false); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	for _, bad := range []string{"stun:a", "turn:a?transport=sctp", "turn:a?x=y", "turn:"} {
		if err := CheckURL(bad, true); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestASecretIsReadFromAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if _, err := ReadSecret(file); !errors.Is(err, ErrSecret) {
		t.Errorf("%v", err)
	}
	for text, ok := range map[string]bool{" sixteen-bytes-at-least\n": true, "short": false, "": false} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		secret, err := ReadSecret(file)
		if (err == nil) != ok || ok && string(secret) != "sixteen-bytes-at-least" {
			t.Errorf("%q: %q, %v", text, secret, err)
		}
	}
}
