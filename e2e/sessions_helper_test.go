package e2e_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// The environment variables that make the tests of sessions as large as the machine can bear.
const (
	sessionPairs = "PARLEY_SESSION_PAIRS" // 40 unless set
	sessionRate  = "PARLEY_SESSION_RATE"  // signals a second, each way: 10 unless set
)

// sized returns a variable's number, and one that suits a small machine where it is not set.
func sized(t testing.TB, variable string, otherwise int) int {
	t.Helper()
	v := os.Getenv(variable)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil || n <= 0 {
		t.Fatalf("%s=%s is no number", variable, v)
	}
	return n
}

// couples are pairs of sessions that signal each other all the time, each in a room of its own.
type couples struct {
	site *site
	all  []couple
	// unsaid: requests may be answered unavailable, because something is away that has to answer them.
	unsaid bool
	stop   context.CancelFunc
	wg     sync.WaitGroup
}

// couple is two sessions in a room. The first owns it.
type couple struct {
	room proto.Room
	two  [2]*testkit.Session
}

// awaitSessions waits until the room service records sessions as resumable: until its replicas know that each of them can read that.
func awaitSessions(t *testing.T, s *site) {
	t.Helper()
	truth := s.truth(t)
	c := testkit.DialWith(t, s.url(), &testkit.Options{Key: testkit.NewKey(), Turn: 1})
	harness.Await(t, "sessions are recorded as resumable", func() bool {
		room := fresh(t)
		want(t, c.Create(t, room), proto.RoomCreated)
		r, _, err := truth.Journal(t.Context(), room)
		want(t, c.Leave(t, room), proto.RoomLeft)
		return err == nil && r != nil && len(r.Members) == 1 && r.Members[0].Turn == 1
	})
	c.Close()
}

// newCouples starts n pairs: on each gateway alone, and across. The second of each numbers its signals itself.
func newCouples(t *testing.T, s *site, n int, opts testkit.SessionOptions) *couples {
	t.Helper()
	awaitSessions(t, s)
	c := &couples{site: s, all: make([]couple, n)}
	for i := range c.all {
		p := &c.all[i]
		p.room = fresh(t)
		for k, first := range []int{i, i / len(s.urls)} {
			one := opts
			one.First, one.Numbers = first, k == 1
			p.two[k] = testkit.StartSession(t, s.urls, &one)
		}
		want(t, p.two[0].Enter(t, p.room), proto.RoomCreated)
		want(t, p.two[1].Enter(t, p.room), proto.RoomJoined)
	}
	ctx, stop := context.WithCancel(t.Context())
	c.stop = stop
	rate := sized(t, sessionRate, 10)
	c.wg.Go(func() { c.signal(ctx, time.Second/time.Duration(rate)) })
	t.Cleanup(func() { stop(); c.wg.Wait() })
	return c
}

// signal has everybody send a numbered signal at each tick.
func (c *couples) signal(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	next := map[*testkit.Session]int{}
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		for _, p := range c.all {
			for k, s := range p.two {
				if s.Send(p.room, p.two[1-k].ID(), fmt.Sprintf(`{"candidate":%d}`, next[s]+1)) {
					next[s]++
				}
			}
		}
	}
}

// sessions returns all sessions.
func (c *couples) sessions() []*testkit.Session {
	var all []*testkit.Session
	for _, p := range c.all {
		all = append(all, p.two[:]...)
	}
	return all
}

// move gives all sessions other addresses for their next connections.
func (c *couples) move(urls ...string) {
	for _, s := range c.sessions() {
		s.Move(urls...)
	}
}

// on returns the sessions that are connected to a gateway.
func (c *couples) on(url string) []*testkit.Session {
	return slices.DeleteFunc(c.sessions(), func(s *testkit.Session) bool {
		turns := s.Turns()
		last := turns[len(turns)-1]
		return last.URL != url || !last.Until.IsZero()
	})
}

// live waits until everybody is connected and in its room.
func (c *couples) live(t *testing.T, what string) {
	t.Helper()
	harness.Await(t, "everybody is live "+what, func() bool {
		for _, p := range c.all {
			for _, s := range p.two {
				if !s.LiveSince(p.room, time.Time{}) {
					return false
				}
			}
		}
		return true
	})
}

// cause says whether there is a reason for which a sender may stand in what a target, coming back, is told as lost.
type cause func(target, sender *testkit.Session, back testkit.Back) bool

// never is the cause where no gateway died.
func never(_, _ *testkit.Session, _ testkit.Back) bool { return false }

// atDeath returns the cause of a gateway's death: the sender stood on it, or had left it so shortly before that it may not have handed
// over, and the target has come back since.
func atDeath(url string, killed time.Time) cause {
	from := killed.Add(-2 * time.Second)
	return func(_, sender *testkit.Session, back testkit.Back) bool {
		return back.Live.After(killed) && slices.ContainsFunc(sender.Turns(), func(turn testkit.Turn) bool {
			return turn.URL == url && turn.From.Before(killed) && (turn.Until.IsZero() || turn.Until.After(from))
		})
	}
}

