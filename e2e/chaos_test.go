package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-rtc/parley/e2e/couples"
	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/linear"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// The environment variables of the chaos test.
const (
	chaosFor  = "PARLEY_CHAOS"      // how long, such as 1h; a minute unless set
	chaosSeed = "PARLEY_CHAOS_SEED" // the seed of an earlier run
)

// epoch is how long a set of rooms is used: histories that are checked stay short.
const epoch = 2500 * time.Millisecond

// chaos is many clients on several gateways that create, join and leave few rooms, while a hand ends, stops and starts
// processes.
type chaos struct {
	servers []*harness.Server
	d       *harness.Site
	watch   *views.Observer
	history *linear.History
	began   time.Time
	secret  *harness.Secret
	pairs   *couples.Couples
	rooms   *moderated
	records *records

	mu      sync.Mutex // guards the fields below
	urls    []string   // of the gateways that run
	errs    []error
	live    []*testkit.Client
	asked   int
	unsaid  int // answered unavailable
	lost    int // connections that ended
	faulted []string

	// Owned by hand.
	deaths []death
	hurts  []hurt
}

// TestChaos is the linearizability test: whatever the hand does, each room's history is one that the rules allow, and in
// the end every member's view is the journal's.
func TestChaos(t *testing.T) {
	length, seed := time.Minute, rand.Uint64()
	if v := os.Getenv(chaosFor); v != "" {
		var err error
		if length, err = time.ParseDuration(v); err != nil {
			t.Fatal(err)
		}
	}
	if v := os.Getenv(chaosSeed); v != "" {
		var err error
		if seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%s=%s %s=%d", chaosFor, length, chaosSeed, seed)

	c := &chaos{servers: harness.StartNATSCluster(t), history: linear.New()}
	urls := harness.URLs(c.servers)
	var gatewayArgs []string
	if seed%2 == 0 { // then any replica is asked for any room, whatever it knows
		gatewayArgs = []string{"--random-replica"}
	}
	c.secret = harness.NewSecret(t)
	c.d = harness.StartSite(t, urls, 3, 3, append(slices.Clone(gatewayArgs), c.secret.Args...), []string{"--replicas", "3"})
	c.d.Gateways = append(c.d.Gateways, harness.StartGateway(t, urls, gatewayArgs...)) // the last asks for no tokens
	c.urls = c.d.URLs(t)
	c.records = recordAll(t, urls)
	c.watch = views.Observe(t, harness.Connect(t, urls))
	c.awaitForms(t)
	c.startPairs(t)
	c.rooms = c.startModerated(t)
	c.began = time.Now()

	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer func() { stop(); wg.Wait() }()
	const clients = 12
	for i := range clients {
		random := rand.New(rand.NewPCG(seed, uint64(i)+1))
		token := c.token(t, fmt.Sprintf("linear-%d", i), harness.Grants{"epoch-*": {"create", "join"}})
		wg.Go(func() { c.client(ctx, random, token) })
	}
	wg.Go(func() { c.rooms.run(ctx, seed) })
	wg.Go(func() { c.restless(ctx, rand.New(rand.NewPCG(seed, 500))) })
	c.hand(t, rand.New(rand.NewPCG(seed, 0)), c.began.Add(length))
	stop()
	wg.Wait()
	for _, err := range c.errs {
		t.Error(err)
	}
	c.settled(t)
	c.rooms.settled(t)
	c.pairs.Live(t, "at the end")
	c.pairs.Finish(t, c.cause)
	n := c.history.Check(t, 40*time.Second)
	t.Logf("%d requests, %d operations in the histories, %d answered unavailable, %d connections lost; faults: %v",
		c.asked, n, c.unsaid, c.lost, c.faulted)
}

// hand makes one fault after the other until the end, and mends each.
func (c *chaos) hand(t *testing.T, random *rand.Rand, end time.Time) {
	t.Helper()
	for time.Now().Before(end) && !t.Failed() {
		pause(t, time.Second+time.Duration(random.IntN(2000))*time.Millisecond)
		a, b := random.IntN(3), time.Duration(random.IntN(5000))*time.Millisecond
		began := time.Now()
		var name string
		switch random.IntN(7) {
		case 0, 1:
			name = "replica killed"
			c.d.Replicas[a].Kill(t)
			pause(t, b/2)
			c.d.Replicas[a] = c.d.Replicas[a].Again(t)
		case 2, 3:
			name = "replica asleep"
			c.d.Replicas[a].Pause(t)
			pause(t, b)
			c.d.Replicas[a].Resume(t)
		case 4:
			name = "gateway killed"
			a = random.IntN(len(c.d.Gateways))
			c.deaths = append(c.deaths, death{c.d.Gateways[a].WS(t), began})
			c.d.Gateways[a].Kill(t)
			c.d.Gateways[a] = c.d.Gateways[a].Again(t)
			c.d.Gateways[a].Ready(t)
			c.mu.Lock()
			c.urls = c.d.URLs(t)
			c.mu.Unlock()
			for _, s := range c.sessions() {
				s.Move(c.asking(t)...)
			}
		case 5:
			name = "NATS server asleep" // what it feeds is behind, and then it wakes up with what it had
			c.servers[a].Pause(t)
			pause(t, b)
			c.servers[a].Resume(t)
		default:
			name = "NATS server killed"
			c.servers[a].Kill(t)
			pause(t, b)
			c.servers[a].Again(t)
			harness.Await(t, "the server is healthy again", func() bool { return c.servers[a].Healthy(t) })
		}
		if strings.HasPrefix(name, "NATS") {
			c.hurts = append(c.hurts, hurt{began, time.Now().Add(natsBackIn)})
		}
		c.mu.Lock()
		c.faulted = append(c.faulted, name)
		c.mu.Unlock()
	}
	for _, r := range c.d.Replicas {
		r.Ready(t)
	}
}

// room returns one of the rooms that are used now.
func (c *chaos) room(random *rand.Rand) proto.Room {
	return proto.Room(fmt.Sprintf("epoch-%d-room-%d", time.Since(c.began)/epoch, random.IntN(3)))
}

// client is one client's life, over as many connections as it takes.
func (c *chaos) client(ctx context.Context, random *rand.Rand, token string) {
	for ctx.Err() == nil {
		c.mu.Lock()
		url := c.urls[random.IntN(len(c.urls))]
		c.mu.Unlock()
		dial, cancel := context.WithTimeout(ctx, 5*time.Second)
		s, err := testkit.Open(dial, url, &testkit.Options{Token: token}) // one of the gateways does not look at it
		cancel()
		if err != nil {
			continue // the gateway has just been killed
		}
		if c.session(ctx, s, random) {
			c.mu.Lock()
			c.live = append(c.live, s)
			c.mu.Unlock()
		}
	}
}

// session asks until its connection ends, or the test does, and reports whether the connection is left.
func (c *chaos) session(ctx context.Context, s *testkit.Client, random *rand.Rand) bool {
	touched := map[proto.Room]bool{}
	tick := time.NewTicker(15 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return true
		}
		name, room := proto.RoomJoin, c.room(random)
		switch n := random.IntN(100); {
		case n < 25:
			name = proto.RoomCreate
		case n < 50:
			name = proto.RoomLeave
		}
		for old := range touched {
			if old[:len(old)-len("room-0")] != room[:len(room)-len("room-0")] { // of an epoch that is over
				name, room = proto.RoomLeave, old
				delete(touched, old)
				break
			}
		}
		if name != proto.RoomLeave {
			touched[room] = true
		}
		if !c.ask(s, name, room) {
			c.ended(s, name, room, touched)
			return false
		}
	}
}

