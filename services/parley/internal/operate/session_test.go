package operate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
)

// The gateway says who of a room's members is away. Where it says nothing, nobody is known to be.
func TestRoomShowsSessionsAndWhatBecomesOfIt(t *testing.T) {
	t.Parallel()
	w := one(t)
	ann, bob, eve := proto.NewClientID(), proto.NewClientID(), proto.NewClientID()
	for _, q := range []struct {
		op proto.Op
		proto.Request
	}{
		{proto.OpEnter, proto.Request{ClientID: ann, Turn: 3, Keep: 30, Policy: proto.PolicyStay}},
		{proto.OpEnter, proto.Request{ClientID: bob, Turn: 1, Keep: 15}},
		{proto.OpEnter, proto.Request{ClientID: eve}},
	} {
		q.Room = "lobby"
		if e := w.ask(q.op, q.Request); e.Name != proto.RoomCreated && e.Name != proto.RoomJoined {
			t.Fatalf("%+v", e)
		}
	}
	members := func() string {
		_, text, _ := strings.Cut(w.parley("room", "lobby").ok(t), "Members")
		return text
	}
	if got, want := members(), fmt.Sprintf("   3\n      1   %s  turn 3, kept 30 s\n      2   %s  turn 1, kept 15 s\n      3   %s\n", ann, bob, eve); got != want {
		t.Errorf("printed:\n%s\nexpected:\n%s", got, want)
	}
	if _, err := w.nc.Subscribe(w.subjects.GatewayAway(gatewayID), func(m *nats.Msg) {
		_ = m.Respond([]byte(`{"clients":["` + string(bob) + `"]}`))
	}); err != nil {
		t.Fatal(err)
	}
	if err := w.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := members(); !strings.Contains(got, string(bob)+"  turn 1, kept 15 s, away\n") || strings.Count(got, "away") != 1 {
		t.Errorf("printed:\n%s", got)
	}
	if e := w.ask(proto.OpLeave, proto.Request{Room: "lobby", ClientID: ann}); e.Name != proto.RoomLeft {
		t.Fatalf("%+v", e)
	}
	text := w.parley("room", "lobby").ok(t)
	if !strings.Contains(text, "Owner     nobody\n") || !strings.Contains(text, "Policy    stay: when its owner is gone, it goes on without one\n") {
		t.Errorf("printed:\n%s", text)
	}
	v := decode[roomView](t, w.parley("room", "lobby", "--json").ok(t))
	if len(v.Sessions) != 1 || v.Sessions[bob] != (sessionView{gatewayID, 1, 15, true}) || v.Policy != proto.PolicyStay || v.OwnerID != "" {
		t.Errorf("%+v", v)
	}
	if text := w.parley("rooms").ok(t); !strings.Contains(text, "nobody") {
		t.Errorf("printed:\n%s", text)
	}
}

func TestWhoAnEventIsAboutAndWhy(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]proto.Event{
		"c2":                 {Name: proto.ClientJoined, ID: "c2"},
		"c2  left":           {Name: proto.ClientLeft, ID: "c2", Reason: proto.MemberLeft},
		"c2  lost  owner c3": {Name: proto.ClientLeft, ID: "c2", Reason: proto.MemberLost, OwnerID: "c3"},
		"c2  fresh":          {Name: proto.ClientBack, ID: "c2", FreshBack: true},
		"c1  owner-lost":     {Name: proto.RoomClosed, OwnerID: "c1", Reason: proto.OwnerLost},
		"c5  lost":           {Name: proto.RoomClosed, ID: "c5", Reason: proto.MemberLost},
		"c1":                 {Name: proto.RoomCreated, OwnerID: "c1"},
	} {
		if got := who(&e); got != want {
			t.Errorf("%q, expected %q", got, want)
		}
	}
}
