package edge

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-rtc/parley/gateway/link"
)

func TestADoorLetsInAsManyAsItsLimitsSay(t *testing.T) {
	t.Parallel()
	d := NewDoor(Limits{MaxConns: 3, MaxConnsPerAddress: 2, IPv6Prefix: 64})
	for i, c := range []struct {
		address string
		full    bool
	}{
		{"2001:db8::1", false}, {"2001:db8::2", false}, {"2001:db8::3", true}, // of one network
		{"192.0.2.1", false}, {"192.0.2.2", true}, // of all
	} {
		if err := d.Enter(c.address); errors.Is(err, link.ErrFull) != c.full || !c.full && err != nil {
			t.Errorf("number %d: %v", i, err)
		}
	}
	d.Leave("2001:db8::1")
	if err := d.Enter("2001:db8::4"); err != nil || d.Count() != 3 {
		t.Errorf("the place of one who left: %v, %d", err, d.Count())
	}
	d.Leave("192.0.2.1")
	d.Leave("2001:db8::2")
	d.Leave("2001:db8::4")
	if d.Count() != 0 || len(d.byAddress) != 0 {
		t.Errorf("%d are in, from %v", d.Count(), d.byAddress)
	}
}

func TestAShutDoorLetsNobodyIn(t *testing.T) {
	t.Parallel()
	d := NewDoor(Limits{MaxConns: None, MaxConnsPerAddress: None, IPv6Prefix: 64})
	if d.IsShut() || d.Enter("192.0.2.1") != nil {
		t.Fatal("it is shut")
	}
	d.Shut()
	if err := d.Enter("192.0.2.1"); !errors.Is(err, link.ErrDraining) || !d.IsShut() || d.Count() != 1 {
		t.Errorf("%v, %d are in", err, d.Count())
	}
}

func TestASpreadTakesItsTimeUnlessThereIsAHurry(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hurryAt, ends time.Duration
		n             int
	}{
		"evenly":      {0, 4 * time.Second, 8},
		"in a hurry":  {2 * time.Second, 2*time.Second + hurried, 8},
		"many":        {0, 4 * time.Second, 10000},
		"one":         {0, 4 * time.Second, 1},
		"none":        {0, 0, 0},
		"soon anyway": {3900 * time.Millisecond, 3900*time.Millisecond + hurried, 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				hurry := make(chan struct{})
				if c.hurryAt > 0 {
					time.AfterFunc(c.hurryAt, func() { close(hurry) })
				}
				var done []int
				var last time.Duration
				began := time.Now()
				Spread(t.Context(), c.n, 4*time.Second, hurry, func(i int) { done, last = append(done, i), time.Since(began) })
				want := make([]int, c.n)
				for i := range want {
					want[i] = i
				}
				const slack = 50 * time.Millisecond
				if !slices.Equal(done, want) || last > c.ends+slack || last < c.ends-slack {
					t.Errorf("%d were done, the last after %v, not %v", len(done), last, c.ends)
				}
			})
		})
	}
}

func TestASpreadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		n := 0
		Spread(ctx, 8, 4*time.Second, nil, func(int) { n++ })
		if n == 0 || n > 3 {
			t.Errorf("%d were done in a quarter of the time", n)
		}
	})
}