// ask asks, again while it is answered unavailable: the gateway then uses the same request, so that it is one operation.
// It returns false when the connection has ended.
func (c *chaos) ask(s *testkit.Client, name proto.Name, room proto.Room) bool {
	asked := time.Now()
	for range 6 {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		e, err := s.Request(ctx, proto.Frame{Name: name, Room: room})
		cancel()
		c.mu.Lock()
		c.asked++
		c.mu.Unlock()
		switch {
		case err != nil && !s.Ended().IsZero():
			c.history.AddOpen(room, kindOf(name, s.ID()), asked)
			return false
		case err != nil:
			c.fail(fmt.Errorf("%s of %s: %w", name, s.ID(), err))
			return false
		case e.Name == proto.Error && e.Code == proto.CodeUnavailable:
			c.mu.Lock()
			c.unsaid++
			c.mu.Unlock()
			continue
		case e.Name == proto.Error:
			c.fail(fmt.Errorf("%s of %s: %s: %s", name, s.ID(), e.Code, e.Message)) // it fails the test
			return true
		}
		c.history.Answered(name, s.ID(), &e, asked, time.Now(), true)
		return true
	}
	c.fail(fmt.Errorf("%s of %s: unavailable for a minute", name, s.ID())) // as above
	return false
}

func kindOf(name proto.Name, self proto.ClientID) linear.Input {
	kinds := map[proto.Name]linear.Kind{proto.RoomCreate: linear.Create, proto.RoomJoin: linear.Join, proto.RoomLeave: linear.Leave}
	return linear.Input{Kind: kinds[name], Client: self}
}

