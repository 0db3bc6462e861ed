package e2e_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
)

// hosts is a deployment with a host for each process.
type hosts struct {
	*site

	nats, replicas, gateways []*harness.Host
	servers                  []*harness.Server
	replicaProcs             []*harness.Process
	gatewayProcs             []*harness.Process
}

// parting says who uses the first NATS server.
type parting int

const (
	together     parting = iota // everybody uses all of them
	withGateway                 // the last gateway and nobody else
	withBothLast                // the last gateway and the last replica, and nobody else
)

// onHosts starts three NATS servers, two replicas and two gateways.
func onHosts(t *testing.T, parts parting) *hosts {
	t.Helper()
	net := harness.StartNetwork(t)
	h := &hosts{}
	for range 3 {
		h.nats = append(h.nats, net.Host(t))
	}
	h.servers = harness.StartNATSClusterOn(t, h.nats)
	all, first, others := harness.URLs(h.servers), harness.URLs(h.servers[:1]), harness.URLs(h.servers[1:])
	rest := others
	gatewayURLs, replicaURLs := []string{others, first}, []string{others, others}
	switch parts {
	case together:
		rest = all
		gatewayURLs, replicaURLs = []string{all, all}, []string{all, all}
	case withGateway:
	case withBothLast:
		replicaURLs[1] = first
	}
	for i, url := range gatewayURLs {
		r, g := net.Host(t), net.Host(t)
		h.replicas, h.gateways = append(h.replicas, r), append(h.gateways, g)
		h.replicaProcs = append(h.replicaProcs, r.Start(t, "replica "+string(rune('1'+i)), harness.Roomsvc,
			"--ops-listen", r.IP+":0", "--nats", replicaURLs[i], "--log-format", "text", "--replicas", "3"))
		h.gatewayProcs = append(h.gatewayProcs, g.Start(t, "gateway "+string(rune('1'+i)), harness.Gateway,
			"--listen", g.IP+":0", "--ops-listen", g.IP+":0", "--nats", url, "--log-format", "text", "--drain", "100ms"))
	}
	for i := range h.replicaProcs {
		h.replicaProcs[i].Ready(t)
		h.gatewayProcs[i].Ready(t)
	}
	h.site = newSite(t, rest, views.Level, h.gatewayProcs...)
	return h
}

// sides returns the site that each gateway is by itself.
func (h *hosts) sides(t *testing.T) (here, there *site) {
	t.Helper()
	return newSite(t, h.site.nats, views.Level, h.gatewayProcs[0]), newSite(t, h.site.nats, views.Level, h.gatewayProcs[1])
}

// meet returns a client on each gateway, and the room that they are in.
func (h *hosts) meet(t *testing.T) (stay, away *client, room proto.Room) {
	t.Helper()
	here, there := h.sides(t)
	stay, away, room = here.dial(t), there.dial(t), fresh(t)
	fill(t, room, stay, away)
	return stay, away, room
}

// leader returns the host of the NATS server that leads the stream, and the hosts of all that it talks with.
func (h *hosts) leader(t *testing.T) (leader *harness.Host, others []*harness.Host) {
	t.Helper()
	js, err := jetstream.New(harness.Connect(t, h.site.nats))
	if err != nil {
		t.Fatal(err)
	}
	lead := streamLeader(t, h.servers, js)
	for i, s := range h.servers {
		if s == lead {
			leader = h.nats[i]
		} else {
			others = append(others, h.nats[i])
		}
	}
	return leader, append(append(others, h.replicas...), h.gateways...)
}

