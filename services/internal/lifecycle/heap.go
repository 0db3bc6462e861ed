package lifecycle

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How far the heap may grow between two collections: by twice what is live, but by the headroom at least. What is live in a
// process with few clients is small, and collecting it at Go's default took a tenth of a signal's cost. Once nothing
// happens any more the garbage is collected and its memory given back: that of ten thousand handshakes would otherwise stay
// for minutes, and be twice what their connections hold.
const (
	headroom  = 64 << 20 // bytes
	gcStart   = 400      // percent, before the first collection has said what is live
	gcLeast   = 200      // percent
	gcDefault = 100      // percent, unless the environment says otherwise

	lookEach = time.Second
	busy     = 2 << 20  // bytes allocated between two looks: something happens
	worth    = 16 << 20 // bytes beyond what is live that are worth giving back
)

// What a collection has to go through, which the percentage counts; what has been allocated, ever and still there; and what
// is free and has not been given back.
const (
	liveHeap = iota
	liveStacks
	liveGlobals
	allocated
	objects
	free
)

func samples() []metrics.Sample {
	return []metrics.Sample{
		liveHeap:    {Name: "/gc/heap/live:bytes"},
		liveStacks:  {Name: "/gc/scan/stack:bytes"},
		liveGlobals: {Name: "/gc/scan/globals:bytes"},
		allocated:   {Name: "/gc/heap/allocs:bytes"},
		objects:     {Name: "/memory/classes/heap/objects:bytes"},
		free:        {Name: "/memory/classes/heap/free:bytes"},
	}
}

// heap is what tendHeap has seen, and set.
type heap struct {
	seen    []metrics.Sample
	percent int
	before  uint64 // allocated at the last look
	quiet   int    // looks since something happened
	untidy  bool   // something has happened since the garbage was last collected for its memory
}

// tendHeap sets the collector's percentage, after each collection, to what that has found live, and gives memory back in
// quiet times, until ctx ends. A GOGC in the environment has the last word on the first.
func tendHeap(ctx context.Context) error {
	h := heap{seen: samples(), percent: gcStart}
	collected := make(chan struct{}, 1)
	if was := debug.SetGCPercent(h.percent); was != gcDefault {
		debug.SetGCPercent(was)
	} else {
		notify(ctx, collected)
	}
	tick := time.NewTicker(lookEach)
	defer tick.Stop()
	for {
		select {
		case <-collected:
			h.adapt()
		case <-tick.C:
			if h.look() {
				debug.FreeOSMemory()
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (h *heap) value(i int) uint64 { return h.seen[i].Value.Uint64() }

// adapt sets the percentage for what is live.
func (h *heap) adapt() {
	metrics.Read(h.seen)
	want := percentFor(h.value(liveHeap) + h.value(liveStacks) + h.value(liveGlobals))
	if diff := want - h.percent; diff > h.percent/8 || -diff > h.percent/8 { // setting it stops the world for a moment
		h.percent = want
		debug.SetGCPercent(want)
	}
}

// look reports whether it has just become quiet, and there is memory worth giving back.
func (h *heap) look() bool {
	metrics.Read(h.seen)
	now := h.value(allocated)
	if now-h.before > busy {
		h.untidy, h.quiet = true, 0
	} else {
		h.quiet++
	}
	h.before = now
	if !h.untidy || h.quiet < 2 {
		return false
	}
	h.untidy = false
	return h.value(objects)+h.value(free) > h.value(liveHeap)+worth
}

// notify has each collection told, until ctx ends: it finds something that nobody holds, whose cleanup puts the next such
// thing there.
func notify(ctx context.Context, collected chan<- struct{}) {
	// A pointer keeps it out of the blocks that small things share, and live, with others.
	runtime.AddCleanup(new(*byte), func(struct{}) {
		if ctx.Err() != nil {
			return
		}
		select {
		case collected <- struct{}{}:
		default:
		}
		notify(ctx, collected)
	}, struct{}{})
}

// percentFor returns the percentage for so many live bytes.
func percentFor(live uint64) int {
	return max(int(headroom*100/max(live, 1<<20)), gcLeast) // at most 6,400
}
