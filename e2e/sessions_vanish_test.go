package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-rtc/parley/e2e/couples"
	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// astray is a session that has a connection of an earlier turn at one gateway, and is about to come back by another.
type astray struct {
	site  *site
	first *harness.Process // the gateway of the earlier turn
	way   *harness.Proxy   // to it
	other string           // where the later turn connects

	key         *[proto.KeySize]byte
	old, member *client
	room, its   proto.Room // of the member; of the session
}

// stray starts two gateways and two replicas, and somebody on the second, in whose room the session is, and who is in the session's own.
func stray(t *testing.T) *astray {
	t.Helper()
	nats := harness.StartNATS(t)
	d := harness.StartSite(t, nats.URL, 2, 2, nil, nil)
	a := &astray{site: newSite(t, nats.URL, views.Level, d.Gateways...), first: d.Gateways[0], other: d.Gateways[1].WS(t)}
	awaitSessions(t, a.site)
	a.way = harness.StartProxy(t, a.first.Addr(t, "clients"))
	a.fresh(t)
	return a
}

// fresh makes the session, the member and their rooms anew.
func (a *astray) fresh(t *testing.T) {
	t.Helper()
	a.key = testkit.NewKey()
	a.old = a.dial(t, "ws://"+a.way.Addr()+"/ws", 1)
	a.member = a.dialAs(t, testkit.NewKey(), a.other, 1)
	a.room, a.its = fresh(t), fresh(t)
	fill(t, a.room, a.member, a.old)
	fill(t, a.its, a.old, a.member)
}

// dial connects the session.
func (a *astray) dial(t *testing.T, url string, turn int64) *client {
	t.Helper()
	return a.dialAs(t, a.key, url, turn)
}

func (a *astray) dialAs(t *testing.T, key *[proto.KeySize]byte, url string, turn int64) *client {
	t.Helper()
	return testkit.DialWith(t, url, &testkit.Options{Key: key, Turn: turn})
}

// resume has a later turn come back to both rooms.
func (a *astray) resume(t *testing.T, turn int64) *client {
	t.Helper()
	later := a.dial(t, a.other, turn)
	for _, room := range []proto.Room{a.room, a.its} {
		want(t, later.Resume(t, room, a.old.Heard(room)), proto.Resumed)
		if e := later.Expect(t, proto.Live); e.Room != room || len(e.Lost) > 0 {
			t.Errorf("heard %s", e.Raw)
		}
		if r := backOf(t, a.member); r.ID != later.ID() || r.Room != room || r.FreshBack {
			t.Errorf("heard %s", r.Raw)
		}
	}
	return later
}

