package lifecycle

import (
	"context"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"
)

// The heap may grow by a fixed size while little is live, and by a share of what is live beyond that.
func TestTheHeapMayGrowByASizeThenByAShare(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{
		{0, 6400}, {1 << 20, 6400}, {8 << 20, 800}, {64 << 20, 100}, {80 << 20, 80}, {1 << 30, gcLeast}, {1 << 40, gcLeast},
	} {
		if got := percentFor(c.live); got != c.want {
			t.Errorf("with %d bytes live it is %d %%, expected %d", c.live, got, c.want)
		}
	}
}

func TestGOGCHasTheLastWord(t *testing.T) {
	was := debug.SetGCPercent(123) // as with GOGC=123
	defer debug.SetGCPercent(was)
	tended(t)
	if now := debug.SetGCPercent(123); now != 123 {
		t.Errorf("it is %d", now)
	}
}

func TestThePercentageFollowsWhatIsLive(t *testing.T) {
	was := debug.SetGCPercent(gcDefault)
	defer debug.SetGCPercent(was)
	tended(t)
	if now := debug.SetGCPercent(was); now < gcLeast || now == gcDefault {
		t.Errorf("it is %d", now)
	}
}

// tended runs tendHeap for some seconds.
func tended(t *testing.T) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := tendHeap(ctx); err != nil {
			t.Error(err)
		}
	})
}
