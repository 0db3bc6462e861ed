// Package hist is a histogram of durations in the manner of HdrHistogram:
// a fixed table of log-linear buckets, recorded into by many goroutines at
// once, with a relative error below one percent at every size.
package hist

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// subBits is how many bits of a value below its highest are kept: 2^7 linear
// buckets in each power of two, so a bucket is at most 1/128 of its value wide.
const subBits = 7

const (
	sub     = 1 << subBits
	buckets = (64 - subBits + 1) * sub
)

// Hist counts durations. The zero value is empty and ready. Record may be
// called from any goroutine; the readers see a moment's state, not a snapshot.
type Hist struct {
	counts [buckets]atomic.Uint64
}

// Record counts one duration; a negative one counts as zero.
func (h *Hist) Record(d time.Duration) {
	h.counts[index(uint64(max(d, 0)))].Add(1)
}

// Reset forgets everything recorded.
func (h *Hist) Reset() {
	for i := range h.counts {
		h.counts[i].Store(0)
	}
}

// Count is how many durations were recorded.
func (h *Hist) Count() uint64 {
	var n uint64
	for i := range h.counts {
		n += h.counts[i].Load()
	}
	return n
}

// Quantile is the duration that a share q (0 to 1) of the recorded ones does
// not exceed: the middle of the bucket in which it falls. Zero when empty.
func (h *Hist) Quantile(q float64) time.Duration {
	total := h.Count()
	if total == 0 {
		return 0
	}
	rank := min(uint64(q*float64(total))+1, total)
	var seen uint64
	for i := range h.counts {
		if seen += h.counts[i].Load(); seen >= rank {
			return middle(i)
		}
	}
	return middle(buckets - 1)
}

// index is the bucket of a value: values below 2*sub have one each, larger
// ones share by their top subBits+1 bits.
func index(v uint64) int {
	shift := max(bits.Len64(v)-subBits-1, 0)
	return shift*sub + int(v>>shift)
}

// middle is the value in the middle of a bucket, the inverse of index.
func middle(i int) time.Duration {
	if i < 2*sub {
		return time.Duration(i)
	}
	shift := i/sub - 1
	low := uint64(i%sub+sub) << shift
	return time.Duration(low + (uint64(1)<<shift)/2)
}
