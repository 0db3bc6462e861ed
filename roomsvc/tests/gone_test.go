package roomsvc_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	dto "github.com/prometheus/client_model/go"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc"
	"github.com/parley-rtc/parley/roomsvc/internal/inside"
	"github.com/parley-rtc/parley/testkit"
)

// soon lets silence count after a second of running, not only after six.
func soon(c *roomsvc.Config) { inside.Of(c).Grace = time.Second }

func TestMembersOfAKilledGatewayAreRemovedAndToldOnce(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	one, two := start(t, n, soon), start(t, n, soon)
	stays, dies := newAsker(t, n), newAsker(t, n)
	ann, bob, eve := proto.NewClientID(), proto.NewClientID(), proto.NewClientID()
	expect(t, stays.create("kept", ann), proto.RoomCreated)
	expect(t, dies.join("kept", bob), proto.RoomJoined)
	expect(t, stays.join("kept", eve), proto.RoomJoined)
	expect(t, dies.create("closed", bob), proto.RoomCreated)
	expect(t, stays.join("closed", eve), proto.RoomJoined)
	settled := time.After(1500 * time.Millisecond)
	<-settled // both replicas have run for long enough for silence to count

	killed := time.Now()
	dies.die()
	testkit.WaitFor(t, "the members to be removed", func() bool {
		kept, closed := stays.heardOf("kept"), stays.heardOf("closed")
		return len(kept) == 4 && len(closed) == 2
	})
	took := time.Since(killed)
	t.Logf("removed after %v", took)
	if took < 2500*time.Millisecond || took > 8*time.Second {
		t.Errorf("removed after %v, expected some 3 to 4 s", took)
	}
	left := stays.heardOf("kept")[3]
	if left.Name != proto.ClientLeft || left.ID != bob {
		t.Errorf("heard %+v", left)
	}
	closed := stays.heardOf("closed")[1]
	if closed.Name != proto.RoomClosed || closed.Reason != proto.OwnerLost {
		t.Errorf("heard %+v", closed)
	}
	expectClients(t, expect(t, stays.roster("kept"), proto.Roster), ann, eve)
	expect(t, stays.roster("closed"), proto.RoomNotExists)
	if removed := value(t, one, "removed_members_total") + value(t, two, "removed_members_total"); removed != 2 {
		t.Errorf("%v members were removed, expected 2", removed)
	}
}

func TestAReplicaThatIsOutOfTouchRemovesNobody(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	sieve, change := newRequestSieve(n)
	start(t, n, change, soon, func(c *roomsvc.Config) { inside.Of(c).NoResponders = 500 * time.Millisecond })
	stays, dies := newAsker(t, n), newAsker(t, n)
	ann, bob := proto.NewClientID(), proto.NewClientID()
	expect(t, stays.create("r", ann), proto.RoomCreated)
	expect(t, dies.join("r", bob), proto.RoomJoined)
	<-time.After(time.Second) // it has heard from the journal's leader
	sieve.set(func(_ string, p []byte) verdict { return verdict{hold: isInfo(p)} })
	<-time.After(4 * time.Second) // for as long as a leader is believed
	dies.die()
	<-time.After(4 * time.Second)
	if events := stays.heardOf("r"); len(events) != 2 {
		t.Fatalf("heard %+v", events)
	}
	sieve.release()
	testkit.WaitFor(t, "the member to be removed", func() bool { return len(stays.heardOf("r")) == 3 })
}

func TestAReplicaThatMayNotAskWhetherItIsInTouchCountsAsInTouch(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t, testkit.Listen(), testkit.Configure(func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "all"},
			{Username: "less", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"$JS.>"}}}},
		}
		o.NoAuthUser = "all"
	}))
	start(t, n, soon, func(c *roomsvc.Config) {
		c.Options, c.JournalServers = []nats.Option{nats.UserInfo("less", "")}, n.URL()
	})
	stays, dies := newAsker(t, n), newAsker(t, n)
	expect(t, stays.create("r", proto.NewClientID()), proto.RoomCreated)
	expect(t, dies.join("r", proto.NewClientID()), proto.RoomJoined)
	<-time.After(1500 * time.Millisecond) // for silence to count
	dies.die()
	testkit.WaitFor(t, "the member to be removed", func() bool { return len(stays.heardOf("r")) == 3 })
}