// TestHostsWhosePacketsVanish cuts one host of a cluster off after the other, without a word to anybody, and holds the
// time to recover against what the protocol promises: all are level within 20 s of the fault's end.
func TestHostsWhosePacketsVanish(t *testing.T) {
	t.Parallel()
	if !harness.Isolated(t) {
		return
	}
	h := onHosts(t, together)
	clients := h.dials(t, 4)
	room := fresh(t)
	fill(t, room, clients...)
	p := startProbes(t, h.site)

	// Gateways pass a silent replica over after half a second, and leave it out after two.
	p.fault(t, "a replica is cut off from NATS for 6 s", 4*time.Second, 4*time.Second, func() {
		h.replicas[0].Cut(t, h.nats...)
		pause(t, 6*time.Second)
		h.replicas[0].Heal(t)
	})
	// Its own clients wait for as long as it is cut off, and nobody is taken for gone.
	p.fault(t, "a gateway is cut off from NATS for 4 s", 20*time.Second, 20*time.Second, func() {
		h.gateways[0].Cut(t, h.nats...)
		pause(t, 4*time.Second)
		h.gateways[0].Heal(t)
	})
	// Who was connected to it finds out by its own pings, before it is taken for gone, and the others elect another leader.
	leader, others := h.leader(t)
	p.fault(t, "the NATS server that leads is cut off for 6 s", 20*time.Second, 20*time.Second, func() {
		leader.Cut(t, others...)
		pause(t, 6*time.Second)
		leader.Heal(t)
	})
	p.stop()
	p.wg.Wait()
	harness.AwaitServers(t, h.servers)
	truth := h.truth(t)
	// NATS servers that have just met again may not know yet who listens at the others.
	harness.Await(t, "the room is as before", func() bool {
		return truth.Compare(t.Context(), room, ids(clients...)) == nil
	})
	for _, c := range clients {
		c.Quiet(t)
	}
}

// TestAGatewayLeavesANATSServerThatIsCutOff cuts the server off from the others, and not from the gateway that uses it.
func TestAGatewayLeavesANATSServerThatIsCutOff(t *testing.T) {
	t.Parallel()
	if !harness.Isolated(t) {
		return
	}
	h := onHosts(t, withGateway)
	stay, away, room := h.meet(t)
	pause(t, 2*time.Second) // the gateway has heard replicas
	h.nats[0].Cut(t, h.nats[1], h.nats[2])
	cut := time.Now()
	harness.Await(t, "its client is answered again", func() bool {
		return away.Join(t, room+"-other").Name == proto.RoomNotExists && time.Since(cut) > 4*time.Second
	})
	t.Logf("its client was answered again %v after the cut", time.Since(cut).Round(time.Millisecond))
	pause(t, time.Until(cut.Add(14*time.Second))) // by then it would have been removed
	want(t, away.Signal(t, room, stay.ID(), `1`), proto.SignalSent)
	want(t, stay.Signal(t, room, away.ID(), `1`), proto.SignalSent)
	if err := h.truth(t).Compare(t.Context(), room, ids(stay, away)); err != nil {
		t.Error(err)
	}
	for _, c := range []*client{stay, away} {
		c.Expect(t, proto.SignalReceive)
		c.Quiet(t)
	}
}

// TestANATSServerCutOffWithItsGateway parts the cluster so that a gateway is in the smaller part.
func TestANATSServerCutOffWithItsGateway(t *testing.T) {
	t.Parallel()
	if !harness.Isolated(t) {
		return
	}
	h := onHosts(t, withGateway)
	stay, away, room := h.meet(t)
	h.nats[0].Cut(t, h.nats[1], h.nats[2])
	h.gateways[1].Cut(t, h.nats[1], h.nats[2])
	cut := time.Now()
	limit, cancel := context.WithTimeout(t.Context(), 40*time.Second) // with the leader in the smaller part an election comes first
	defer cancel()
	if r, err := stay.Await(limit, proto.ClientLeft); err != nil || r.ID != away.ID() {
		t.Fatalf("heard %s, %v", r.Raw, err)
	}
	t.Logf("the members of the gateway in the smaller part were removed after %v", time.Since(cut).Round(time.Millisecond))
	wantCode(t, away.Join(t, room+"-other"), proto.CodeUnavailable)
	h.nats[0].Heal(t)
	h.gateways[1].Heal(t)
	healed := time.Now()
	if r := away.Expect(t, proto.RoomLeft); !r.Kicked || r.Room != room {
		t.Errorf("heard %s", r.Raw)
	}
	took := time.Since(healed)
	t.Logf("its client was told %v after the parts had met again", took.Round(time.Millisecond))
	if took > 20*time.Second {
		t.Error("20 s are promised")
	}
	harness.Await(t, "its client joins again", func() bool { return away.Join(t, room).Name == proto.RoomJoined })
	if r := stay.Expect(t, proto.ClientJoined); r.ID != away.ID() {
		t.Errorf("heard %s", r.Raw)
	}
	truth := h.truth(t)
	harness.Await(t, "all are level", func() bool { return truth.Compare(t.Context(), room, ids(stay, away)) == nil })
}

