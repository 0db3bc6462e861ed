package keeper_test

import (
	"container/heap"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/parley-rtc/parley/gateway/keeper"
	"github.com/parley-rtc/parley/proto"
)

var (
	modelSeed = flag.Uint64("model.seed", 0, "run the model once, with this seed, and print what happens")
	modelRuns = flag.Uint64("model.runs", 1500, "how often the model runs")
)

// TestEachConfirmedSignalIsHeardOnceOrItsSenderIsNamed runs a small model of one pair: a sender and a target, each with many turns, three
// gateways that are killed and replaced, and a network between them that delays, loses and repeats. It checks promise 8 in its exact form:
// each confirmed signal is heard once and in order; or its sender is named in lost; or one of the two has come back fresh, or left. And
// nobody is named without cause.
func TestEachConfirmedSignalIsHeardOnceOrItsSenderIsNamed(t *testing.T) {
	t.Parallel()
	if *modelSeed != 0 {
		w := newWorld(*modelSeed, true)
		for _, wrong := range w.run() {
			t.Error(wrong)
		}
		t.Log("\n" + w.history.String())
		return
	}
	var sum tally
	for seed := uint64(1); seed <= *modelRuns; seed++ {
		w := newWorld(seed, false)
		if wrong := w.run(); len(wrong) > 0 {
			t.Fatalf("%s\n(-model.seed=%d tells more)", strings.Join(wrong, "\n"), seed)
		}
		sum.add(&w.tally)
	}
	t.Logf("%d runs: %+v", *modelRuns, sum)
	if sum.Confirmed == 0 || sum.Held == 0 || sum.Named == 0 || sum.Moves == 0 || sum.Doubts == 0 || sum.Unkept == 0 {
		t.Error("the model does not do what it is for")
	}
}

// tally is what has happened in a run.
type tally struct{ Confirmed, Held, Heard, Named, Moves, Kills, Doubts, Fresh, Unread, Unkept, Lives int }

func (t *tally) add(o *tally) {
	t.Confirmed += o.Confirmed
	t.Held += o.Held
	t.Heard += o.Heard
	t.Named += o.Named
	t.Moves += o.Moves
	t.Kills += o.Kills
	t.Doubts += o.Doubts
	t.Fresh += o.Fresh
	t.Unread += o.Unread
	t.Unkept += o.Unkept
	t.Lives += o.Lives
}

const (
	ms    = 1_000_000
	lobby = proto.Room("lobby")
	sid   = proto.ClientID("sender")
	tid   = proto.ClientID("target")
)

// world is one run.
type world struct {
	rng     *rand.Rand
	now     int64
	due     events
	count   int // of events
	history *strings.Builder
	tally

	gateways []*node
	started  int // how many there have ever been
	links    map[[2]proto.GatewayID]*wire
	seq      uint64
	record   map[proto.ClientID]*proto.Stay
	s        *senderEnd
	t        *targetEnd
	doubted  int64 // when the sender was in doubt
	calm     bool  // the run is about to end: nothing more goes wrong
	bound    int   // of a pair

	wrong []string
}

func newWorld(seed uint64, tell bool) *world {
	w := &world{
		rng: rand.New(rand.NewPCG(seed, 7)), now: 1000 * ms, links: make(map[[2]proto.GatewayID]*wire),
		record: make(map[proto.ClientID]*proto.Stay), seq: 1,
	}
	if tell {
		w.history = new(strings.Builder)
	}
	if w.chance(25) {
		w.bound = 2 + w.rng.IntN(6)
	}
	for range 2 + w.rng.IntN(2) {
		w.start()
	}
	w.s, w.t = newSenderEnd(w), newTargetEnd(w)
	return w
}

// run runs it and returns what went wrong.
func (w *world) run() []string {
	w.s.join()
	w.t.join()
	w.after(0, w.s.sendNext)
	const troubled, calm = 15_000 * ms, 12_000 * ms
	end := w.now + troubled
	for w.now < end && w.next() {
	}
	w.calm = true
	w.say("calm from now on")
	w.s.comeBack()
	w.t.comeBack()
	for end = w.now + calm/2; w.now < end && w.next(); {
	}
	w.s.still = true
	for end = w.now + calm/2; w.now < end && w.next(); {
	}
	w.check()
	return w.wrong
}

