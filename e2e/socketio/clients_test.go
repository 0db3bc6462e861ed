package socketio_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// start starts everything in one process and returns where clients find it.
func start(t *testing.T, args ...string) (url string, p *harness.Process) {
	t.Helper()
	p = harness.StartParley(t, args...)
	return "http://" + p.Addr(t, "clients"), p
}

func TestEveryEventWithItsArgumentsAndNoMore(t *testing.T) {
	t.Parallel()
	url, _ := start(t)
	n := startNode(t)
	for _, h := range hows() {
		t.Run(h.String(), func(t *testing.T) {
			everyEvent(t, n, h, url, h.String())
		})
	}
}

func everyEvent(t *testing.T, n *node, h how, url, room string) {
	t.Helper()
	a, b, c := n.open(t, h, url, room+" a"), n.open(t, h, url, room+" b"), n.open(t, h, url, room+" c")
	none := []string{}

	a.emit("room-join", room)
	a.want("room-not-exists", room)
	a.emit("room-leave", room)
	a.want("not-in-room", room)
	a.emit("room-create", room)
	a.want("room-created", room)
	b.emit("room-create", room)
	b.want("room-exists", room)
	a.emit("room-join", room)
	a.want("room-joined", room, a.id, none)
	b.emit("room-join", room)
	b.want("room-joined", room, a.id, []proto.ClientID{a.id})
	a.want("client-joined", room, b.id)
	c.emit("signal-send", room, a.id, map[string]any{})
	c.want("not-in-room", room)
	c.emit("room-join", room)
	c.want("room-joined", room, a.id, []proto.ClientID{a.id, b.id})
	a.want("client-joined", room, c.id)
	b.want("client-joined", room, c.id)

	description := map[string]any{"description": map[string]any{"type": "offer", "sdp": "v=0\r\né🚋\u2028"}}
	a.emit("signal-send", room, b.id, description)
	b.want("signal-receive", room, a.id, description)
	b.emit("signal-send", room, a.id, map[string]any{}, "extra", "arguments")
	a.want("signal-receive", room, b.id, map[string]any{})
	a.emit("signal-send", room, "nobody-of-that-id-at-all", description)
	a.want("target-not-found", room, "nobody-of-that-id-at-all")
	a.emit("signal-send", room, a.id, description)
	a.wantError("")
	a.emit("signal-send", room, b.id)
	a.wantError(`"data"`)
	a.emit("room-join", strings.Repeat("r", 129))
	a.wantError("room name")
	a.emit("no-such-event", room)
	a.wantError("no-such-event")

	c.emit("room-leave", room)
	c.want("room-left", room, false)
	a.want("client-left", room, c.id)
	b.want("client-left", room, c.id)
	a.emit("room-leave", room)
	a.want("room-left", room, false)
	b.want("room-left", room, true)
	for _, one := range []*client{a, b, c} {
		n.do(t, map[string]any{"do": "close", "client": one.name})
	}
}

// wantError takes the next event, which has to be an error with one argument: a sentence with that text in it. Where the request had an
// object, there is another, with the code that is given.
func (c *client) wantError(part string, code ...string) {
	c.t.Helper()
	h := c.next(c.t, c.name)
	var message string
	if len(code) == 1 {
		if len(h.Args) != 2 {
			c.t.Fatalf("%s heard %s, expected an error with an object", c.name, h.text())
		}
		var more struct{ Code string }
		if json.Unmarshal(h.Args[1], &more) != nil || more.Code != code[0] {
			c.t.Fatalf("%s heard %s, expected an error with %s", c.name, h.text(), code[0])
		}
		h.Args = h.Args[:1]
	}
	if h.Event != "error" || len(h.Args) != 1 || json.Unmarshal(h.Args[0], &message) != nil || message == "" ||
		!strings.Contains(message, part) {
		c.t.Fatalf("%s heard %s, expected an error with %q", c.name, h.text(), part)
	}
}

func TestEventsEmittedBeforeTheConnectionStandsAreDelivered(t *testing.T) {
	t.Parallel()
	url, _ := start(t)
	n := startNode(t)
	for _, h := range hows() {
		t.Run(h.String(), func(t *testing.T) {
			room := h.String()
			c := n.begin(t, h, url, room, []any{"room-create", room}, []any{"room-join", room}, []any{"room-leave", room})
			c.connected()
			c.want("room-created", room)
			c.want("room-joined", room, c.id, []string{})
			c.want("room-left", room, false)
		})
	}
}

