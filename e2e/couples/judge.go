package couples

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// Cause says whether there is a reason for which a sender may stand in what a target, coming back, is told as lost.
type Cause func(target, sender *testkit.Session, back testkit.Back) bool

// Never is the cause where no gateway died: somebody was asked in vain for as long as gateways ask. So it may be on a machine that is
// busy, or whose gateway is without NATS for a moment; that it is so only then the simulation holds.
func Never(_, _ *testkit.Session, back testkit.Back) bool {
	return back.Live.Sub(back.Resumed) > proto.AskFor-busy
}

// busy is how much sooner than its gateway a client may think that it is live.
const busy = 300 * time.Millisecond

// HandOver is how long before its gateway's death a sender may have left it without having been handed over.
const HandOver = 2 * time.Second

// AtDeath returns the cause of a gateway's death: the sender stood on it, or had left it so shortly before that it may not have handed
// over, and the target has come back since.
func AtDeath(url string, killed time.Time, shortly time.Duration) Cause {
	from := killed.Add(-shortly)
	return func(_, sender *testkit.Session, back testkit.Back) bool {
		return back.Live.After(killed) && slices.ContainsFunc(sender.Turns(), func(turn testkit.Turn) bool {
			return turn.URL == url && turn.From.Before(killed) && (turn.Until.IsZero() || turn.Until.After(from))
		})
	}
}

// Finish stops the signals, waits until every one is answered and everybody is level, and holds all that was heard against the promises. It
// returns how long each coming back took, in order: from the end of a connection to live.
func (c *Couples) Finish(tb testing.TB, why Cause) []time.Duration {
	tb.Helper()
	c.Still()
	harness.AwaitFor(tb, 40*time.Second, "everybody is level and every signal answered", func() bool {
		for _, p := range c.All {
			for _, s := range p.Two {
				if !s.Level(p.Room) {
					return false
				}
			}
		}
		return true
	})
	for _, s := range c.Sessions() { // what was confirmed is on its way at most
		s.Do(tb, proto.Frame{Name: proto.Ping})
	}
	sum := Tally{Unsaid: c.Unsaid}
	for _, p := range c.All {
		for k := range p.Two {
			sum.Flow(tb, p.Room, p.Two[1-k], p.Two[k], why)
		}
	}
	slices.Sort(sum.Took)
	tb.Logf("%d sessions came back %d times, %d signals confirmed, %d of them sent again, %d others; %d senders lost, %d signals with them",
		2*len(c.All), len(sum.Took), sum.Confirmed, sum.Again, sum.Others, sum.Lost, sum.Missing)
	if n := len(sum.Took); n > 0 {
		tb.Logf("from the end of a connection to live: median %v, 99th percentile %v, longest %v", sum.Took[n/2], sum.Took[n*99/100], sum.Took[n-1])
	}
	return sum.Took
}

// Tally is what a run had.
type Tally struct {
	Unsaid                                  bool // as Couples have it
	Confirmed, Again, Others, Lost, Missing int
	Took                                    []time.Duration
}

// Flow judges one direction of a pair.
func (y *Tally) Flow(tb testing.TB, room proto.Room, sender, target *testkit.Session, why Cause) {
	tb.Helper()
	for _, line := range target.Wrong() {
		tb.Error(line)
	}
	var heard []testkit.Received
	for _, r := range target.All() {
		heard = append(heard, r.Received)
		switch {
		case r.Name == proto.Error && r.Code == proto.CodeUnavailable && y.Unsaid:
		case slices.Contains([]proto.Name{proto.ClientLeft, proto.RoomLeft, proto.NotInRoom, proto.Error}, r.Name):
			tb.Errorf("%s, turn %d, heard %s", target.ID(), r.Turn, r.Raw)
		}
	}
	flows, errs := views.Signals(target.ID(), heard)
	for _, err := range errs {
		tb.Error(err)
	}
	got := flows[views.Flow{Room: room, Sender: sender.ID(), Target: target.ID()}]
	lost := y.lostOf(tb, sender, target, why)
	for _, sig := range sender.Signals() {
		y.signal(tb, &sig, got, lost)
	}
}

// lostOf judges each coming back of a target, and returns the highest number that it was told as lost of the sender; -1 for none.
func (y *Tally) lostOf(tb testing.TB, sender, target *testkit.Session, why Cause) int64 {
	tb.Helper()
	lost := int64(-1)
	for _, b := range target.Backs() {
		if b.Live.IsZero() {
			continue // that connection ended first
		}
		y.Took = append(y.Took, b.Live.Sub(b.Ended))
		if d := b.Live.Sub(b.Resumed); d > proto.LiveWithin+5*time.Second {
			tb.Errorf("%s, turn %d: live came %v after resumed", target.ID(), b.Turn, d)
		}
		if len(b.Fresh) > 0 {
			tb.Errorf("%s, turn %d: fresh are %v", target.ID(), b.Turn, b.Fresh)
		}
		for id := range maps.Keys(b.Lost) {
			switch {
			case id != sender.ID():
				tb.Errorf("%s, turn %d: %s is lost, and is not in the room", target.ID(), b.Turn, id)
			case !why(target, sender, b):
				tb.Errorf("%s, turn %d: %s is lost from %d on without a cause; its turns: %+v", target.ID(), b.Turn, id, b.Lost[id], sender.Turns())
			default:
				y.Lost++
				lost = max(lost, b.Lost[id])
			}
		}
	}
	return lost
}

// signal judges what became of one signal, by the numbers that the target has heard.
func (y *Tally) signal(tb testing.TB, sig *testkit.Signal, got []int, lost int64) {
	tb.Helper()
	var data views.Signal
	if err := json.Unmarshal([]byte(sig.Data), &data); err != nil {
		tb.Error(err)
		return
	}
	if len(sig.Turns) > 1 {
		y.Again++
	}
	if sig.Code == proto.CodeTooOld || sig.Answer == proto.TargetNotFound || sig.Answer == proto.NotInRoom {
		tb.Errorf("signal %d (%s) was answered %s %s", sig.N, sig.Data, sig.Answer, sig.Code)
	}
	if sig.Answer != proto.SignalSent {
		y.Others++
		return
	}
	y.Confirmed++
	if _, found := slices.BinarySearch(got, data.N); found {
		return
	}
	y.Missing++
	if lost < 0 || lost < sig.N {
		tb.Errorf("signal %d (%s) was confirmed at %v and was not heard; lost is %d", sig.N, sig.Data, sig.Said, lost)
	}
}
