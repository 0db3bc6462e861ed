package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// twoGateways starts two gateways and two replicas that record sessions as resumable.
func twoGateways(t *testing.T, gatewayArgs ...string) *site {
	t.Helper()
	s := twoByTwo(t, gatewayArgs...)
	awaitSessions(t, s)
	return s
}

// keyed connects a session's turn.
func keyed(t *testing.T, url string, key *[proto.KeySize]byte, turn int64) *client {
	t.Helper()
	return testkit.DialWith(t, url, &testkit.Options{Key: key, Turn: turn})
}

func TestAPublicIDWithoutItsKeyIsGoodForNothing(t *testing.T) {
	t.Parallel()
	s := twoGateways(t)
	owner, member := keyed(t, s.urls[0], testkit.NewKey(), 1), keyed(t, s.urls[1], testkit.NewKey(), 1)
	room, other := fresh(t), fresh(t)
	fill(t, room, owner, member)
	strangers := []*client{s.dial(t), keyed(t, s.urls[0], testkit.NewKey(), 7), keyed(t, s.urls[1], testkit.NewKey(), 1<<31)}
	fill(t, other, strangers...)
	for _, c := range strangers {
		for _, frame := range []string{
			`{"event":"resume","room":%[1]q,"seq":0,"heard":{%[2]q:0},"id":%[2]q,"clientId":%[2]q,"turn":9,"ref":"r"}`,
			`{"event":"resume","room":%[1]q,"seq":0,"heard":{},"fresh":true,"senderId":%[2]q,"ref":"r"}`,
			`{"event":"signal-send","room":%[1]q,"targetId":%[3]q,"senderId":%[2]q,"clientId":%[2]q,"data":1,"n":9,"ref":"r"}`,
			`{"event":"room-leave","room":%[1]q,"id":%[2]q,"clientId":%[2]q,"ref":"r"}`,
			`{"event":"room-close","room":%[1]q,"ownerId":%[2]q,"clientId":%[2]q,"ref":"r"}`,
		} {
			frame = fmt.Sprintf(frame, room, owner.ID(), member.ID())
			if err := c.SendText(t.Context(), frame); err != nil {
				t.Fatal(err)
			}
			r := c.Expect(t, proto.NotInRoom, proto.Error)
			if strings.Contains(string(r.Raw), string(member.ID())) {
				t.Errorf("%s learns %s", frame, r.Raw)
			}
			if r.Name == proto.Error && r.Code != proto.CodeBadRequest { // resume is for sessions with a key
				t.Errorf("%s is answered %s", frame, r.Raw)
			}
		}
	}
	// In a room that they share, a stranger's signal bears the stranger's id.
	want(t, member.Join(t, other), proto.RoomJoined)
	text := fmt.Sprintf(`{"event":"signal-send","room":%q,"targetId":%q,"senderId":%q,"data":1}`, other, member.ID(), owner.ID())
	if err := strangers[1].SendText(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	if r := member.Expect(t, proto.SignalReceive); r.SenderID != strangers[1].ID() {
		t.Errorf("heard %s", r.Raw)
	}
	owner.Quiet(t)
	member.Quiet(t)
	if err := s.truth(t).Compare(t.Context(), room, ids(owner, member)); err != nil {
		t.Error(err)
	}
}

func TestAKeyUsedTwiceAtOnceHasOneConnectionInEachRoom(t *testing.T) {
	t.Parallel()
	s := twoGateways(t)
	owner, key, room := keyed(t, s.urls[0], testkit.NewKey(), 1), testkit.NewKey(), fresh(t)
	first := keyed(t, s.urls[0], key, 1)
	fill(t, room, owner, first)
	// With the same turn, at the same gateway and at another.
	if c, err := testkit.Open(t.Context(), s.urls[0], &testkit.Options{Key: key, Turn: 1}); err == nil {
		t.Cleanup(c.Close)
		wantOusted(t, c)
	}
	same := keyed(t, s.urls[1], key, 1)
	if err := same.Send(t.Context(), first.Heard(room).Frame(room, false)); err != nil {
		t.Fatal(err)
	}
	wantOusted(t, same)
	want(t, first.Signal(t, room, owner.ID(), `1`), proto.SignalSent)
	owner.Expect(t, proto.SignalReceive)
	// A later turn that has not resumed is in no room; another change waits for that.
	later := keyed(t, s.urls[1], key, 2)
	want(t, later.Signal(t, room, owner.ID(), `2`), proto.NotInRoom)
	for _, e := range []proto.Event{later.Join(t, room), later.Enter(t, room), later.Create(t, room), later.Leave(t, room), later.CloseRoom(t, room)} {
		wantCode(t, e, proto.CodeResumeFirst)
	}
	owner.Quiet(t)
	want(t, later.Resume(t, room, first.Heard(room)), proto.Resumed)
	later.Expect(t, proto.Live)
	wantOusted(t, first)
	backOf(t, owner)
	// An earlier one gets nothing.
	earlier := keyed(t, s.urls[0], testkit.NewKey(), 1)
	earlier.Close()
	third := keyed(t, s.urls[0], key, 3)
	want(t, third.Resume(t, room, later.Heard(room)), proto.Resumed)
	wantOusted(t, later)
	backOf(t, owner)
	if err := s.truth(t).Compare(t.Context(), room, ids(owner, third)); err != nil {
		t.Error(err)
	}
	third.Expect(t, proto.Live)
	owner.Quiet(t)
}

func TestASessionsConnectionsAreTwentyInTenSeconds(t *testing.T) {
	t.Parallel()
	s := onePlace(t)
	key, limit := testkit.NewKey(), 0
	for turn := int64(1); turn <= 40 && limit == 0; turn++ {
		c, err := testkit.Open(t.Context(), s.urls[0], &testkit.Options{Key: key, Turn: turn})
		if err != nil {
			if websocket.CloseStatus(err) != websocket.StatusTryAgainLater {
				t.Fatalf("connection %d: %v", turn, err)
			}
			limit = int(turn)
			break
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if code, _, err := c.CloseCode(ctx); err == nil {
			if code != websocket.StatusTryAgainLater {
				t.Fatalf("connection %d is closed with %d", turn, code)
			}
			limit = int(turn)
		}
		cancel()
		c.Abort()
	}
	if limit != 21 {
		t.Errorf("connection %d is the first to be told to try again later", limit)
	}
	s.dial(t) // others are served
}

func TestAnAddressThatFillsItsPartOfTheStoreLeavesOthersTheirs(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	d := harness.StartSite(t, nats.URL, 1, 1, []string{"--trusted-proxy", "127.0.0.1/32", "--max-kept", "1048576", "--rate", "0"}, nil)
	s := newSite(t, nats.URL, views.Level, d.Gateways...)
	awaitSessions(t, s)
	dial := func(addr string) *client {
		return testkit.DialWith(t, s.urls[0], &testkit.Options{
			Key: testkit.NewKey(), Turn: 1, Header: http.Header{"X-Forwarded-For": {addr}},
		})
	}
	room := fresh(t)
	owner, greedy, other := dial("192.0.2.9"), dial("192.0.2.1"), dial("192.0.2.2")
	here, away1, away2 := dial("192.0.2.3"), dial("192.0.2.4"), dial("192.0.2.5")
	fill(t, room, owner, greedy, other, here, away1, away2)
	away1.Abort()
	away2.Abort()
	data := `"` + strings.Repeat("x", 4000) + `"`
	held := 0
	for {
		e := greedy.Signal(t, room, []*client{away1, away2}[held%2].ID(), data)
		if e.Name == proto.SignalSent && held == 0 {
			continue // the gateway has not noticed yet
		}
		if e.Name != proto.SignalHeld {
			wantCode(t, e, proto.CodeUnavailable)
			break
		}
		if held++; held > 300 {
			t.Fatalf("%d signals of 4 kB are held of an eighth of 1 MiB", held)
		}
	}
	t.Logf("%d signals of 4 kB are held of one address", held)
	if held < 10 {
		t.Error("those are too few")
	}
	want(t, greedy.Signal(t, room, here.ID(), `1`), proto.SignalSent) // unkept, as to a client without a session
	for _, target := range []*client{away1, away2} {
		want(t, other.Signal(t, room, target.ID(), `2`), proto.SignalHeld)
	}
	want(t, other.Signal(t, room, here.ID(), `3`), proto.SignalSent)
	for _, data := range []string{`1`, `3`} {
		limit, cancel := context.WithTimeout(t.Context(), harness.Patience)
		if r, err := here.Await(limit, proto.SignalReceive); err != nil || string(r.Data) != data {
			t.Errorf("heard %s, %v", r.Raw, err)
		}
		cancel()
	}
}