// ended notes that a connection has ended: it leaves every room that it was in or was about to be in.
func (c *chaos) ended(s *testkit.Client, name proto.Name, room proto.Room, touched map[proto.Room]bool) {
	at := s.Ended()
	if at.IsZero() {
		s.Close()
		at = time.Now()
	}
	c.mu.Lock()
	c.lost++
	c.mu.Unlock()
	rooms, _ := views.Replay(s.ID(), s.All(), views.Level)
	for old := range touched {
		lost := linear.Input{Kind: linear.Lost, Client: s.ID()}
		if old == room && name != proto.RoomLeave {
			c.history.AddOpen(old, lost, at) // what it asked last may still be carried out, and is then undone
			continue
		}
		if v := rooms[old]; v == nil || !v.In {
			continue
		}
		c.history.AddOpenUntil(old, lost, at, func() (time.Time, bool) { return c.watch.Gone(old, s.ID(), at) })
	}
}

func (c *chaos) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs = append(c.errs, err)
}

// settled checks that each live client's view of each room becomes the journal's within 20 s, and that what it heard on
// the way was allowed. Rooms hold nobody else.
func (c *chaos) settled(t *testing.T) {
	t.Helper()
	truth := views.NewTruth(t, harness.Connect(t, harness.URLs(c.servers)))
	var last error
	deadline := time.Now().Add(30 * time.Second)
	for _, room := range c.watch.Rooms() {
		if !strings.HasPrefix(string(room), "epoch-") { // sessions are judged apart
			continue
		}
		for {
			if last = c.level(t.Context(), truth, room); last == nil || time.Now().After(deadline) {
				break
			}
		}
		if last != nil {
			record, seq, err := truth.Journal(t.Context(), room)
			members, at, asked := truth.Roster(t.Context(), room)
			t.Errorf("not level in time: %v; the record at %d is %+v (%v), the roster at %d is %v (%v)", last, seq, record, err, at, members, asked)
			for _, e := range c.watch.Events(room)[max(0, len(c.watch.Events(room))-10):] {
				t.Logf("told: %+v", e)
			}
		}
	}
	for _, s := range c.live {
		_, errs := views.Replay(s.ID(), s.All(), views.Level)
		for _, err := range errs {
			t.Error(err)
		}
		s.Close()
	}
}

func (c *chaos) level(ctx context.Context, truth *views.Truth, room proto.Room) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	members, _, err := truth.Members(ctx, room)
	if err != nil {
		return err
	}
	for _, id := range members {
		if !slices.ContainsFunc(c.live, func(s *testkit.Client) bool { return s.ID() == id }) {
			return fmt.Errorf("room %q: %s is a member and has gone", room, id) // it fails the test
		}
	}
	for _, s := range c.live {
		rooms, _ := views.Replay(s.ID(), s.All(), views.Level)
		v := rooms[room]
		in := v != nil && v.In
		if in != slices.Contains(members, s.ID()) || in && !views.Same(s.ID(), v.Members, members, views.Level) {
			return fmt.Errorf("room %q: the journal has %v, the view of %s is %+v", room, members, s.ID(), v) // as above
		}
	}
	return nil
}
