package hist

import (
	"math"
	"sync"
	"testing"
	"time"
)

func TestQuantileIsWithinOnePercent(t *testing.T) {
	t.Parallel()
	var h Hist
	const n = 200_000
	for i := 1; i <= n; i++ {
		h.Record(time.Duration(i) * 137)
	}
	for _, q := range []float64{0.001, 0.1, 0.5, 0.9, 0.99, 0.999} {
		want := q * n * 137
		if got := float64(h.Quantile(q)); math.Abs(got-want)/want > 0.01 {
			t.Errorf("quantile %v = %v, want about %v", q, got, want)
		}
	}
}

func TestEveryValueFallsInABucketThatHoldsIt(t *testing.T) {
	t.Parallel()
	last := -1
	for _, v := range []uint64{0, 1, 127, 128, 255, 256, 257, 511, 512, 1 << 20, 1<<20 + 9000, 1 << 40, math.MaxInt64} {
		i := index(v)
		if i < last || i >= buckets {
			t.Fatalf("index(%d) = %d, after %d, of %d", v, i, last, buckets)
		}
		last = i
		if m := float64(middle(i)); math.Abs(m-float64(v)) > float64(v)/sub {
			t.Errorf("middle(index(%d)) = %v", v, m)
		}
	}
}

func TestRecordCountsFromManyGoroutines(t *testing.T) {
	t.Parallel()
	var h Hist
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 1000 {
				h.Record(time.Duration(i))
			}
		})
	}
	wg.Wait()
	if h.Count() != 8000 {
		t.Fatalf("count = %d, want 8000", h.Count())
	}
	h.Reset()
	if h.Count() != 0 || h.Quantile(0.5) != 0 {
		t.Fatalf("after reset: count %d, median %v", h.Count(), h.Quantile(0.5))
	}
	h.Record(-time.Second)
	if h.Quantile(1) != 0 {
		t.Fatalf("a negative duration was counted as %v", h.Quantile(1))
	}
}
