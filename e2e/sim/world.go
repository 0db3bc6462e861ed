package sim

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/parley-rtc/parley/e2e/orders"
	"github.com/parley-rtc/parley/proto"
)

// Options say how a run goes wrong. The zero value is a run in which nothing does.
type Options struct {
	Loss      int  // of a hundred messages between processes: lost, repeated or late
	Kills     bool // processes are killed and others started; processes sleep
	Elections bool // the stream's leader is cut off, or changes
	Steps     int  // how many things happen before everything has to settle
	Trace     bool // what happens is noted

	Sessions int  // of a hundred clients: those that have a key
	Wrong    bool // pages answer pings late or never, and are stopped for a while
	Unread   bool // pages end before they have read what has arrived
	Bounds   bool // keepers have room for little
	Drains   bool // gateways are replaced
	Older    bool // replicas that do not know the newest form of records come and go

	Moderation int // of a hundred requests: those of owners, moderators and who knocks
	Tokens     int // of a hundred clients: those that have a token
}

// clean reports whether nothing goes wrong but connections.
func (o *Options) clean() bool { return o.Loss == 0 && !o.Kills && !o.Elections }

// world is one run. Its fields are the run's clock and chance, the processes, and what the judges know: one state, of which
// every part reads.
type world struct {
	Options
	rnd    *rand.Rand
	now    int64 // nanoseconds since the run began
	events events
	num    uint64 // of events, so that those of one moment keep their order
	trace  []string
	fault  string // why the run fails; empty: it does not
	calm   bool   // nothing goes wrong any more

	net      network
	stream   *stream
	replicas []*replica // those that live
	gateways []*gateway // those that live
	clients  []*client  // all that ever were
	attempts map[string]*attempt
	leaves   map[proto.RequestID]proto.RequestID // by their Parley-Request: the membership that each ends
	history  map[proto.Room]*history

	pages    map[proto.ClientID]*page
	sessions []*page // those of them that have a key
	signals  []*signal
	lines    map[pair][]*signal
	turns    map[proto.RequestID]int64    // by their Parley-Request
	started  map[proto.GatewayID]*gateway // all that ever were
	asks     map[proto.RequestID]*ask     // those of which the judges of changes have to know
	orders   map[proto.Room]*orders.Book
	hashes   int    // made so far
	metas    int    // said so far
	hurts    []hurt // of all processes
	made     int    // processes and clients so far
}

// roomNames are few, so that clients meet.
var roomNames = []proto.Room{"one", "zwei drei"}

// began is when runs begin, on their calendar.
var began = time.Unix(1_700_000_000, 0)

// event is something that will happen.
type event struct {
	at  int64
	num uint64
	do  func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].num < e[j].num
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) } // only events are pushed
func (e *events) Pop() any {
	old := *e
	last := old[len(old)-1]
	old[len(old)-1] = event{}
	*e = old[:len(old)-1]
	return last
}

func (w *world) at(t int64, do func()) {
	w.num++
	heap.Push(&w.events, event{at: max(t, w.now), num: w.num, do: do})
}

func (w *world) after(d time.Duration, do func()) { w.at(w.now+int64(d), do) }

// every does something again and again until it returns false.
func (w *world) every(d time.Duration, do func() bool) {
	w.after(d, func() {
		if do() {
			w.every(d, do)
		}
	})
}

// run lets things happen until a time, or until the run has failed.
func (w *world) run(until int64) {
	for w.fault == "" && len(w.events) > 0 && w.events[0].at <= until {
		e := heap.Pop(&w.events).(event) // only events are pushed
		w.now = e.at
		e.do()
	}
	w.now = max(w.now, until)
}

// time is now, on the run's calendar.
func (w *world) time() time.Time { return began.Add(time.Duration(w.now)) }

// fail notes why the run fails. The first fault counts.
func (w *world) fail(format string, args ...any) {
	if w.fault == "" {
		w.fault = fmt.Sprintf(format, args...)
		w.note("FAULT: %s", w.fault)
	}
}

// note adds to the trace.
func (w *world) note(format string, args ...any) {
	if w.Trace {
		w.trace = append(w.trace, fmt.Sprintf("%9.3f ", float64(w.now)/1e6)+fmt.Sprintf(format, args...))
	}
}

// chance is true for so many of a hundred.
func (w *world) chance(percent int) bool { return percent > 0 && w.rnd.IntN(100) < percent }

// ill is chance that ends when the run is to settle.
func (w *world) ill(percent int) bool { return !w.calm && w.chance(percent) }

// span is a time between two others, at random.
func (w *world) span(from, to time.Duration) time.Duration {
	return from + time.Duration(w.rnd.Int64N(int64(to-from)+1))
}

func pick[E any](w *world, list []E) E { return list[w.rnd.IntN(len(list))] }

// id names a new process or client.
func (w *world) id(kind string) string {
	w.made++
	return fmt.Sprintf("%s-%015d", kind, w.made)
}