// finish stops the signals, waits until every one is answered and everybody is level, and holds all that was heard against the promises.
func (c *couples) finish(t *testing.T, why cause) {
	t.Helper()
	c.stop()
	c.wg.Wait()
	harness.AwaitFor(t, 40*time.Second, "everybody is level and every signal answered", func() bool {
		for _, p := range c.all {
			for _, s := range p.two {
				if !s.Level(p.room) {
					return false
				}
			}
		}
		return true
	})
	for _, s := range c.sessions() { // what was confirmed is on its way at most
		s.Do(t, proto.Frame{Name: proto.Ping})
	}
	truth := c.site.truth(t)
	sum := tally{unsaid: c.unsaid}
	for _, p := range c.all {
		members, _, err := truth.Members(t.Context(), p.room)
		if want := []proto.ClientID{p.two[0].ID(), p.two[1].ID()}; err != nil || !slices.Equal(members, want) {
			t.Errorf("room %q: the members are %v, %v; expected %v", p.room, members, err, want)
		}
		for k := range p.two {
			sum.flow(t, p.room, p.two[1-k], p.two[k], why)
		}
	}
	slices.Sort(sum.took)
	t.Logf("%d sessions came back %d times, %d signals confirmed, %d of them sent again, %d others; %d senders lost, %d signals with them",
		2*len(c.all), len(sum.took), sum.confirmed, sum.again, sum.others, sum.lost, sum.missing)
	if n := len(sum.took); n > 0 {
		t.Logf("from the end of a connection to live: median %v, 99th percentile %v, longest %v", sum.took[n/2], sum.took[n*99/100], sum.took[n-1])
	}
}

// tally is what a run had.
type tally struct {
	unsaid                                  bool // as couples have it
	confirmed, again, others, lost, missing int
	took                                    []time.Duration
}

// flow judges one direction of a pair.
func (y *tally) flow(t *testing.T, room proto.Room, sender, target *testkit.Session, why cause) {
	t.Helper()
	for _, line := range target.Wrong() {
		t.Error(line)
	}
	var heard []testkit.Received
	for _, r := range target.All() {
		heard = append(heard, r.Received)
		switch {
		case r.Name == proto.Error && r.Code == proto.CodeUnavailable && y.unsaid:
		case slices.Contains([]proto.Name{proto.ClientLeft, proto.RoomLeft, proto.NotInRoom, proto.Error}, r.Name):
			t.Errorf("%s, turn %d, heard %s", target.ID(), r.Turn, r.Raw)
		}
	}
	flows, errs := views.Signals(target.ID(), heard)
	for _, err := range errs {
		t.Error(err)
	}
	got := flows[views.Flow{Room: room, Sender: sender.ID(), Target: target.ID()}]
	lost := y.lostOf(t, sender, target, why)
	for _, sig := range sender.Signals() {
		y.signal(t, &sig, got, lost)
	}
}

// lostOf judges each coming back of a target, and returns the highest number that it was told as lost of the sender; -1 for none.
func (y *tally) lostOf(t *testing.T, sender, target *testkit.Session, why cause) int64 {
	t.Helper()
	lost := int64(-1)
	for _, b := range target.Backs() {
		if b.Live.IsZero() {
			continue // that connection ended first
		}
		y.took = append(y.took, b.Live.Sub(b.Ended))
		if d := b.Live.Sub(b.Resumed); d > proto.LiveWithin+time.Second {
			t.Errorf("%s, turn %d: live came %v after resumed", target.ID(), b.Turn, d)
		}
		if len(b.Fresh) > 0 {
			t.Errorf("%s, turn %d: fresh are %v", target.ID(), b.Turn, b.Fresh)
		}
		for id := range maps.Keys(b.Lost) {
			switch {
			case id != sender.ID():
				t.Errorf("%s, turn %d: %s is lost, and is not in the room", target.ID(), b.Turn, id)
			case !why(target, sender, b):
				t.Errorf("%s, turn %d: %s is lost from %d on without a cause; its turns: %+v", target.ID(), b.Turn, id, b.Lost[id], sender.Turns())
			default:
				y.lost++
				lost = max(lost, b.Lost[id])
			}
		}
	}
	return lost
}

// signal judges what became of one signal, by the numbers that the target has heard.
func (y *tally) signal(t *testing.T, sig *testkit.Signal, got []int, lost int64) {
	t.Helper()
	var data views.Signal
	if err := json.Unmarshal([]byte(sig.Data), &data); err != nil {
		t.Error(err)
		return
	}
	if len(sig.Turns) > 1 {
		y.again++
	}
	if sig.Code == proto.CodeTooOld || sig.Answer == proto.TargetNotFound || sig.Answer == proto.NotInRoom {
		t.Errorf("signal %d (%s) was answered %s %s", sig.N, sig.Data, sig.Answer, sig.Code)
	}
	if sig.Answer != proto.SignalSent {
		y.others++
		return
	}
	y.confirmed++
	if _, found := slices.BinarySearch(got, data.N); found {
		return
	}
	y.missing++
	if lost < 0 || lost < sig.N {
		t.Errorf("signal %d (%s) was confirmed at %v and was not heard; lost is %d", sig.N, sig.Data, sig.Said, lost)
	}
}
