package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

func TestResumingAgainAndAgainChangesNothing(t *testing.T) {
	t.Parallel()
	s := twoGateways(t)
	owner, key, room := keyed(t, s.urls[0], testkit.NewKey(), 1), testkit.NewKey(), fresh(t)
	first := keyed(t, s.urls[1], key, 1)
	fill(t, room, owner, first)
	heard := first.Heard(room)
	first.Abort()
	second := keyed(t, s.urls[0], key, 2)
	for range 50 { // on one connection
		if err := second.Send(t.Context(), heard.Frame(room, false)); err != nil {
			break // it was closed
		}
	}
	limit, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	if _, err := second.Await(limit, proto.Resumed); err != nil {
		t.Fatal(err)
	}
	for turn := int64(3); turn < 15; turn++ { // and on one after the other
		c := keyed(t, s.urls[turn%2], key, turn)
		want(t, c.Resume(t, room, heard), proto.Resumed)
		heard = c.Heard(room)
		c.Abort()
	}
	last := keyed(t, s.urls[1], key, 20)
	want(t, last.Resume(t, room, heard), proto.Resumed)
	last.Expect(t, proto.Live)
	want(t, owner.Signal(t, room, last.ID(), `1`), proto.SignalSent)
	last.Expect(t, proto.SignalReceive)
	for _, r := range owner.All() {
		if r.Name == proto.ClientLeft || r.Name == proto.RoomLeft || r.Name == proto.ClientJoined && r.ID != first.ID() {
			t.Errorf("heard %s", r.Raw)
		}
	}
	if err := s.truth(t).Compare(t.Context(), room, ids(owner, last)); err != nil {
		t.Error(err)
	}
}

func TestResumingTenThousandRoomsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	s := twoGateways(t, "--rate", "0")
	owner, member := keyed(t, s.urls[0], testkit.NewKey(), 1), keyed(t, s.urls[0], testkit.NewKey(), 1)
	room := fresh(t)
	fill(t, room, owner, member)
	c := keyed(t, s.urls[0], testkit.NewKey(), 2)
	const rooms = 10_000
	sent := make(chan error, 1)
	go func() { // the test waits for it below
		for i := range rooms {
			f := testkit.Heard{Seq: uint64(i)}.Frame(proto.Room(fmt.Sprintf("nowhere-%d", i)), i%2 == 0)
			if err := c.Send(t.Context(), f); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	var longest time.Duration
	answered := func() (n int) {
		for _, r := range c.All() {
			if r.Name == proto.NotInRoom {
				n++
			} else if r.Name != proto.Connected {
				t.Fatalf("heard %s", r.Raw)
			}
		}
		return n
	}
	for deadline := time.Now().Add(90 * time.Second); answered() < rooms && time.Now().Before(deadline); {
		start := time.Now()
		want(t, owner.Signal(t, room, member.ID(), `1`), proto.SignalSent)
		member.Expect(t, proto.SignalReceive)
		longest = max(longest, time.Since(start))
		pause(t, 50*time.Millisecond)
	}
	if err := <-sent; err != nil || answered() != rooms {
		t.Errorf("%d are answered, %v", answered(), err)
	}
	t.Logf("the longest signal of others took %v", longest)
	if longest > time.Second {
		t.Error("that is too long")
	}
}

func TestNonsenseInHeardIsItsSendersMatterAlone(t *testing.T) {
	t.Parallel()
	s := twoGateways(t)
	owner, key, room := keyed(t, s.urls[0], testkit.NewKey(), 1), testkit.NewKey(), fresh(t)
	member := keyed(t, s.urls[1], key, 1)
	fill(t, room, owner, member)
	third := keyed(t, s.urls[1], testkit.NewKey(), 1)
	want(t, third.Join(t, room), proto.RoomJoined)
	owner.Expect(t, proto.ClientJoined)
	member.Expect(t, proto.ClientJoined)
	var many strings.Builder
	for i := range 1500 {
		fmt.Fprintf(&many, `"%024d":%d,`, i, i)
	}
	turn := int64(1)
	for _, heard := range []string{ // well formed: the room is resumed
		`{}`, `{"nobody":5}`, `{"":1}`, fmt.Sprintf(`{%q:-1}`, owner.ID()), fmt.Sprintf(`{%q:9007199254740991}`, owner.ID()),
		fmt.Sprintf(`{%q:9223372036854775807}`, owner.ID()), fmt.Sprintf(`{%q:-9223372036854775808}`, owner.ID()),
		fmt.Sprintf(`{%q:3}`, member.ID()), `{` + many.String() + `"x":1}`,
	} {
		turn++
		member.Abort()
		member = keyed(t, s.urls[turn%2], key, turn)
		text := fmt.Sprintf(`{"event":"resume","room":%q,"seq":18446744073709551615,"heard":%s,"ref":"x"}`, room, heard)
		if err := member.SendText(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		e, err := member.Answer(t.Context(), "x")
		if err != nil || e.Name != proto.Resumed && e.Code != proto.CodeBadRequest {
			t.Fatalf("%.100s is answered %s, %v", heard, proto.AppendEvent(nil, &e), err)
		}
		if e.Name == proto.Error {
			want(t, member.Resume(t, room, testkit.Heard{}), proto.Resumed)
		}
		member.Expect(t, proto.Live)
		backOf(t, owner)
		backOf(t, third)
	}
	for _, heard := range []string{
		`null`, `[]`, `"x"`, `1`, `{"a":"1"}`, `{"a":1.5}`, `{"a":null}`, `{"a":{}}`, `{"a":1,"a":2}`, `{"a":1e999}`, `{"a":99999999999999999999}`,
	} {
		if err := member.SendText(t.Context(), fmt.Sprintf(`{"event":"resume","room":"x","seq":0,"heard":%s,"ref":"y%s"}`, heard,
			strings.Repeat("y", len(heard)))); err != nil {
			t.Fatal(err)
		}
		e, err := member.Answer(t.Context(), "y"+strings.Repeat("y", len(heard)))
		if err != nil || e.Code != proto.CodeBadRequest && e.Name != proto.NotInRoom {
			t.Errorf("%s is answered %s, %v", heard, proto.AppendEvent(nil, &e), err)
		}
	}
	// Others' signals are as they were.
	want(t, owner.Signal(t, room, third.ID(), `1`), proto.SignalSent)
	if r := third.Expect(t, proto.SignalReceive); r.SenderID != owner.ID() {
		t.Errorf("heard %s", r.Raw)
	}
	owner.Quiet(t)
	if err := s.truth(t).Compare(t.Context(), room, ids(owner, member, third)); err != nil {
		t.Error(err)
	}
}
