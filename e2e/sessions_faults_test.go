package e2e_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-rtc/parley/e2e/couples"
	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/testkit"
)

// drains is a time to drain that is long enough for everybody to come back elsewhere.
var drains = []string{"--drain", "8s"}

// startSessions starts gateways and replicas, and pairs of sessions on them, and lets replicas be here for long enough to count somebody as
// gone.
func startSessions(t *testing.T, gateways, replicas int, gatewayArgs ...string) (*harness.Site, *pairs) {
	t.Helper()
	nats := harness.StartNATS(t)
	d := harness.StartSite(t, nats.URL, gateways, replicas, gatewayArgs, nil)
	c := newPairs(t, newSite(t, nats.URL, views.Level, d.Gateways...), sized(t, sessionPairs, 40))
	settleIn(t)
	return d, c
}

func TestAKilledGatewaysSessionsComeBackAndWhatIsLostIsNamed(t *testing.T) {
	t.Parallel()
	d, c := startSessions(t, 2, 2)
	stay, gone := c.site.urls[0], c.site.urls[1]
	killed := time.Now()
	d.Gateways[1].Kill(t)
	harness.Await(t, "the killed gateway's sessions are on the other", func() bool { return len(c.On(stay)) == 2*len(c.All) })
	c.Live(t, "after the kill")
	pause(t, 9*time.Second) // by then the gateway counts as gone
	c.finish(t, couples.AtDeath(gone, killed, couples.HandOver))
	for _, s := range c.Sessions() {
		turns := s.Turns()
		if first := turns[0].URL; (first == stay) != (len(turns) == 1) {
			t.Errorf("%s stood on %s and has %d connections", s.ID(), first, len(turns))
		}
	}
}

func TestGatewaysReplacedInTurnLoseNothing(t *testing.T) {
	t.Parallel()
	d, c := startSessions(t, 2, 2, drains...)
	for i := range d.Gateways {
		start := time.Now()
		if code := d.Gateways[i].Stop(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
		t.Logf("%s ended %v after SIGTERM", d.Gateways[i].Name, time.Since(start).Round(time.Millisecond))
		c.Live(t, "after a gateway was stopped")
		d.Gateways[i] = d.Gateways[i].Again(t)
		d.Gateways[i].Ready(t)
		c.Move(d.Gateways[i].WS(t), d.Gateways[1-i].WS(t))
		pause(t, 2*time.Second)
	}
	pause(t, 7*time.Second) // by then both count as gone
	c.finish(t, couples.Never)
}

// restless breaks connections of sessions at random, one each so often, until what it returns is called.
func (c *pairs) restless(t *testing.T, every time.Duration) (stop func()) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	all := c.Sessions()
	quit, done := make(chan struct{}), make(chan struct{})
	go func() { // what is returned waits for it
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				all[random.IntN(len(all))].Break()
			case <-quit:
				return
			case <-t.Context().Done():
				return
			}
		}
	}()
	return func() { close(quit); <-done }
}

func TestSendersAndTargetsThatBothMoveLoseNothing(t *testing.T) {
	t.Parallel()
	_, c := startSessions(t, 3, 2)
	stop := c.restless(t, 30*time.Millisecond)
	pause(t, 8*time.Second)
	stop()
	c.Live(t, "at the end")
	c.finish(t, couples.Never)
}

func TestASessionThatFlapsThroughThreeGatewaysLosesNothing(t *testing.T) {
	t.Parallel()
	_, c := startSessions(t, 3, 2)
	c.flap(t, 12)
	c.Live(t, "at the end")
	c.finish(t, couples.Never)
}

// flap breaks the connection of the first of each pair, over and over, often before it is live again. A session may have twenty
// connections in ten seconds.
func (c *pairs) flap(t *testing.T, times int) {
	t.Helper()
	for range times {
		for _, p := range c.All {
			p.Two[0].Break()
		}
		pause(t, 700*time.Millisecond)
	}
}

func TestSessionsThatMoveWhileARoomServiceIsKilledLoseNothing(t *testing.T) {
	t.Parallel()
	d, c := startSessions(t, 3, 2)
	c.Unsaid = true
	stop := c.restless(t, 50*time.Millisecond)
	for i := range 4 {
		pause(t, time.Second)
		d.Replicas[i%2].Kill(t)
		pause(t, time.Second)
		d.Replicas[i%2] = d.Replicas[i%2].Again(t)
		d.Replicas[i%2].Ready(t)
	}
	stop()
	c.Live(t, "at the end")
	c.finish(t, couples.Never)
}

func TestSessionsThatMoveWhileTheStreamHasNoLeaderLoseNothing(t *testing.T) {
	t.Parallel()
	servers, _, s := startClusterSite(t, 2)
	c := newPairs(t, s, sized(t, sessionPairs, 20))
	c.Unsaid = true
	settleIn(t)
	js, err := jetstream.New(harness.Connect(t, s.nats))
	if err != nil {
		t.Fatal(err)
	}
	leader := streamLeader(t, servers, js)
	leader.Kill(t)
	stop := c.restless(t, 100*time.Millisecond)
	pause(t, 12*time.Second)
	leader.Again(t)
	harness.AwaitServers(t, servers)
	stop()
	c.Live(t, "with a leader")
	pause(t, 16*time.Second) // a leave that was put off would be made by now
	c.finish(t, couples.Never)
}

func TestAGatewaysSecondWithoutNATSLosesNothing(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	way := harness.StartProxy(t, strings.TrimPrefix(nats.URL, "nats://"))
	d := harness.StartSite(t, nats.URL, 1, 2, nil, nil)
	cutOff := harness.StartGateway(t, "nats://"+way.Addr())
	s := newSite(t, nats.URL, views.Level, d.Gateways[0], cutOff)
	c := newPairs(t, s, sized(t, sessionPairs, 40))
	c.Unsaid = true
	settleIn(t)
	for i := range 4 {
		if i%2 == 0 {
			way.Cut()
		} else {
			way.Stall()
		}
		for _, p := range c.All[:len(c.All)/4] { // who comes back meanwhile, also from that gateway
			p.Two[i%2].Break()
		}
		pause(t, time.Second)
		way.Heal()
		pause(t, 3*time.Second)
	}
	c.Live(t, "at the end")
	c.finish(t, couples.Never)
	for _, p := range c.All[len(c.All)/4:] {
		for _, s := range p.Two {
			if n := len(s.Turns()); n != 1 {
				t.Errorf("%s has %d connections", s.ID(), n)
			}
		}
	}
}

func TestGatewaysKilledInTurnAmongSessionsThatMoveNameWhatIsLost(t *testing.T) {
	t.Parallel()
	d, c := startSessions(t, 3, 2)
	stop := c.restless(t, 60*time.Millisecond)
	var causes []couples.Cause
	for i := range d.Gateways {
		pause(t, 2*time.Second)
		url, killed := d.Gateways[i].WS(t), time.Now()
		d.Gateways[i].Kill(t)
		causes = append(causes, couples.AtDeath(url, killed, couples.HandOver))
		pause(t, time.Second)
		d.Gateways[i] = d.Gateways[i].Again(t)
		d.Gateways[i].Ready(t)
		c.Move(d.URLs(t)...)
	}
	stop()
	c.Live(t, "at the end")
	c.finish(t, func(target, sender *testkit.Session, back testkit.Back) bool {
		for _, why := range causes {
			if why(target, sender, back) {
				return true
			}
		}
		return false
	})
}
