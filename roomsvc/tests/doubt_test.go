package roomsvc_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc"
	"github.com/parley-rtc/parley/roomsvc/internal/inside"
	"github.com/parley-rtc/parley/testkit"
)

// doubtSoon shortens how long doubt takes.
func doubtSoon(c *roomsvc.Config) {
	inside.Of(c).Doubt, inside.Of(c).Unsettled = 50*time.Millisecond, 300*time.Millisecond
}

func TestAReplicaIsNotReadyWhileTheJournalStoresNothing(t *testing.T) {
	t.Parallel()
	var opts *server.Options
	n := testkit.StartNATS(t, testkit.Configure(func(o *server.Options) { o.JetStreamMaxStore, opts = 4<<10, o }))
	one := start(t, n, onFiles, doubtSoon)
	two := start(t, n, onFiles, doubtSoon)
	g := newAsker(t, n)
	at := func(r *replica, i int) proto.Event {
		return g.ask(request{op: proto.OpCreate, to: g.subjects.Replica(r.ID(), proto.OpCreate), timeout: time.Second, Request: proto.Request{
			Room: proto.Room(fmt.Sprintf("room-%d", i)), ClientID: proto.NewClientID(),
		}})
	}
	made := 0
	for ; at(one, made).Name == proto.RoomCreated; made++ {
	}
	if made == 0 {
		t.Fatal("not one room was made")
	}
	testkit.WaitFor(t, "the replica not to be ready", func() bool { return one.Ready() != nil })
	if err := one.Ready(); !strings.Contains(err.Error(), "stores nothing") || one.Unsettled() == 0 {
		t.Errorf("%v after %v", err, one.Unsettled())
	}
	if err := two.Ready(); err != nil {
		t.Errorf("a replica that was asked nothing: %v", err)
	}
	opts.JetStreamMaxStore = 1 << 20
	n.Restart()
	testkit.WaitFor(t, "the replica to be ready by itself", func() bool { return one.Ready() == nil })
	if one.Unsettled() != 0 {
		t.Errorf("nothing was stored for %v", one.Unsettled())
	}
	expect(t, at(two, made+1), proto.RoomCreated)
	// Probes are no rooms, and nobody is told of any.
	for _, r := range []*replica{one, two} {
		testkit.WaitFor(t, "the replica to know the rooms", func() bool { return value(t, r, "rooms") == float64(made+1) })
		if skipped := value(t, r, "skipped_records_total"); skipped != 0 {
			t.Errorf("%v records were skipped", skipped)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range g.events {
		if strings.HasPrefix(string(e.Room), "probe-") {
			t.Errorf("heard %+v", e)
		}
	}
}

func TestAReplicaThatDistrustsItsJournalIsReadyOnceAnAppendIsStored(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	_, journal, change := cables(n)
	r := start(t, n, change)
	last := testkitStream(t, n)
	journal.lose(true, false)
	r.Distrust()
	testkit.WaitFor(t, "the replica not to be ready", func() bool { return r.Ready() != nil })
	journal.lose(false, false)
	testkit.WaitFor(t, "the replica to be ready", func() bool { return r.Ready() == nil })
	if last() == 0 {
		t.Error("it is ready and nothing was stored")
	}
}

// An idle journal is not written to, and one that answers late is not one that stores nothing.
func TestAHealthyJournalIsNotProbed(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	leader, change := newSieve(n)
	start(t, n, change, func(c *roomsvc.Config) { inside.Of(c).Doubt = 500 * time.Millisecond })
	g := newAsker(t, n)
	last := testkitStream(t, n)
	for i := range 20 {
		expect(t, g.create(proto.Room(fmt.Sprint("r", i)), proto.NewClientID()), proto.RoomCreated)
	}
	if last := last(); last != 20 {
		t.Errorf("the last sequence is %d, expected 20", last)
	}
	leader.set(holdAnswers)
	answer := g.send(request{op: proto.OpCreate, id: "late", Request: proto.Request{Room: "late", ClientID: proto.NewClientID()}})
	testkit.WaitFor(t, "the feed to bring the room", func() bool { return leader.count("parley.journal.late") >= 1 })
	leader.release()
	expect(t, <-answer, proto.RoomCreated)
	if last := last(); last != 21 {
		t.Errorf("the last sequence is %d, expected 21", last)
	}
}

func TestAnElectionDoesNotMakeAReplicaUnready(t *testing.T) {
	t.Parallel()
	c := testkit.StartCluster(t, 3)
	r := start(t, c.Servers[0], onFiles, func(cfg *roomsvc.Config) { cfg.Replicas, cfg.Servers = 3, c.URL() })
	g := newAsker(t, c.Servers[0])
	expect(t, g.create("r", proto.NewClientID()), proto.RoomCreated)
	js, err := jetstream.New(c.Servers[0].Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), "PARLEY")
	if err != nil {
		t.Fatal(err)
	}
	lead := s.CachedInfo().Cluster.Leader
	for _, one := range c.Servers[1:] {
		if one.Server().Name() == lead {
			one.Stop()
		}
	}
	if c.Servers[0].Server().Name() == lead {
		c.Servers[0].Restart()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		me := proto.NewClientID()
		for g.ask(request{op: proto.OpJoin, id: "join", Request: proto.Request{Room: "r", ClientID: me}}).Name != proto.RoomJoined {
		}
	}()
	testkit.WaitFor(t, "a join in spite of the election", func() bool {
		if err := r.Ready(); err != nil && strings.Contains(err.Error(), "stores nothing") {
			t.Errorf("%v", err)
		}
		select {
		case <-done:
			return true
		default:
			return false
		}
	})
}
