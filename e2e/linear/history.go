package linear

import (
	"math"
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

// Answered adds a request and its answer. A join is one step, or two when it may have been repeated on the way (repeats).
func (h *History) Answered(name proto.Name, self proto.ClientID, e *proto.Event, asked, answered time.Time, repeats bool) {
	kind := map[proto.Name]Kind{proto.RoomCreate: Create, proto.RoomJoin: Join, proto.RoomLeave: Leave}[name]
	in := Input{Kind: kind, Client: self}
	switch e.Name {
	case proto.RoomCreated:
		h.Add(e.Room, in, Output{Answer: Done}, asked, answered)
	case proto.RoomLeft:
		out := Output{Answer: Done}
		if repeats { // a not-in-room for a member whom the gateway still had is told as room-left
			out.Answer = Unknown
		}
		h.Add(e.Room, in, out, asked, answered)
	case proto.RoomJoined:
		out := Output{Answer: Done, List: e.Clients}
		if !repeats {
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

// Check ends the test when the history of a room is none that the rules allow. It returns the number of operations.
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
	n := 0
	deadline := time.Now().Add(bound)
	for room, ops := range h.ops {
		n += len(ops)
		switch porcupine.CheckOperationsTimeout(Model(), ops, max(time.Second, time.Until(deadline))) {
		case porcupine.Ok:
		case porcupine.Illegal:
			tb.Errorf("room %q: its %d operations are in no order that the rules allow", room, len(ops))
			h.describe(tb, ops)
		case porcupine.Unknown:
			tb.Errorf("room %q: its %d operations could not be checked in time", room, len(ops))
		}
	}
	return n
}

// describe prints a history that is not too long, in the order of asking.
func (h *History) describe(tb testing.TB, ops []porcupine.Operation) {
	tb.Helper()
	const most = 400
	for i, op := range ops {
		if i == most {
			return
		}
		end := "never"
		if op.Return != Forever {
			end = time.Duration(op.Return).String()
		}
		tb.Logf("%s → %s %s", time.Duration(op.Call), end, Model().DescribeOperation(op.Input, op.Output))
	}
}