// lateWords are what the earlier turn has sent and its gateway reads late.
func (a *astray) lateWords(t *testing.T) {
	t.Helper()
	for _, f := range []proto.Frame{
		{Name: proto.SignalSend, Room: a.room, TargetID: a.member.ID(), Data: []byte(`"late"`)},
		{Name: proto.RoomLeave, Room: a.room},
		{Name: proto.RoomClose, Room: a.its},
		{Name: proto.RoomEnter, Room: a.its + "-elsewhere"},
		{Name: proto.RoomLeave, Room: a.its},
	} {
		if err := a.old.Send(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
}

// backOf takes the next client-back. That the client is away may have been said before.
func backOf(t *testing.T, c *client) testkit.Received {
	t.Helper()
	for {
		if r := c.Expect(t, proto.ClientBack, proto.ClientAway); r.Name == proto.ClientBack {
			return r
		}
	}
}

// unchanged checks that the later turn is in its rooms, as the owner of its own, and that the member has heard nothing of the earlier one;
// or only a signal that came before any of the later turn.
func (a *astray) unchanged(t *testing.T, later *client, lateSignal bool) {
	t.Helper()
	truth := a.site.truth(t)
	for room, members := range map[proto.Room][]proto.ClientID{a.room: ids(a.member, later), a.its: ids(later, a.member)} {
		if err := truth.Compare(t.Context(), room, members); err != nil {
			t.Error(err)
		}
	}
	want(t, later.Signal(t, a.room, a.member.ID(), `"new"`), proto.SignalSent)
	r := a.member.Expect(t, proto.SignalReceive)
	if string(r.Data) == `"late"` && lateSignal {
		r = a.member.Expect(t, proto.SignalReceive)
	}
	if string(r.Data) != `"new"` {
		t.Errorf("heard %s", r.Raw)
	}
	want(t, a.member.Signal(t, a.its, later.ID(), `"back"`), proto.SignalSent)
	if r := later.Expect(t, proto.SignalReceive); string(r.Data) != `"back"` {
		t.Errorf("heard %s", r.Raw)
	}
	a.member.Quiet(t)
	later.Quiet(t)
}

// wantOusted waits until a connection has been closed because its session was resumed elsewhere.
func wantOusted(t *testing.T, c *client) {
	t.Helper()
	limit, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	if code, reason, err := c.CloseCode(limit); err != nil || code != proto.CloseResumed || reason != proto.CloseResumedReason {
		t.Errorf("closed with %d %q, %v", code, reason, err)
	}
}

func TestWhatAVanishedConnectionSaysLateChangesNothing(t *testing.T) {
	t.Parallel()
	a := stray(t)
	a.way.Stall()
	a.lateWords(t)
	later := a.resume(t, 2)
	a.way.Heal()
	wantOusted(t, a.old)
	a.unchanged(t, later, false)
	truth := a.site.truth(t)
	harness.Await(t, "what the earlier turn has made elsewhere is gone", func() bool {
		members, _, err := truth.Members(t.Context(), a.its+"-elsewhere")
		return err == nil && !slices.Contains(members, later.ID())
	})
}

// The gateway sleeps; when it wakes, what the earlier turn has said and the news of the later one both wait for it.
func TestWhatAGatewayReadsTogetherWithTheNewsOfALaterTurnChangesNothing(t *testing.T) {
	t.Parallel()
	a := stray(t)
	for range 5 {
		a.first.Pause(t)
		a.lateWords(t)
		later := a.resume(t, 2)
		a.first.Resume(t)
		wantOusted(t, a.old)
		a.unchanged(t, later, true)
		a.fresh(t)
	}
}

func TestTheEndOfKeepAtAnEarlierGatewayChangesNothing(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	d := harness.StartSite(t, nats.URL, 2, 2, nil, nil)
	s := newSite(t, nats.URL, views.Level, d.Gateways...)
	awaitSessions(t, s)
	owner := testkit.DialWith(t, s.urls[1], &testkit.Options{Key: testkit.NewKey(), Turn: 1})
	room, key, keep := fresh(t), testkit.NewKey(), 2
	old := testkit.DialWith(t, s.urls[0], &testkit.Options{Key: key, Turn: 1, Keep: &keep})
	fill(t, room, owner, old)
	old.Abort() // the first gateway knows: it is away, and leaves when 2 s are over
	later := testkit.DialWith(t, s.urls[1], &testkit.Options{Key: key, Turn: 2})
	want(t, later.Resume(t, room, old.Heard(room)), proto.Resumed)
	later.Expect(t, proto.Live)
	backOf(t, owner)
	pause(t, 4*time.Second)
	if err := s.truth(t).Compare(t.Context(), room, ids(owner, later)); err != nil {
		t.Error(err)
	}
	owner.Quiet(t)
	later.Quiet(t)
}

// In the other order the earlier turn has left, and there is nothing to come back to.
func TestWhatAVanishedConnectionSaysBeforeTheResumptionCounts(t *testing.T) {
	t.Parallel()
	a := stray(t)
	a.way.Stall()
	if err := a.old.Send(t.Context(), proto.Frame{Name: proto.RoomLeave, Room: a.room}); err != nil {
		t.Fatal(err)
	}
	a.way.Heal()
	if r := a.member.Expect(t, proto.ClientLeft); r.ID != a.old.ID() || r.Reason != proto.MemberLeft && r.Reason != "" {
		t.Errorf("heard %s", r.Raw)
	}
	later := a.dial(t, a.other, 2)
	want(t, later.Resume(t, a.room, testkit.Heard{Seq: 1}), proto.NotInRoom)
	want(t, later.Resume(t, a.its, a.old.Heard(a.its)), proto.Resumed)
	wantOusted(t, a.old)
	later.Expect(t, proto.Live)
	backOf(t, a.member)
	if err := a.site.truth(t).Compare(t.Context(), a.its, ids(later, a.member)); err != nil {
		t.Error(err)
	}
	a.member.Quiet(t)
}

// Each either has left, and does not come back, or has come back, and does not leave.
func TestALeaveAndAResumptionAtOnceHaveOneOutcome(t *testing.T) {
	t.Parallel()
	a := stray(t)
	back, left := 0, 0
	for i := range 40 {
		a.fresh(t)
		later := a.dial(t, a.other, 2)
		heard := a.old.Heard(a.room)
		if err := a.old.Send(t.Context(), proto.Frame{Name: proto.RoomLeave, Room: a.room}); err != nil {
			t.Fatal(err)
		}
		pause(t, time.Duration(i%8)*100*time.Microsecond)
		e := later.Resume(t, a.room, heard)
		members := ids(a.member)
		switch e.Name {
		case proto.Resumed:
			back++
			members = append(members, later.ID())
			backOf(t, a.member)
		case proto.NotInRoom:
			left++
			a.member.Expect(t, proto.ClientLeft)
		default:
			t.Fatalf("answered %s", proto.AppendEvent(nil, &e))
		}
		if err := a.site.truth(t).Compare(t.Context(), a.room, members); err != nil {
			t.Error(err)
		}
		a.member.Quiet(t)
		later.Close()
		a.old.Abort()
	}
	t.Logf("%d came back, %d had left", back, left)
}

// The packets vanish between hosts: no end of a connection reaches anybody.
func TestASessionWhosePacketsVanishComesBackThroughAnotherGateway(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	d := harness.StartSite(t, nats.URL, 2, 2, nil, nil)
	s := newSite(t, nats.URL, views.Level, d.Gateways...)
	awaitSessions(t, s)
	way := harness.StartProxy(t, strings.TrimSuffix(strings.TrimPrefix(s.urls[0], "ws://"), "/ws"))
	room := fresh(t)
	sender := testkit.StartSession(t, s.urls[1:], &testkit.SessionOptions{Numbers: true})
	target := testkit.StartSession(t, []string{"ws://" + way.Addr() + "/ws", s.urls[1]}, nil)
	want(t, sender.Enter(t, room), proto.RoomCreated)
	want(t, target.Enter(t, room), proto.RoomJoined)
	way.Stall()
	for i := range 20 { // they stand in the queue of a connection that is still believed in: confirmed, and heard by nobody
		if !sender.Send(room, target.ID(), fmt.Sprintf(`{"candidate":%d}`, i+1)) {
			t.Fatal("not sent")
		}
	}
	harness.Await(t, "they are confirmed", func() bool { return sender.Level(room) })
	broken := time.Now()
	target.Break()
	harness.Await(t, "the target is back", func() bool { return target.LiveSince(room, broken) && target.Level(room) })
	way.Heal()
	var sum couples.Tally
	sum.Flow(t, room, sender, target, couples.Never)
	if sum.Confirmed != 20 || sum.Missing != 0 {
		t.Errorf("%d are confirmed, %d of them missing", sum.Confirmed, sum.Missing)
	}
	for _, turn := range target.Turns()[1:] {
		if !turn.Until.IsZero() {
			t.Errorf("a later connection ended: %+v", turn)
		}
	}
}