// TestABurstBeforeTheConnectionStandsIsDelivered: clients 2 and 3 post all of it at once, on polling.
func TestABurstBeforeTheConnectionStandsIsDelivered(t *testing.T) {
	t.Parallel()
	url, _ := start(t)
	n := startNode(t)
	const nobody = "nobody-of-that-id-at-all"
	candidate := map[string]any{"candidate": map[string]any{"candidate": strings.Repeat("c", 450)}}
	for _, h := range hows() {
		t.Run(h.String(), func(t *testing.T) {
			room := h.String()
			emits := [][]any{{"room-create", room}}
			for range 998 {
				emits = append(emits, []any{"signal-send", room, nobody, candidate})
			}
			c := n.begin(t, h, url, room, append(emits, []any{"room-leave", room})...)
			c.connected()
			c.want("room-created", room)
			for range 998 {
				c.want("target-not-found", room, nobody)
			}
			c.want("room-left", room, false)
		})
	}
}

func TestABinaryArgumentIsRefusedAndTheSessionStays(t *testing.T) {
	t.Parallel()
	url, _ := start(t)
	n := startNode(t)
	binary := map[string]any{"$binary": "AAECHv8="}
	for _, h := range hows() {
		t.Run(h.String(), func(t *testing.T) {
			room := h.String()
			a, b := n.open(t, h, url, room+" a"), n.open(t, h, url, room+" b")
			a.emit("room-create", room)
			a.want("room-created", room)
			b.emit("room-join", room)
			b.want("room-joined", room, a.id, []proto.ClientID{a.id})
			a.want("client-joined", room, b.id)
			for _, data := range []any{
				binary, map[string]any{"deep": []any{1, map[string]any{"er": binary}}}, []any{binary, binary, binary},
			} {
				answer := a.ack("signal-send", room, b.id, data)
				if message, _ := answer["message"].(string); !strings.Contains(message, "binary") ||
					answer["event"] != "error" || answer["code"] != "bad-request" || answer["room"] != room {
					t.Fatalf("acknowledged with %v", answer)
				}
				a.emit("signal-send", room, b.id, data)
				a.wantError("binary")
			}
			a.emit("room-join", binary)
			a.wantError("binary")
			// It is the same session, and the members have not noticed.
			a.emit("signal-send", room, b.id, map[string]any{"x": 1})
			b.want("signal-receive", room, a.id, map[string]any{"x": 1})
			a.emit("room-leave", room)
			a.want("room-left", room, false)
			b.want("room-left", room, true)
		})
	}
}

func TestAcknowledgementsCarryTheAnswerAsAnObject(t *testing.T) {
	t.Parallel()
	url, _ := start(t)
	n := startNode(t)
	for _, h := range hows() {
		t.Run(h.String(), func(t *testing.T) {
			room := h.String()
			a, b := n.open(t, h, url, room+" a"), n.open(t, h, url, room+" b")
			check := func(answer map[string]any, want string) {
				t.Helper()
				delete(answer, "seq")
				if answer["event"] == "error" {
					delete(answer, "message")
				}
				if b, _ := json.Marshal(answer); string(b) != want {
					t.Fatalf("acknowledged with %s, expected %s", b, want)
				}
			}
			check(a.ack("room-create", room), fmt.Sprintf(`{"event":"room-created","room":%q}`, room))
			check(b.ack("room-join", room), fmt.Sprintf(`{"clients":[%q],"event":"room-joined","ownerId":%[1]q,"room":%[2]q}`,
				a.id, room))
			a.want("client-joined", room, b.id)
			check(a.ack("signal-send", room, b.id, map[string]any{"x": 1}),
				fmt.Sprintf(`{"event":"signal-sent","room":%q,"targetId":%q}`, room, b.id))
			b.want("signal-receive", room, a.id, map[string]any{"x": 1})
			check(b.ack("room-join", 7), fmt.Sprintf(`{"code":"bad-request","event":"error","senderId":%q}`, b.id))
			check(b.ack("room-leave", room), fmt.Sprintf(`{"event":"room-left","kicked":false,"room":%q}`, room))
			a.want("client-left", room, b.id)
			a.emit("room-leave", room) // the acknowledged answers came as nothing else
			a.want("room-left", room, false)
			b.emit("room-leave", room)
			b.want("not-in-room", room)
		})
	}
}

func TestHoweverAConnectionEndsTheOthersHear(t *testing.T) {
	t.Parallel()
	url, p := start(t)
	watcher := startNode(t)
	for _, h := range hows() {
		t.Run(h.String(), func(t *testing.T) {
			t.Parallel()
			room := h.String()
			w := watcher.open(t, how{version: 4}, url, room+" watcher")
			w.emit("room-create", room)
			w.want("room-created", room)
			join := func(n *node, url, name string) *client {
				t.Helper()
				c := n.open(t, h, url, name)
				c.emit("room-join", room)
				c.want("room-joined", room, w.id, []proto.ClientID{w.id})
				w.want("client-joined", room, c.id)
				return c
			}
			n := startNode(t)
			c := join(n, url, "disconnects")
			n.do(t, map[string]any{"do": "close", "client": "disconnects"})
			w.want("client-left", room, c.id)

			proxy := harness.StartProxy(t, p.Addr(t, "clients"))
			c = join(n, "http://"+proxy.Addr(), "is cut off")
			n.do(t, map[string]any{"do": "settle", "client": c.name})
			n.await(t, c.name, func(h heard) bool { return h.Event == "#settled" })
			proxy.Cut() // while a poll is under way: between two, only the heartbeat would tell
			w.want("client-left", room, c.id)
			c.await(t, c.name, func(h heard) bool { return h.Event == "#disconnect" })
			proxy.Heal()
			before := c.id
			c.connected()
			if c.id == before {
				t.Fatal("the client came back under its old id")
			}

			c = join(n, url, "is killed")
			n.do(t, map[string]any{"do": "settle", "client": c.name})
			n.await(t, c.name, func(h heard) bool { return h.Event == "#settled" })
			n.kill()
			w.want("client-left", room, c.id)
		})
	}
}