func TestMembersOfAGatewayThatSaysItLeavesAreRemovedAtOnce(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	start(t, n)
	stays, leaves := newAsker(t, n), newAsker(t, n)
	ann, bob := proto.NewClientID(), proto.NewClientID()
	expect(t, stays.create("r", ann), proto.RoomCreated)
	expect(t, leaves.join("r", bob), proto.RoomJoined)
	leaves.die()
	leaves.beat(proto.Leaving)
	began := time.Now()
	testkit.WaitFor(t, "the member to be removed", func() bool { return len(stays.heardOf("r")) == 3 })
	if took := time.Since(began); took > time.Second {
		t.Errorf("removed after %v", took)
	}
}

func TestAllMembersOfAGatewayThatIsGoneAreRemovedWithoutWaitingForAnotherLook(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	start(t, n, func(c *roomsvc.Config) { inside.Of(c).Sweep = time.Hour })
	stays, leaves := newAsker(t, n), newAsker(t, n)
	ann := proto.NewClientID()
	expect(t, stays.create("r", ann), proto.RoomCreated)
	for range 6 { // of 100: more than are removed at a time
		var joins []<-chan proto.Event
		for range 100 {
			joins = append(joins, leaves.send(request{
				op: proto.OpJoin, id: proto.NewRequestID(), Request: proto.Request{Room: "r", ClientID: proto.NewClientID()},
			}))
		}
		for _, joined := range joins {
			expect(t, <-joined, proto.RoomJoined)
		}
	}
	leaves.die()
	leaves.beat(proto.Leaving)
	testkit.WaitFor(t, "the members to be removed", func() bool {
		return slices.Equal(stays.roster("r").Clients, []proto.ClientID{ann})
	})
}

func TestAfterARestartMembersOfGatewaysThatAreGoneAreRemoved(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	one := start(t, n)
	dies, stays := newAsker(t, n), newAsker(t, n)
	ann, bob := proto.NewClientID(), proto.NewClientID()
	expect(t, stays.create("r", ann), proto.RoomCreated)
	expect(t, dies.join("r", bob), proto.RoomJoined)
	one.stop()
	dies.die()
	start(t, n, soon)
	testkit.WaitFor(t, "the member to be removed", func() bool {
		e := stays.roster("r")
		return slices.Equal(e.Clients, []proto.ClientID{ann})
	})
}

func TestASignalToAGatewayThatDoesNotBeatIsUnavailableAtOnce(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	start(t, n)
	g, mute := newAsker(t, n), newAsker(t, n)
	ann, bob := proto.NewClientID(), proto.NewClientID()
	expect(t, g.create("r", ann), proto.RoomCreated)
	expect(t, mute.join("r", bob), proto.RoomJoined)
	expect(t, g.signal("r", ann, bob, 1), proto.SignalSent)
	mute.mu.Lock()
	mute.silent, mute.mute = true, true
	mute.mu.Unlock()
	testkit.WaitFor(t, "the signal to be refused", func() bool {
		r := request{op: proto.OpSignal, Request: proto.Request{
			Room: "r", ClientID: ann, TargetID: bob, N: 2, Data: []byte(`{}`),
		}}
		select {
		case e := <-g.send(r):
			return e.Name == proto.Error && e.Code == proto.CodeUnavailable
		case <-time.After(100 * time.Millisecond):
			return false
		}
	})
	// It is alive all the same: it answers, and so keeps its members.
	<-time.After(4 * time.Second)
	expectClients(t, expect(t, g.roster("r"), proto.Roster), ann, bob)
}

