package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/linear"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

var guarantees = []promise{
	{"ManyClientsAtRandomSeeOneOrderAndTheTruth", manyClients},
}

// crowd is many clients that ask at random, with everything written down.
type crowd struct {
	site    *site
	rooms   []proto.Room
	history *linear.History

	mu       sync.Mutex // guards the fields below
	sessions []*session
	errs     []error
}

// session is one connection of one of a crowd's clients.
type session struct {
	*testkit.Client

	ended bool
	sent  map[views.Flow][]sent // only the session's own goroutine touches it
}

// sent is a signal and how it was answered.
type sent struct {
	n      int
	answer proto.Name // signal-sent, target-not-found, not-in-room, error
}

func manyClients(t *testing.T, s *site) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	nc := harness.Connect(t, s.nats)
	watch := views.Observe(t, nc)
	c := &crowd{site: s, history: linear.New()}
	for range 6 {
		c.rooms = append(c.rooms, fresh(t))
	}
	const clients, steps = 32, 80
	var wg sync.WaitGroup
	for i := range clients {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		wg.Go(func() { c.run(t, random, steps, watch) })
	}
	wg.Wait()
	for _, err := range c.errs {
		t.Error(err)
	}
	if t.Failed() {
		return
	}
	c.judge(t, views.NewTruth(t, nc), watch)
}

// run is one client's life: it asks at random, and now and then loses its connection and comes again.
func (c *crowd) run(t *testing.T, random *rand.Rand, steps int, watch *views.Observer) {
	s, err := c.connect(t)
	for range steps {
		if err != nil {
			break
		}
		room := c.rooms[random.IntN(len(c.rooms))]
		switch n := random.IntN(100); {
		case n < 15:
			err = c.ask(t.Context(), s, proto.RoomCreate, room)
		case n < 50:
			err = c.ask(t.Context(), s, proto.RoomJoin, room)
		case n < 65:
			err = c.ask(t.Context(), s, proto.RoomLeave, room)
		case n < 98:
			err = c.signal(t.Context(), s, room, random)
		default:
			c.lose(t, s, watch)
			s, err = c.connect(t)
		}
	}
	if err != nil && t.Context().Err() == nil {
		c.mu.Lock()
		c.errs = append(c.errs, err)
		c.mu.Unlock()
	}
}

func (c *crowd) connect(t *testing.T) (*session, error) {
	client, err := testkit.Open(t.Context(), c.site.url(), nil)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	t.Cleanup(client.Close)
	s := &session{Client: client, sent: map[views.Flow][]sent{}}
	c.mu.Lock()
	c.sessions = append(c.sessions, s)
	c.mu.Unlock()
	return s, nil
}

// lose ends the connection, without a word or with one.
func (c *crowd) lose(t *testing.T, s *session, watch *views.Observer) {
	t.Helper()
	rooms, _ := views.Replay(s.ID(), s.All(), c.site.how)
	asked := time.Now()
	s.ended = true
	s.Abort()
	for room, v := range rooms {
		if !v.In {
			continue
		}
		// When the loss takes effect shows in the room's events, later; until then nobody knows.
		c.history.AddOpenUntil(room, linear.Input{Kind: linear.Lost, Client: s.ID()}, asked, func() (time.Time, bool) {
			return watch.Gone(room, s.ID(), asked)
		})
	}
}

func (c *crowd) ask(ctx context.Context, s *session, name proto.Name, room proto.Room) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	asked := time.Now()
	e, err := s.Request(ctx, proto.Frame{Name: name, Room: room})
	if err != nil {
		return err
	}
	if e.Name == proto.Error {
		return fmt.Errorf("%s: %s: %s", name, e.Code, e.Message) // it fails the test
	}
	c.history.Answered(name, s.ID(), &e, asked, time.Now(), c.site.how == views.Level)
	return nil
}