// TestSignalsKeepTheirOrderAcrossTheUpgrade has clients send and receive from the moment that they are connected, while
// they upgrade.
func TestSignalsKeepTheirOrderAcrossTheUpgrade(t *testing.T) {
	t.Parallel()
	url, _ := start(t, "--rate", "0")
	n := startNode(t)
	for _, version := range []int{2, 3, 4} {
		for round := range 3 {
			t.Run(fmt.Sprintf("version%d/%d", version, round), func(t *testing.T) {
				room := t.Name()
				owner := n.open(t, how{version: 4, transports: []string{"websocket"}}, url, room+" owner")
				owner.emit("room-create", room)
				owner.want("room-created", room)
				c := n.begin(t, how{version: version}, url, room+" c", []any{"room-join", room})
				c.connected()
				c.want("room-joined", room, owner.id, []proto.ClientID{owner.id})
				owner.want("client-joined", room, c.id)
				burst := func(from, to *client) {
					n.do(t, map[string]any{
						"do": "burst", "client": from.name, "room": room, "target": to.id, "from": 0, "count": 200,
					})
				}
				burst(c, owner)
				burst(owner, c)
				for i := range 200 {
					owner.want("signal-receive", room, c.id, map[string]any{"i": i, "pad": "é🚋"})
					c.want("signal-receive", room, owner.id, map[string]any{"i": i, "pad": "é🚋"})
				}
				c.emit("room-leave", room)
				c.want("room-left", room, false)
				owner.want("client-left", room, c.id)
			})
		}
	}
}

func TestDefaultOptionsEndOnAWebSocket(t *testing.T) {
	t.Parallel()
	url, _ := start(t)
	n := startNode(t)
	for _, version := range []int{2, 3, 4} {
		n.open(t, how{version: version}, url, fmt.Sprint(version)).upgraded()
	}
}

func TestVersionsAndTransportsMeetInOneRoom(t *testing.T) {
	t.Parallel()
	url, p := start(t)
	n := startNode(t)
	const room = "all of them"
	plain := testkit.Dial(t, p.WS(t))
	plain.Create(t, room)
	two, four := n.open(t, how{version: 2}, url, "two"), n.open(t, how{version: 4}, url, "four")
	two.emit("room-join", room)
	two.want("room-joined", room, plain.ID(), []proto.ClientID{plain.ID()})
	if r := plain.Expect(t, proto.ClientJoined); r.ID != two.id {
		t.Fatalf("heard %s", r.Raw)
	}
	four.emit("room-join", room)
	four.want("room-joined", room, plain.ID(), []proto.ClientID{plain.ID(), two.id})
	two.want("client-joined", room, four.id)
	if r := plain.Expect(t, proto.ClientJoined); r.ID != four.id {
		t.Fatalf("heard %s", r.Raw)
	}
	data := map[string]any{"candidate": map[string]any{"sdpMid": "0"}}
	four.emit("signal-send", room, two.id, data)
	two.want("signal-receive", room, four.id, data)
	two.emit("signal-send", room, plain.ID(), data)
	if r := plain.Expect(t, proto.SignalReceive); r.SenderID != two.id || string(r.Data) != `{"candidate":{"sdpMid":"0"}}` {
		t.Fatalf("heard %s", r.Raw)
	}
	if e := plain.Signal(t, room, four.id, `{ "spaces" : "stay" }`); e.Name != proto.SignalSent {
		t.Fatalf("%+v", e)
	}
	four.want("signal-receive", room, plain.ID(), map[string]any{"spaces": "stay"})
	plain.Close()
	two.want("room-left", room, true)
	four.want("room-left", room, true)
}

func TestOtherNamespacesAreRefused(t *testing.T) {
	t.Parallel()
	url, _ := start(t)
	n := startNode(t)
	n.begin(t, how{version: 4}, url+"/admin", "admin")
	h := n.await(t, "admin", func(h heard) bool { return h.Event == "#connect_error" })
	if !strings.Contains(h.text(), "Invalid namespace") {
		t.Fatal(h.text())
	}
}
