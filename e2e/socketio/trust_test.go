package socketio_test

import (
	"strings"
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
)

// as returns the same way to connect, with a token.
func (h how) as(token string) how {
	h.token = token
	return h
}

// hears fails the test unless the client hears an event next whose text has all of the parts.
func (c *client) hears(name string, parts ...string) {
	c.t.Helper()
	got := c.next(c.t, c.name)
	for _, part := range parts {
		if got.Event != name || !strings.Contains(got.text(), part) {
			c.t.Fatalf("%s heard %s, expected %s with %s", c.name, got.text(), name, part)
		}
	}
}

// answered fails the test unless a request is acknowledged with an event, or an error of a code.
func (c *client) answered(outcome string, args ...any) {
	c.t.Helper()
	got := c.ack(args...)
	if got["event"] != outcome && got["code"] != outcome {
		c.t.Fatalf("%s: %v is answered %v, expected %s", c.name, args, got, outcome)
	}
}

// TestTokensAndModerationOnSocketIO has stock clients show tokens, hear names, be locked out, knock, come in and be removed, through two
// gateways without stickiness.
func TestTokensAndModerationOnSocketIO(t *testing.T) {
	t.Parallel()
	secret := harness.NewSecret(t)
	at := balance(t, secret.Args...)
	n := startNode(t)
	all := harness.Grants{"*": {"create", "join"}}
	// Records have room for names once all replicas are known to know of them.
	early := n.open(t, how{version: 4, token: secret.Token(t, "early", all)}, at, "early")
	early.answered("room-created", "room-create", "early")
	harness.Await(t, "moderation is known to all replicas", func() bool {
		return early.ack("room-update", "early", map[string]any{"locked": true})["event"] == "room-updated"
	})
	for _, h := range hows() {
		t.Run(h.String(), func(t *testing.T) {
			room := h.String()
			bad := n.begin(t, h.as("a.b.c"), at, room+" bad")
			refused := map[bool]string{true: "#error", false: "#connect_error"}[h.version == 2]
			if got := n.await(t, bad.name, func(e heard) bool { return e.Event == refused }); !strings.Contains(got.text(), "no JSON Web Token") {
				t.Errorf("a bad token: %s", got.text())
			}
			a, b := n.open(t, h.as(secret.Token(t, "ann", all)), at, room+" a"), n.open(t, h.as(secret.Token(t, "bob", all)), at, room+" b")
			a.answered("room-created", "room-create", room)
			harness.Await(t, "moderation is known to all replicas", func() bool {
				return a.ack("room-update", room, map[string]any{"locked": true, "knock": true})["event"] == "room-updated"
			})
			a.emit("room-update", room, map[string]any{"maxMembers": 5}) // an acknowledgement takes along what came before it
			a.hears("room-updated", `"locked":true`, `"knock":true`, `"maxMembers":5`, `"by":"`+string(a.id)+`"`)
			a.hears("room-updated", `"maxMembers":5`) // the answer
			b.answered("locked", "room-join", room)
			b.answered("forbidden", "room-kick", room, map[string]any{"targetId": a.id})
			b.answered("knock-pending", "room-knock", room, map[string]any{"meta": map[string]any{"note": "hi"}})
			a.want("client-knocked", room, b.id, ordered(`{"user":"user bob","claims":{"name":"Name of bob"},"meta":{"note":"hi"}}`))
			a.answered("client-admitted", "room-admit", room, map[string]any{"targetId": b.id})
			b.want("knock-admitted", room)
			b.emit("room-join", room, map[string]any{"meta": map[string]any{"hand": false}})
			b.hears("room-joined", `["`+string(a.id)+`"]`, `"locked":true`, `"members":[{"id":"`+string(a.id)+`","user":"user ann"`)
			a.want("client-joined", room, b.id, ordered(`{"user":"user bob","claims":{"name":"Name of bob"},"meta":{"hand":false}}`))
			a.emit("room-kick", room, map[string]any{"targetId": b.id, "message": "calm down"})
			b.want("room-left", room, true, ordered(`{"reason":"kicked","message":"calm down"}`))
			a.want("client-left", room, b.id, ordered(`{"reason":"kicked"}`))
			a.want("client-kicked", room, b.id)
			b.answered("forbidden", "room-join", room)
			b.emit("token", secret.Token(t, "bob", all))
			b.want("token-accepted")
			b.answered("unauthorized", "token", secret.Token(t, "ann", all))
			for _, one := range []*client{a, b, bad} {
				n.do(t, map[string]any{"do": "close", "client": one.name})
			}
		})
	}
}

// ordered is JSON whose members stand in this order.
type ordered string

// MarshalJSON implements json.Marshaler.
func (o ordered) MarshalJSON() ([]byte, error) { return []byte(o), nil }