// TestAStreamsLeaderThatIsCutOffIsNotBelieved cuts the leader off together with a gateway and a replica, for which it goes
// on to be the leader while the others have elected another. Nobody there may be told what is no longer so.
func TestAStreamsLeaderThatIsCutOffIsNotBelieved(t *testing.T) {
	t.Parallel()
	if !harness.Isolated(t) {
		return
	}
	h := onHosts(t, withBothLast)
	nc := harness.Connect(t, harness.URLs(h.servers))
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	harness.Await(t, "the first server leads", func() bool {
		if streamLeader(t, h.servers, js) == h.servers[0] {
			return true
		}
		_, _ = nc.Request("$JS.API.STREAM.LEADER.STEPDOWN.PARLEY", []byte(`{"placement":{"preferred":"n1"}}`), time.Second)
		return false
	})
	nc.Close()
	here, there := h.sides(t)
	owner, asking := here.dial(t), there.dials(t, 8)
	room := fresh(t)

	h.nats[0].Cut(t, h.nats[1], h.nats[2])
	cut := time.Now()
	var created atomic.Pointer[time.Time]
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	var before, after, joined atomic.Int64
	for _, c := range asking {
		wg.Go(func() {
			for ctx.Err() == nil {
				asked := time.Now()
				limit, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				e, err := c.Request(limit, proto.Frame{Name: proto.RoomJoin, Room: room})
				cancel()
				since := created.Load()
				switch {
				case err != nil:
					t.Error(err)
					return
				case e.Name == proto.RoomJoined:
					joined.Add(1)
					return
				case since == nil || asked.Before(*since):
					before.Add(1)
				case e.Name == proto.RoomNotExists:
					t.Errorf("%v after the room was created a join of it was answered %s", asked.Sub(*since).Round(time.Millisecond), e.Name)
					return
				default:
					after.Add(1)
				}
				pause(t, 20*time.Millisecond)
			}
		})
	}
	harness.Await(t, "the room is created in the larger part", func() bool { return owner.Create(t, room).Name == proto.RoomCreated })
	now := time.Now()
	created.Store(&now)
	pause(t, 12*time.Second) // the old leader knows after 10 to 20 s that it is none
	h.nats[0].Heal(t)
	harness.AwaitFor(t, 40*time.Second, "all have joined", func() bool { return joined.Load() == int64(len(asking)) || t.Failed() })
	t.Logf("the room was created %v after the cut; %d answers before that, %d afterwards without one", now.Sub(cut).Round(time.Millisecond),
		before.Load(), after.Load())
	truth := h.truth(t)
	members := map[proto.ClientID]bool{owner.ID(): true}
	for _, c := range asking {
		members[c.ID()] = true
	}
	// Who joined while its gateway was away may have been removed since, and been told.
	harness.Await(t, "all are level", func() bool {
		for _, c := range asking {
			if c.Join(t, room).Name != proto.RoomJoined {
				return false
			}
		}
		got, _, err := truth.Members(t.Context(), room)
		return err == nil && len(got) == len(members) && !slices.ContainsFunc(got, func(id proto.ClientID) bool { return !members[id] })
	})
}
