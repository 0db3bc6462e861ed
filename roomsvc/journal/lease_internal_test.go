package journal

import (
	"testing"
	"time"
)

func TestALeaseLastsUntilAnotherLeaderCanBeElected(t *testing.T) {
	t.Parallel()
	const second = int64(time.Second)
	for name, c := range map[string]struct {
		copies []heardFrom
		want   time.Duration
	}{
		"the only copy":                  {nil, 3500 * time.Millisecond},
		"all heard from":                 {[]heardFrom{{second}, {second / 2}}, 3 * time.Second},
		"one of two others is away":      {[]heardFrom{{60 * second}, {second}}, 2500 * time.Millisecond},
		"one of two was never heard of":  {[]heardFrom{{0}, {second}}, 2500 * time.Millisecond},
		"both are away":                  {[]heardFrom{{60 * second}, {3 * second}}, 500 * time.Millisecond},
		"both have been for long":        {[]heardFrom{{60 * second}, {61 * second}}, -56500 * time.Millisecond},
		"none was ever heard of":         {[]heardFrom{{0}, {0}}, 0},
		"two of four others are enough":  {[]heardFrom{{second}, {2 * second}, {60 * second}, {0}}, 1500 * time.Millisecond},
		"the other of two is not enough": {[]heardFrom{{0}}, 0},
	} {
		if got := leaseFor(c.copies); got != c.want {
			t.Errorf("%s: %v, expected %v", name, got, c.want)
		}
	}
}
