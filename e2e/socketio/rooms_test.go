package socketio_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// object is the last argument of an event in a room that was created with one.
type object = map[string]any

func TestARoomCreatedWithAnObjectHasItsPolicyAndSaysWhySomebodyIsGone(t *testing.T) {
	t.Parallel()
	url, _ := start(t)
	n := startNode(t)
	for _, h := range hows() {
		t.Run(h.String(), func(t *testing.T) {
			for _, policy := range []string{"close", "transfer", "stay"} {
				room := h.String() + " " + policy
				a, b, c := n.open(t, h, url, room+" a"), n.open(t, h, url, room+" b"), n.open(t, h, url, room+" c")
				a.emit("room-create", room, object{"onOwnerGone": policy})
				a.want("room-created", room)
				b.emit("room-join", room)
				b.want("room-joined", room, a.id, []proto.ClientID{a.id})
				a.want("client-joined", room, b.id)
				c.emit("room-enter", room)
				c.want("room-joined", room, a.id, []proto.ClientID{a.id, b.id})
				a.want("client-joined", room, c.id)
				b.want("client-joined", room, c.id)
				a.emit("room-leave", room)
				a.want("room-left", room, false)
				if policy == "close" {
					b.want("room-left", room, true, object{"reason": "owner-left"})
					c.want("room-left", room, true, object{"reason": "owner-left"})
					continue
				}
				owner := map[string]proto.ClientID{"transfer": b.id}[policy]
				for _, one := range []*client{b, c} {
					one.wantGone(a.id, owner)
				}
				if policy == "stay" {
					b.emit("room-close", room)
					b.wantError("owner")
					continue
				}
				c.emit("room-close", room)
				c.wantError("owner")
				b.emit("room-close", room)
				b.want("room-left", room, false)
				c.want("room-left", room, true, object{"reason": "closed"})
			}
		})
	}
}

// wantGone takes the next event, which has to be the client-left of an owner that says who owns the room now. That nobody does may be said
// or left out.
func (c *client) wantGone(id, owner proto.ClientID) {
	c.t.Helper()
	h := c.next(c.t, c.name)
	var who proto.ClientID
	var last struct {
		Reason  proto.Reason
		OwnerID proto.ClientID
	}
	if h.Event != "client-left" || len(h.Args) != 3 || json.Unmarshal(h.Args[1], &who) != nil || json.Unmarshal(h.Args[2], &last) != nil ||
		who != id || last.Reason != proto.MemberLeft || last.OwnerID != owner {
		c.t.Fatalf("%s heard %s, expected that the owner %s left and %q owns the room", c.name, h.text(), id, owner)
	}
}

func TestARoomCreatedWithoutAnObjectIsAsItWas(t *testing.T) {
	t.Parallel()
	url, _ := start(t)
	n := startNode(t)
	for _, h := range hows() {
		t.Run(h.String(), func(t *testing.T) {
			room := h.String()
			a, b := n.open(t, h, url, room+" a"), n.open(t, h, url, room+" b")
			a.emit("room-enter", room)
			a.want("room-created", room)
			b.emit("room-enter", room)
			b.want("room-joined", room, a.id, []proto.ClientID{a.id})
			a.want("client-joined", room, b.id)
			b.emit("room-close", room)
			b.wantError("owner")
			b.emit("room-leave", room)
			b.want("room-left", room, false)
			a.want("client-left", room, b.id)
			b.emit("room-join", room)
			b.want("room-joined", room, a.id, []proto.ClientID{a.id})
			a.want("client-joined", room, b.id)
			a.emit("room-close", room)
			a.want("room-left", room, false)
			b.want("room-left", room, true)
			a.emit("room-create", room, object{"onOwnerGone": "perhaps"})
			a.wantError("onOwnerGone", "bad-request")
		})
	}
}

// A session on the plain transport is away, and comes back, in a room with clients of Socket.IO.
func TestASignalToAnAwaySessionIsAcknowledgedAsHeldAndDelivered(t *testing.T) {
	t.Parallel()
	url, p := start(t)
	n := startNode(t)
	const room = "held"
	key := testkit.NewKey()
	plain := testkit.DialWith(t, p.WS(t), &testkit.Options{Key: key, Turn: 1})
	a := n.open(t, how{version: 4}, url, room)
	a.emit("room-create", room)
	a.want("room-created", room)
	if e := plain.Join(t, room); e.Name != proto.RoomJoined {
		t.Fatalf("answered %+v", e)
	}
	a.want("client-joined", room, plain.ID())
	data := object{"x": float64(1)}
	if answer := a.ack("signal-send", room, plain.ID(), data); answer["event"] != "signal-sent" {
		t.Fatalf("acknowledged with %v", answer)
	}
	plain.Expect(t, proto.SignalReceive)
	noted := plain.Heard(room)
	plain.Abort()
	sent := []string{}
	harness.Await(t, "a signal is held", func() bool {
		answer := a.ack("signal-send", room, plain.ID(), data)
		sent = append(sent, answer["event"].(string))
		return slices.Contains(sent, "signal-held")
	})
	back := testkit.DialWith(t, p.WS(t), &testkit.Options{Key: key, Turn: 2})
	if e := back.Resume(t, room, noted); e.Name != proto.Resumed {
		t.Fatalf("answered %+v", e)
	}
	for range sent { // also what was sent before the end was noticed
		if r := back.Expect(t, proto.SignalReceive); r.SenderID != a.id {
			t.Fatalf("heard %s", r.Raw)
		}
	}
	if r := back.Expect(t, proto.Live); len(r.Lost) != 0 {
		t.Errorf("heard %s", r.Raw)
	}
	a.emit("room-leave", room)
	n.await(t, a.name, func(got heard) bool { return got.Event == "room-left" }) // who is away and back was said before
	if r := back.Expect(t, proto.RoomLeft); r.Reason != proto.OwnerLeft {
		t.Errorf("heard %s", r.Raw)
	}
}
