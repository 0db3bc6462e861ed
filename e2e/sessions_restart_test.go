package e2e_test

import (
	"testing"
	"time"

	"github.com/parley-rtc/parley/e2e/couples"
	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

func TestEveryProcessKilledAndStartedAgainHasRoomsIDsAndOwnersAsBefore(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	d := harness.StartSite(t, nats.URL, 2, 2, nil, nil)
	s := newSite(t, nats.URL, views.Level, d.Gateways...)
	c := newPairs(t, s, sized(t, sessionPairs, 20))
	settleIn(t)
	killed := time.Now()
	var causes []couples.Cause
	for _, g := range d.Gateways {
		causes = append(causes, couples.AtDeath(g.WS(t), killed, couples.HandOver))
	}
	nats.Kill(t)
	for _, p := range append(append([]*harness.Process(nil), d.Gateways...), d.Replicas...) {
		p.Kill(t)
	}
	pause(t, time.Second)
	nats.Again(t)
	harness.AwaitServers(t, []*harness.Server{nats})
	for i := range d.Replicas {
		d.Replicas[i] = d.Replicas[i].Again(t)
		d.Gateways[i] = d.Gateways[i].Again(t)
	}
	for i := range d.Replicas {
		d.Replicas[i].Ready(t)
		d.Gateways[i].Ready(t)
	}
	c.Move(d.URLs(t)...)
	c.Unsaid = true
	c.Live(t, "after everything was killed")
	t.Logf("everybody is live %v after everything was killed", time.Since(killed).Round(time.Millisecond))
	pause(t, 15*time.Second) // by then the gateways that were count as gone
	c.finish(t, func(target, sender *testkit.Session, back testkit.Back) bool {
		return causes[0](target, sender, back) || causes[1](target, sender, back)
	})
	owners(t, c)
}

// owners checks that who has created a room owns it.
func owners(t *testing.T, c *pairs) {
	t.Helper()
	for _, p := range c.All {
		if e := p.Two[1].Do(t, proto.Frame{Name: proto.RoomJoin, Room: p.Room}); e.Name != proto.RoomJoined || e.OwnerID != p.Two[0].ID() {
			t.Errorf("answered %s; the owner was %s", proto.AppendEvent(nil, &e), p.Two[0].ID())
		}
	}
}

func TestOneProcessKilledAndStartedAgainOnItsFilesHasItsSessionsBack(t *testing.T) {
	t.Parallel()
	args := []string{"--data-dir", t.TempDir()}
	p := harness.StartParley(t, args...)
	s := newSite(t, "nats://"+p.Addr(t, "nats"), views.Level, p)
	c := newPairs(t, s, 10)
	pause(t, 2*time.Second)
	killed, url := time.Now(), p.WS(t)
	p.Kill(t)
	again := harness.StartParley(t, append([]string{"--nats-listen", p.Addr(t, "nats")}, args...)...)
	c.Move(again.WS(t))
	c.Unsaid = true
	c.Live(t, "after the kill")
	pause(t, 10*time.Second)
	c.finish(t, couples.AtDeath(url, killed, couples.HandOver))
	owners(t, c)
}

func TestWhoDoesNotComeBackAfterARestartIsRemovedInTheEnd(t *testing.T) {
	t.Parallel()
	args := []string{"--data-dir", t.TempDir()}
	p := harness.StartParley(t, args...)
	s := newSite(t, "nats://"+p.Addr(t, "nats"), views.Level, p)
	awaitSessions(t, s)
	room, keep := fresh(t), 5
	owner := testkit.StartSession(t, s.urls, nil)
	gone := testkit.DialWith(t, s.urls[0], &testkit.Options{Key: testkit.NewKey(), Turn: 1, Keep: &keep})
	want(t, owner.Enter(t, room), proto.RoomCreated)
	want(t, gone.Enter(t, room), proto.RoomJoined)
	killed := time.Now()
	p.Kill(t)
	again := harness.StartParley(t, append([]string{"--nats-listen", p.Addr(t, "nats")}, args...)...)
	owner.Move(again.WS(t))
	truth := newSite(t, "nats://"+again.Addr(t, "nats"), views.Level, again).truth(t)
	harness.AwaitFor(t, 75*time.Second, "the other is removed", func() bool {
		members, _, err := truth.Members(t.Context(), room)
		return err == nil && len(members) == 1 && members[0] == owner.ID()
	})
	took := time.Since(killed)
	t.Logf("it was removed %v after the kill", took.Round(time.Millisecond))
	if took < 5*time.Second {
		t.Errorf("that is before its keep was over")
	}
	left := 0
	harness.Await(t, "the owner hears of it", func() bool {
		left = 0
		for _, r := range owner.All() {
			if r.Name == proto.ClientLeft && r.ID == gone.ID() && r.Reason == proto.MemberLost {
				left++
			}
		}
		return left > 0
	})
	if left != 1 {
		t.Errorf("it was told %d times", left)
	}
}