// check holds what was heard against what was confirmed.
func (w *world) check() {
	heard := w.t.heard
	for i := 1; i < len(heard); i++ {
		if heard[i] <= heard[i-1] {
			w.fail("%s is heard after %s", number(heard[i]), number(heard[i-1]))
		}
	}
	if !w.t.live || w.s.room == nil {
		w.fail("the ends are not back")
	}
	for _, n := range w.s.confirmed {
		if _, ok := slices.BinarySearch(heard, n); !ok && n > w.t.excused {
			w.fail("%s was confirmed and is not heard, and its sender is not named above it", number(n))
		}
	}
	w.Confirmed, w.Heard = len(w.s.confirmed), len(heard)
	for _, g := range w.gateways {
		if signals, _ := g.keeper.Kept(); signals > 0 && g.view[sid] != nil && g.view[sid].Gateway != g.id {
			w.fail("%s keeps %d signals of a sender who is elsewhere", g.id, signals)
		}
	}
}

func (w *world) fail(format string, args ...any) {
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
	w.say(format, args...)
}

// chance is true in so many of a hundred cases.
func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

// trouble is chance while things may go wrong.
func (w *world) trouble(percent int) bool { return w.chance(percent) && !w.calm }

// between returns a time between two, in milliseconds.
func (w *world) between(least, most int) int64 { return int64(least+w.rng.IntN(most-least+1)) * ms }

func (w *world) say(format string, args ...any) {
	if w.history != nil {
		fmt.Fprintf(w.history, "%7.3f ", float64(w.now)/1e9)
		fmt.Fprintf(w.history, format+"\n", args...)
	}
}

func number(n int64) string { return fmt.Sprintf("%d/%d", n/proto.MaxCount, n%proto.MaxCount) }

// event is something that will happen.
type event struct {
	at    int64
	count int
	do    func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].count < e[j].count
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func (w *world) after(wait int64, do func()) { w.at(w.now+wait, do) }

func (w *world) at(at int64, do func()) {
	w.count++
	heap.Push(&w.due, event{at, w.count, do})
}

// next has the next thing happen.
func (w *world) next() bool {
	if len(w.due) == 0 || len(w.wrong) > 0 {
		return false
	}
	e := heap.Pop(&w.due).(event)
	w.now = max(w.now, e.at)
	e.do()
	return true
}

// wire is the way from one gateway to another. It keeps the order, but for what comes twice, and is cut for 200 ms at most, once in 2.5 s.
type wire struct {
	last      int64
	cut, mend int64
}

// send has a message arrive at another gateway, or not, or twice.
func (w *world) send(from, to proto.GatewayID, do func(g *node)) {
	deliver := func() {
		if g := w.gateway(to); g != nil {
			do(g)
		}
	}
	if from == to {
		w.after(0, deliver)
		return
	}
	l := w.links[[2]proto.GatewayID{from, to}]
	if l == nil {
		l = &wire{}
		w.links[[2]proto.GatewayID{from, to}] = l
	}
	if w.now > l.mend+2500*ms && w.trouble(5) {
		l.cut, l.mend = w.now, w.now+w.between(10, 200)
		w.say("%s → %s is cut", from, to)
	}
	if w.now < l.mend {
		w.say("%s → %s: lost", from, to)
		return
	}
	l.last = max(l.last, w.now+w.between(1, 30))
	w.at(l.last, deliver)
	if w.trouble(3) {
		w.at(l.last+w.between(1, 700), deliver)
	}
}

func (w *world) gateway(id proto.GatewayID) *node {
	for _, g := range w.gateways {
		if g.id == id {
			return g
		}
	}
	return nil
}

func (w *world) anyGateway() *node { return w.gateways[w.rng.IntN(len(w.gateways))] }

// start starts a gateway.
func (w *world) start() {
	w.started++
	id := proto.GatewayID(fmt.Sprintf("G%d", w.started))
	g := &node{
		w: w, id: id, view: make(map[proto.ClientID]*proto.Stay), codec: w.chance(15),
		keeper: keeper.New(keeper.Config{Self: id, MaxPair: w.bound}),
	}
	w.gateways = append(w.gateways, g)
	w.after(w.between(0, 250), g.pulse)
	for _, m := range []proto.ClientID{sid, tid} {
		if stay := w.record[m]; stay != nil {
			g.view[m] = stay
		}
	}
}

// kill ends a gateway without a word, and starts another.
func (w *world) kill(g *node) {
	if !w.trouble(100) {
		return
	}
	w.say("%s is killed", g.id)
	w.Kills++
	if g.has || w.record[sid].Gateway == g.id {
		w.t.died, w.t.dying = w.s.turn, true // what it had of the sender may be lost
	}
	w.gateways = slices.DeleteFunc(w.gateways, func(o *node) bool { return o == g })
	g.dead = true
	w.start()
	for _, c := range slices.Clone(g.conns) {
		c.cut()
	}
}
