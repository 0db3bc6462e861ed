package linear

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/parley-rtc/parley/proto"
)

// Forever is the end of an operation of which nobody knows when it takes effect, if at all.
const Forever = math.MaxInt64

// History is what was asked and answered, by room. Its methods may be called from any goroutine.
type History struct {
	start time.Time

	mu   sync.Mutex // guards the fields below
	ops  map[proto.Room][]porcupine.Operation
	open []open
}

// open is an operation whose end is asked for when the history is checked.
type open struct {
	room  proto.Room
	in    Input
	asked time.Time
	ended func() (time.Time, bool)
}

// New returns an empty history.
func New() *History {
	return &History{start: time.Now(), ops: map[proto.Room][]porcupine.Operation{}}
}

// Add adds an operation on a room that was asked and answered at these times.
func (h *History) Add(room proto.Room, in Input, out Output, asked, answered time.Time) {
	h.add(room, in, out, asked, int64(answered.Sub(h.start)))
}

// AddOpen adds an operation of which nobody knows when it takes effect.
func (h *History) AddOpen(room proto.Room, in Input, asked time.Time) {
	h.add(room, in, Output{Answer: Unknown}, asked, Forever)
}

// AddOpenUntil is [History.AddOpen] where it may be known later when it took effect at the latest.
func (h *History) AddOpenUntil(room proto.Room, in Input, asked time.Time, ended func() (time.Time, bool)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open = append(h.open, open{room, in, asked, ended})
}

func (h *History) add(room proto.Room, in Input, out Output, asked time.Time, end int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ops := h.ops[room]
	h.ops[room] = append(ops, porcupine.Operation{
		ClientId: len(ops), Input: in, Call: int64(asked.Sub(h.start)), Output: out, Return: end,
	})
}

// attempt is how long a gateway waits before it asks another replica: a request answered sooner was carried out once.
const attempt = 450 * time.Millisecond

// Answered adds a request and its answer. A join that took long enough to have been repeated on the way is two steps,
// since its list is that of the repetition. Where replicas take turns (turns), a not-in-room to a member whom the gateway
// still has is told as room-left.
func (h *History) Answered(name proto.Name, self proto.ClientID, e *proto.Event, asked, answered time.Time, turns bool) {
	kind := map[proto.Name]Kind{proto.RoomCreate: Create, proto.RoomJoin: Join, proto.RoomLeave: Leave}[name]
	in := Input{Kind: kind, Client: self}
	if answered.Sub(asked) >= attempt && kind != Leave {
		// An attempt that was overtaken by its repetition may still be carried out; its gateway then leaves at once.
		h.AddOpen(e.Room, Input{Kind: kind, Client: self}, asked)
		h.AddOpen(e.Room, Input{Kind: Lost, Client: self}, asked)
	}
	switch e.Name {
	case proto.RoomCreated:
		h.Add(e.Room, in, Output{Answer: Done}, asked, answered)
	case proto.RoomLeft:
		out := Output{Answer: Done}
		if turns {
			out.Answer = Unknown
		}
		h.Add(e.Room, in, out, asked, answered)
	case proto.RoomJoined:
		out := Output{Answer: Done, List: e.Clients}
		if answered.Sub(asked) < attempt {
			h.Add(e.Room, in, out, asked, answered)
			return
		}
		h.Add(e.Room, Input{Kind: Enter, Client: self}, Output{Answer: Done}, asked, answered)
		h.Add(e.Room, Input{Kind: See, Client: self}, out, asked, answered)
	case proto.RoomExists, proto.RoomNotExists, proto.NotInRoom:
		h.Add(e.Room, in, Output{Answer: Refused}, asked, answered)
	default:
		h.AddOpen(e.Room, in, asked)
	}
}

// Check fails the test when the history of a room is none that the rules allow, or when less than half of the rooms could
// be decided within the bound: operations of which nobody knows the end make that hard. It returns the number of
// operations.
func (h *History) Check(tb testing.TB, bound time.Duration) int {
	tb.Helper()
	h.mu.Lock()
	late := h.open
	h.open = nil
	h.mu.Unlock()
	for _, o := range late {
		if at, ok := o.ended(); ok {
			h.Add(o.room, o.in, Output{Answer: Unknown}, o.asked, at)
		} else {
			h.AddOpen(o.room, o.in, o.asked)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	n, undecided := 0, 0
	deadline := time.Now().Add(bound)
	for room, ops := range h.ops {
		n += len(ops)
		verdict, info := porcupine.CheckOperationsVerbose(Model(), ops, min(bound/4, max(time.Second, time.Until(deadline))))
		switch verdict {
		case porcupine.Ok:
		case porcupine.Illegal:
			tb.Errorf("room %q: its %d operations are in no order that the rules allow", room, len(ops))
			describe(tb, ops, info)
		case porcupine.Unknown:
			tb.Logf("room %q: its %d operations could not be checked in time", room, len(ops))
			undecided++
		}
	}
	if 2*undecided > len(h.ops) {
		tb.Errorf("%d of %d rooms could not be checked in time", undecided, len(h.ops))
	}
	return n
}

// describe prints the end of the longest order that was found, the room after each step, and what no longer fits.
func describe(tb testing.TB, ops []porcupine.Operation, info porcupine.LinearizationInfo) {
	tb.Helper()
	var longest []int
	for _, orders := range info.PartialLinearizations() {
		for _, order := range orders {
			if len(order) > len(longest) {
				longest = order
			}
		}
	}
	state, last := Model().Init(), int64(0)
	in := map[int]bool{}
	const tail, next = 12, 12
	for i, n := range longest {
		in[n] = true
		last = max(last, ops[n].Call)
		_, state = Model().Step(state, ops[n].Input, ops[n].Output)
		if i >= len(longest)-tail {
			tb.Logf("%s\n\tthen the room is %v", line(ops[n]), state)
		}
	}
	left := 0
	for i, op := range ops {
		if !in[i] && op.Return != Forever {
			if left++; left <= next {
				tb.Logf("does not fit any more: %s", line(op))
			}
		}
	}
	near := slices.DeleteFunc(slices.Clone(ops), func(op porcupine.Operation) bool {
		return op.Return != Forever && op.Return < last-int64(time.Second) || op.Call > last
	})
	slices.SortFunc(near, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	for _, op := range near {
		tb.Logf("around then: %s", line(op))
	}
}

func line(op porcupine.Operation) string {
	end := "never"
	if op.Return != Forever {
		end = time.Duration(op.Return).String()
	}
	return fmt.Sprintf("%s → %s %s", time.Duration(op.Call), end, Model().DescribeOperation(op.Input, op.Output))
}