func TestChecksTellEachGatewayItsMembersAndNoRoomTwice(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	often := func(c *roomsvc.Config) { inside.Of(c).Check = 300 * time.Millisecond }
	one, two := start(t, n, often), start(t, n, often)
	g, other := newAsker(t, n), newAsker(t, n)
	testkit.WaitFor(t, "the replicas to know each other", func() bool {
		return value(t, one, "replicas") == 2 && value(t, two, "replicas") == 2
	})
	want := map[proto.Room]proto.Event{}
	ann, bob := proto.NewClientID(), proto.NewClientID()
	for _, room := range []proto.Room{"a", "b", "c", "d", "e", "f", "g", "h i"} {
		expect(t, g.ask(request{op: proto.OpCreate, id: "made", Request: proto.Request{Room: room, ClientID: ann}}), proto.RoomCreated)
		want[room] = expect(t, other.join(room, bob), proto.RoomJoined)
	}
	seen := map[proto.Room]proto.ReplicaID{}
	testkit.WaitFor(t, "checks of every room", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, c := range g.checks {
			for _, r := range c.Rooms {
				if r.Seq == want[r.Room].Seq {
					seen[r.Room] = c.Replica
					if len(r.Members) != 1 || r.Members[0].ID != ann || r.Members[0].Request != "made" {
						t.Fatalf("checked %+v", r)
					}
				}
			}
		}
		return len(seen) == len(want)
	})
	for room, by := range seen {
		if first := proto.First([]proto.ReplicaID{one.ID(), two.ID()}, room.Token()); by != first {
			t.Errorf("%s was checked by a replica that does not rank first", room)
		}
	}
}

func TestChangesAreToldAgainAfterAReconnection(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	requests, _, change := cables(n)
	r := start(t, n, change)
	g := newAsker(t, n)
	ann, bob := proto.NewClientID(), proto.NewClientID()
	expect(t, g.create("r", ann), proto.RoomCreated)
	// The join is carried out, and nobody hears of it.
	ears := testkitStream(t, n)
	requests.lose(true, false)
	g.send(request{op: proto.OpJoin, id: "join", Request: proto.Request{Room: "r", ClientID: bob}})
	testkit.WaitFor(t, "the join to be committed", func() bool { return ears() == 2 })
	requests.sever()
	if len(g.heardOf("r")) != 1 {
		t.Fatal("the join was told")
	}
	requests.mend()
	testkit.WaitFor(t, "the join to be told", func() bool { return len(g.heardOf("r")) == 2 })
	if value(t, r, "retold_total") == 0 {
		t.Error("nothing was counted as told again")
	}
}

func TestAnotherReplicaTellsWhatADeadOneCommittedAndDidNotTell(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	requests, journal, change := cables(n)
	dies := start(t, n, change)
	start(t, n, soon)
	g, other := newAsker(t, n), newAsker(t, n)
	ann, bob := proto.NewClientID(), proto.NewClientID()
	expect(t, g.create("r", ann), proto.RoomCreated)
	expect(t, other.join("r", bob), proto.RoomJoined)
	ears := testkitStream(t, n)
	// Its gateway has no member there after the leave, and has to hear of it.
	requests.lose(true, false)
	g.send(request{
		op: proto.OpLeave, id: "leave", to: g.subjects.Replica(dies.ID(), proto.OpLeave),
		Request: proto.Request{Room: "r", ClientID: bob},
	})
	testkit.WaitFor(t, "the leave to be committed", func() bool { return ears() == 3 })
	requests.sever()
	journal.sever()
	killed := time.Now()
	testkit.WaitFor(t, "the leave to be told", func() bool {
		return len(g.heardOf("r")) == 3 && len(other.heardOf("r")) == 2
	})
	t.Logf("told again after %v", time.Since(killed))
	if event := other.heardOf("r")[1]; event.Name != proto.ClientLeft || event.ID != bob {
		t.Errorf("told %+v", event)
	}
}

// value returns a replica's metric, summed over its labels.
func value(t *testing.T, r *replica, name string) float64 {
	t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, f := range families {
		if f.GetName() != "parley_roomsvc_"+name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += number(m)
		}
		return sum
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

func number(m *dto.Metric) float64 {
	switch {
	case m.GetCounter() != nil:
		return m.GetCounter().GetValue()
	case m.GetGauge() != nil:
		return m.GetGauge().GetValue()
	}
	return float64(m.GetHistogram().GetSampleCount())
}