// signal sends a few signals at once to a random other session, and waits for all answers.
func (c *crowd) signal(ctx context.Context, s *session, room proto.Room, random *rand.Rand) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	target := c.target(s, room, random)
	flow := views.Flow{Room: room, Sender: s.ID(), Target: target}
	first := len(s.sent[flow]) + 1
	const burst = 3
	var wg sync.WaitGroup
	answers := make([]proto.Event, burst)
	errs := make([]error, burst)
	for i := range burst {
		f := proto.Frame{
			Name: proto.SignalSend, Room: room, TargetID: target, Ref: fmt.Sprintf("%s-%d", target[:8], first+i),
			Data: fmt.Appendf(nil, `{"candidate":%d}`, first+i),
		}
		f.Ref += "-" + string(room)
		f.Ref = f.Ref[:min(len(f.Ref), 64)]
		if err := s.Send(ctx, f); err != nil {
			return err
		}
		wg.Go(func() { answers[i], errs[i] = s.Answer(ctx, f.Ref) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i, e := range answers {
		if e.Name == proto.Error {
			return fmt.Errorf("signal: %s: %s", e.Code, e.Message) // it fails the test
		}
		s.sent[flow] = append(s.sent[flow], sent{n: first + i, answer: e.Name})
	}
	return nil
}

// target is somebody else, mostly one whom the session knows in the room.
func (c *crowd) target(s *session, room proto.Room, random *rand.Rand) proto.ClientID {
	rooms, _ := views.Replay(s.ID(), s.All(), c.site.how)
	if v := rooms[room]; v != nil && len(v.Members) > 1 && random.IntN(10) > 0 {
		if id := v.Members[random.IntN(len(v.Members))]; id != s.ID() {
			return id
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if other := c.sessions[random.IntN(len(c.sessions))]; other != s {
		return other.ID()
	}
	return proto.NewClientID() // nobody
}

// judge waits until everything is still, and checks what all saw.
func (c *crowd) judge(t *testing.T, truth *views.Truth, watch *views.Observer) {
	t.Helper()
	var live []*session
	for _, s := range c.sessions {
		if !s.ended {
			live = append(live, s)
		}
	}
	for _, room := range c.rooms {
		c.level(t, truth, room, live)
	}
	received := map[views.Flow][]int{}
	for _, s := range c.sessions {
		heard := s.All()
		rooms, errs := views.Replay(s.ID(), heard, c.site.how)
		flows, more := views.Signals(s.ID(), heard)
		errs = append(append(errs, more...), watch.Verify(s.ID(), c.only(rooms), c.site.how)...)
		for _, err := range errs {
			t.Error(err)
		}
		maps.Copy(received, flows)
		c.answersAreTrue(t, s, watch)
	}
	c.confirmed(t, received)
	for _, room := range c.rooms {
		for _, err := range watch.Check(room, c.site.how) {
			t.Error(err)
		}
	}
	n := c.history.Check(t, 20*time.Second)
	t.Logf("%d sessions, %d operations on %d rooms, %d flows of signals", len(c.sessions), n, len(c.rooms), len(received))
}

// only returns the views of the crowd's rooms.
func (c *crowd) only(rooms map[proto.Room]*views.View) map[proto.Room]*views.View {
	mine := map[proto.Room]*views.View{}
	for _, room := range c.rooms {
		if v := rooms[room]; v != nil {
			mine[room] = v
		}
	}
	return mine
}

// level waits until every member's view of a room is what roster and journal have.
func (c *crowd) level(t *testing.T, truth *views.Truth, room proto.Room, live []*session) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if err = c.isLevel(t.Context(), truth, room, live); err == nil {
			return
		}
	}
	t.Errorf("not level within 20 s: %v", err)
}

func (c *crowd) isLevel(ctx context.Context, truth *views.Truth, room proto.Room, live []*session) error {
	members, _, err := truth.Members(ctx, room)
	if err != nil {
		return err
	}
	if err := truth.Compare(ctx, room, members); err != nil {
		return err
	}
	for _, id := range members {
		if !slices.ContainsFunc(live, func(s *session) bool { return s.ID() == id }) {
			return fmt.Errorf("room %q: %s is a member and has gone", room, id) // it fails the test
		}
	}
	for _, s := range live {
		rooms, _ := views.Replay(s.ID(), s.All(), c.site.how)
		v := rooms[room]
		in := slices.Contains(members, s.ID())
		if in != (v != nil && v.In) {
			return fmt.Errorf("room %q: that %s is a member is %t, its view has %+v", room, s.ID(), in, v) // as above
		}
		if in && !views.Same(s.ID(), v.Members, members, c.site.how) {
			return fmt.Errorf("room %q: the members are %v, %s has %v", room, members, s.ID(), v.Members) // as above
		}
	}
	return nil
}

// answersAreTrue checks each answer that bears a seq against what another service was told of that change.
func (c *crowd) answersAreTrue(t *testing.T, s *session, watch *views.Observer) {
	t.Helper()
	for _, r := range s.All() {
		if r.Name != proto.RoomCreated && r.Name != proto.RoomJoined || !slices.Contains(c.rooms, r.Room) {
			continue
		}
		members, ok := watch.Members(r.Room, r.Seq)
		others := slices.DeleteFunc(slices.Clone(members), func(id proto.ClientID) bool { return id == s.ID() })
		switch {
		case !ok:
			t.Errorf("%s was answered %s, and no such change was told", s.ID(), r.Raw)
		case len(others) == len(members):
			t.Errorf("%s was answered %s, and is not among %v", s.ID(), r.Raw, members)
		case r.Name == proto.RoomJoined && (r.OwnerID != members[0] || !views.Same(s.ID(), r.Clients, others, c.site.how)):
			t.Errorf("%s was answered %s, the members were %v", s.ID(), r.Raw, members)
		}
	}
}

// confirmed checks that what was confirmed has arrived, unless the target's connection ended, and that nothing else did.
func (c *crowd) confirmed(t *testing.T, received map[views.Flow][]int) {
	t.Helper()
	ended := map[proto.ClientID]bool{}
	for _, s := range c.sessions {
		ended[s.ID()] = s.ended
	}
	for _, s := range c.sessions {
		for flow, all := range s.sent {
			for _, one := range all {
				arrived := slices.Contains(received[flow], one.n)
				if one.answer == proto.SignalSent && !arrived && !ended[flow.Target] {
					t.Errorf("signal %d of %v was confirmed and has not arrived", one.n, flow)
				}
				if one.answer != proto.SignalSent && arrived {
					t.Errorf("signal %d of %v arrived and was answered %s", one.n, flow, one.answer)
				}
			}
		}
	}
}
