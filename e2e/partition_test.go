package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
)

// partition is a site in which the way between NATS and one process can be cut.
type partition struct {
	*site

	here, there *site          // clients of the gateway that is never cut off, and of the other
	way         *harness.Proxy // between NATS and who is cut off
	d           *harness.Site
}

// behind starts NATS, two gateways and two replicas, of which the second gateway or the second replica reaches NATS
// through a proxy.
func behind(t *testing.T, gateway bool) *partition {
	t.Helper()
	nats := harness.StartNATS(t)
	way := harness.StartProxy(t, strings.TrimPrefix(nats.URL, "nats://"))
	through := "nats://" + way.Addr()
	d := harness.StartSite(t, nats.URL, 1, 1, nil, nil)
	where := map[bool]string{true: through, false: nats.URL}
	d.Gateways = append(d.Gateways, harness.StartGateway(t, where[gateway]))
	d.Replicas = append(d.Replicas, harness.StartRoomsvc(t, where[!gateway]))
	return &partition{
		site:  newSite(t, nats.URL, views.Level, d.Gateways...),
		here:  newSite(t, nats.URL, views.Level, d.Gateways[0]),
		there: newSite(t, nats.URL, views.Level, d.Gateways[1]),
		way:   way, d: d,
	}
}

func TestAGatewayCutOffFromNATSBrieflyLosesNobody(t *testing.T) {
	t.Parallel()
	p := behind(t, true)
	for name, fault := range map[string]func(){"cut": p.way.Cut, "silent": p.way.Stall} {
		room, stay, away := fresh(t), p.here.dial(t), p.there.dial(t)
		fill(t, room, stay, away)
		fault()
		pause(t, 3*time.Second)
		p.way.Heal()
		harness.Await(t, name+": signals go on", func() bool {
			return away.Signal(t, room, stay.ID(), `1`).Name == proto.SignalSent
		})
		stay.Expect(t, proto.SignalReceive)
		if err := p.truth(t).Compare(t.Context(), room, ids(stay, away)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want(t, away.Leave(t, room), proto.RoomLeft)
		if r := stay.Expect(t, proto.ClientLeft); r.ID != away.ID() {
			t.Errorf("%s: heard %s", name, r.Raw)
		}
		stay.Quiet(t)
	}
}

func TestAGatewayCutOffForLongKeepsItsSocketsAndItsClientsAreTold(t *testing.T) {
	t.Parallel()
	p := behind(t, true)
	room, stay, away := fresh(t), p.here.dial(t), p.there.dial(t)
	fill(t, room, stay, away)
	p.way.Stall()
	start := time.Now()
	if r := stay.Expect(t, proto.ClientLeft); r.ID != away.ID() {
		t.Errorf("heard %s", r.Raw)
	}
	t.Logf("the members of a gateway that is cut off were removed after %v", time.Since(start).Round(time.Millisecond))
	e := away.Leave(t, room+"-other")
	wantCode(t, e, proto.CodeUnavailable)
	p.way.Heal()
	healed := time.Now()
	if r := away.Expect(t, proto.RoomLeft); !r.Kicked || r.Room != room {
		t.Errorf("heard %s", r.Raw)
	}
	if took := time.Since(healed); took > 20*time.Second {
		t.Errorf("its client was told after %v", took)
	}
	harness.Await(t, "its clients join again", func() bool { return away.Join(t, room).Name == proto.RoomJoined })
	if r := stay.Expect(t, proto.ClientJoined); r.ID != away.ID() {
		t.Errorf("heard %s", r.Raw)
	}
}

func TestAReplicaCutOffFromNATSIsPassedOverAndComesBackLevel(t *testing.T) {
	t.Parallel()
	p := behind(t, false)
	l := newLoad(t, p.site, 12)
	l.answered(t, 200)
	p.way.Stall()
	l.answered(t, 400)
	p.way.Heal()
	l.answered(t, 200)
	p.way.Cut()
	l.answered(t, 200)
	p.way.Heal()
	p.d.Replicas[1].Ready(t)
	l.answered(t, 200)
	l.finish(t)
	// Alone, it has everything that happened meanwhile.
	p.d.Replicas[0].Kill(t)
	for i, room := range l.rooms {
		if e := l.clients[2*i].Create(t, room); e.Name != proto.RoomExists {
			t.Errorf("room %q: answered %+v", room, e)
		}
	}
}
