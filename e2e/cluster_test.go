package e2e_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
)

// startClusterSite starts three NATS servers, two replicas whose stream has three copies, and two gateways.
func startClusterSite(t *testing.T, replicas int) ([]*harness.Server, *harness.Site, *site) {
	t.Helper()
	servers := harness.StartNATSCluster(t)
	d := harness.StartSite(t, harness.URLs(servers), 2, replicas, nil, []string{"--replicas", "3"})
	return servers, d, newSite(t, d.NATS, views.Level, d.Gateways...)
}

// streamLeader returns the server that leads the journal.
func streamLeader(t *testing.T, servers []*harness.Server, js jetstream.JetStream) *harness.Server {
	t.Helper()
	var leader *harness.Server
	harness.Await(t, "the stream has a leader", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		stream, err := js.Stream(ctx, "PARLEY")
		if err != nil || stream.CachedInfo().Cluster == nil {
			return false
		}
		for _, s := range servers {
			if strings.HasPrefix(s.Name, "nats "+strings.TrimPrefix(stream.CachedInfo().Cluster.Leader, "n")) &&
				stream.CachedInfo().Cluster.Leader != "" {
				leader = s
			}
		}
		return leader != nil
	})
	return leader
}

// TestEachFaultOfAClusterAloneIsRecoveredFromInTime measures each fault singly. The bounds of the design are 2 s for
// signals and 12 s for changes when a NATS server dies, 2 s when a replica does; they have more here, for
// machines that do other things as well.
func TestEachFaultOfAClusterAloneIsRecoveredFromInTime(t *testing.T) {
	t.Parallel()
	servers, d, s := startClusterSite(t, 2)
	js, err := jetstream.New(harness.Connect(t, s.nats))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "PARLEY")
	if err != nil || stream.CachedInfo().Config.Replicas != 3 {
		t.Fatalf("the stream is not kept three times: %v", err)
	}
	clients := s.dials(t, 4)
	rooms := []proto.Room{fresh(t), fresh(t), fresh(t)}
	for _, room := range rooms {
		fill(t, room, clients...)
	}
	p := startProbes(t, s)
	const signals, changes, replica = 4 * time.Second, 18 * time.Second, 3 * time.Second

	p.fault(t, "a replica is killed", replica, replica, func() { d.Replicas[0].Kill(t) })
	d.Replicas[0] = d.Replicas[0].Again(t)
	d.Replicas[0].Ready(t)
	p.fault(t, "a replica stops cleanly", replica, replica, func() { d.Replicas[1].Stop(t) })
	d.Replicas[1] = d.Replicas[1].Again(t)
	p.fault(t, "a replica starts", replica, replica, func() { d.Replicas[1].Ready(t) })
	p.fault(t, "a replica sleeps for 5 s and wakes", replica, replica, func() {
		d.Replicas[0].Pause(t)
		pause(t, 5*time.Second)
		d.Replicas[0].Resume(t)
	})

	leader := streamLeader(t, servers, js)
	p.fault(t, "the NATS server that leads the stream is killed", signals, changes, func() { leader.Kill(t) })
	p.fault(t, "it comes back", signals, changes, func() {
		leader.Again(t)
		harness.AwaitServers(t, servers)
	})
	for _, other := range servers {
		if other != streamLeader(t, servers, js) {
			p.fault(t, "another NATS server is killed", signals, changes, func() { other.Kill(t) })
			p.fault(t, "it comes back", signals, changes, func() {
				other.Again(t)
				harness.AwaitServers(t, servers)
			})
			break
		}
	}
	p.fault(t, "a NATS server sleeps for 4 s and wakes", 20*time.Second, 20*time.Second, func() {
		servers[0].Pause(t)
		pause(t, 4*time.Second)
		servers[0].Resume(t)
	})
	p.fault(t, "all NATS servers are killed and started", 30*time.Second, 45*time.Second, func() {
		for _, one := range servers {
			one.Kill(t)
		}
		for _, one := range servers {
			one.Again(t)
		}
		harness.AwaitServers(t, servers)
	})
	p.stop()
	p.wg.Wait()

	truth := s.truth(t)
	for _, room := range rooms {
		if err := truth.Compare(t.Context(), room, ids(clients...)); err != nil {
			t.Error(err)
		}
	}
	for _, c := range clients {
		c.Quiet(t) // of their rooms nobody heard a thing
		_, errs := views.Replay(c.ID(), c.All(), views.Level)
		for _, err := range errs {
			t.Error(err)
		}
	}
}

func TestAClustersKilledGatewayIsNoticedInTime(t *testing.T) {
	t.Parallel()
	_, d, s := startClusterSite(t, 3)
	here, there := newSite(t, s.nats, views.Level, d.Gateways[0]), newSite(t, s.nats, views.Level, d.Gateways[1])
	stay, gone := here.dial(t), there.dials(t, 20)
	room := fresh(t)
	fill(t, room, append([]*client{stay}, gone...)...)
	settleIn(t)
	killed := time.Now()
	d.Gateways[1].Kill(t)
	left := map[proto.ClientID]bool{}
	for range gone {
		r := stay.Expect(t, proto.ClientLeft)
		if left[r.ID] {
			t.Errorf("%s left twice", r.ID)
		}
		left[r.ID] = true
	}
	took := time.Since(killed)
	t.Logf("20 members of a killed gateway were removed after %v", took.Round(time.Millisecond))
	if took > 8*time.Second {
		t.Errorf("it took %v", took)
	}
	if err := s.truth(t).Compare(t.Context(), room, ids(stay)); err != nil {
		t.Error(err)
	}
	stay.Quiet(t)
}

func TestTheStreamsCopiesAreRaisedInPlace(t *testing.T) {
	t.Parallel()
	servers := harness.StartNATSCluster(t)
	urls := harness.URLs(servers)
	one := harness.StartSite(t, urls, 1, 1, nil, []string{"--replicas", "1"})
	s := newSite(t, urls, views.Level, one.Gateways...)
	clients := s.dials(t, 3)
	fill(t, "room", clients...)
	if code := one.Replicas[0].Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	harness.StartRoomsvc(t, urls, "--replicas", "3")
	js, err := jetstream.New(harness.Connect(t, urls))
	if err != nil {
		t.Fatal(err)
	}
	harness.Await(t, "the stream is kept three times", func() bool {
		stream, err := js.Stream(t.Context(), "PARLEY")
		return err == nil && stream.CachedInfo().Config.Replicas == 3
	})
	if err := s.truth(t).Compare(t.Context(), "room", ids(clients...)); err != nil {
		t.Error(err)
	}
	want(t, clients[1].Leave(t, "room"), proto.RoomLeft)
}
