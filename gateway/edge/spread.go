package edge

import (
	"context"
	"time"
)

// hurried is how long a spread may still take once there is a hurry.
const hurried = 500 * time.Millisecond

// Spread calls do for each number from 0 to n-1, evenly over a while, so that those who are sent away here do not all come to
// others at once, and within half a second once hurry is closed. It goes by the clock: a machine that is busy with what do
// brings about misses ticks. It blocks, and ends early with ctx.
func Spread(ctx context.Context, n int, over time.Duration, hurry <-chan struct{}, do func(i int)) {
	const step = 10 * time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	began, over, first := time.Now(), max(over, step), 0
	for done := 0; done < n; {
		select {
		case <-hurry:
			first, hurry = done, nil
			began, over = time.Now(), min(over, hurried)
		default:
		}
		part := min(float64(time.Since(began)+step)/float64(over), 1)
		for due := first + int(part*float64(n-first)); done < due; done++ {
			do(done)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
