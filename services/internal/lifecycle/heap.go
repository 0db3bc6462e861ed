package lifecycle

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// How far the heap may grow between two collections: by three quarters of what is live, but by the headroom at least. What
// is live in a process with few clients is small, and collecting it at Go's default took a tenth of a signal's cost; where
// it is large, the garbage of many handshakes would stay for minutes at a higher one.
const (
	headroom  = 64 << 20 // bytes
	gcStart   = 400      // percent, before the first collection has said what is live
	gcLeast   = 75       // percent
	gcDefault = 100      // percent, unless the environment says otherwise
)

// What a collection has to go through: the heap's percentage counts all of it.
const (
	liveHeap    = "/gc/heap/live:bytes"
	liveStacks  = "/gc/scan/stack:bytes"
	liveGlobals = "/gc/scan/globals:bytes"
)

// tendHeap sets the collector's percentage, after each collection, to what that has found live, until ctx ends. A GOGC in the
// environment has the last word.
func tendHeap(ctx context.Context) error {
	set := gcStart
	if was := debug.SetGCPercent(set); was != gcDefault {
		debug.SetGCPercent(was)
		<-ctx.Done()
		return nil
	}
	collected := make(chan struct{}, 1)
	notify(ctx, collected)
	live := []metrics.Sample{{Name: liveHeap}, {Name: liveStacks}, {Name: liveGlobals}}
	for {
		select {
		case <-collected:
		case <-ctx.Done():
			return nil
		}
		metrics.Read(live)
		var bytes uint64
		for _, s := range live {
			bytes += s.Value.Uint64()
		}
		want := percentFor(bytes)
		if diff := want - set; diff > set/8 || -diff > set/8 { // setting it stops the world for a moment
			set = want
			debug.SetGCPercent(set)
		}
	}
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
	return max(int(headroom*100/max(live, 1<<20)), gcLeast) //nolint:gosec // at most 6,400
}
