package lifecycle

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"testing"
	"time"
)

// The heap may grow by a fixed size while little is live, and by a share of what is live beyond that.
func TestTheHeapMayGrowByASizeThenByAShare(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{
		{0, 6400}, {1 << 20, 6400}, {8 << 20, 800}, {16 << 20, 400}, {64 << 20, gcLeast}, {1 << 40, gcLeast},
	} {
		if got := percentFor(c.live); got != c.want {
			t.Errorf("with %d bytes live it is %d %%, expected %d", c.live, got, c.want)
		}
	}
}

func TestGOGCHasTheLastWord(t *testing.T) {
	was := debug.SetGCPercent(123) // as with GOGC=123
	defer debug.SetGCPercent(was)
	end := tend(t)
	runtime.GC()
	end()
	if now := debug.SetGCPercent(123); now != 123 {
		t.Errorf("it is %d", now)
	}
}

func TestThePercentageFollowsWhatEachCollectionFindsLive(t *testing.T) {
	was := debug.SetGCPercent(gcDefault)
	defer debug.SetGCPercent(was)
	end := tend(t)
	defer end()
	large := make([]*[1 << 10]byte, 64<<10)
	for i := range large {
		large[i] = new([1 << 10]byte)
	}
	follows(t, func(percent int) bool { return percent == gcLeast })
	runtime.KeepAlive(large)
	clear(large)
	follows(t, func(percent int) bool { return percent > gcLeast })
}

// follows collects until the percentage is as wanted.
func follows(t *testing.T, wanted func(percent int) bool) {
	t.Helper()
	const name = "/gc/gogc:percent"
	deadline := time.Now().Add(20 * time.Second)
	for sample := []metrics.Sample{{Name: name}}; ; {
		runtime.GC()
		metrics.Read(sample)
		percent := int(sample[0].Value.Uint64()) // a percentage
		if wanted(percent) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it stays at %d", percent)
		}
	}
}

// tend runs tendHeap until its result is called.
func tend(t *testing.T) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := tendHeap(ctx); err != nil {
			t.Error(err)
		}
	})
	return func() { cancel(); running.Wait() }
}

// garbage keeps the compiler from leaving out what tests allocate.
var garbage []byte

// Memory is given back once after something has happened, where it is worth it.
func TestMemoryIsGivenBackWhenItHasBecomeQuiet(t *testing.T) {
	was := debug.SetGCPercent(-1) // nothing is collected meanwhile
	defer debug.SetGCPercent(was)
	debug.FreeOSMemory()
	h := heap{seen: samples()}
	h.look()
	h.look()
	for range 10 {
		if h.look() {
			t.Fatal("there is nothing to give back")
		}
	}
	for range worth>>20 + 1 {
		garbage = make([]byte, 1<<20)
	}
	for i, want := range []bool{false, false, true, false, false} {
		if got := h.look(); got != want {
			t.Errorf("at look %d it is %t", i+1, got)
		}
	}
	garbage = make([]byte, busy+1)
	debug.FreeOSMemory()
	for range 5 {
		if h.look() {
			t.Error("there is no garbage")
		}
	}
}
