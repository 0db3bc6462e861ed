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
		"all heard from":                 {[]heardFrom{{Active: second}, {Active: second / 2}}, 3 * time.Second},
		"one of two others is away":      {[]heardFrom{{Active: 60 * second}, {Active: second}}, 2500 * time.Millisecond},
		"one of two was never heard of":  {[]heardFrom{{Active: 0}, {Active: second}}, 2500 * time.Millisecond},
		"both are away":                  {[]heardFrom{{Active: 60 * second}, {Active: 3 * second}}, 500 * time.Millisecond},
		"both have been for long":        {[]heardFrom{{Active: 60 * second}, {Active: 61 * second}}, -56500 * time.Millisecond},
		"none was ever heard of":         {[]heardFrom{{Active: 0}, {Active: 0}}, 0},
		"two of four others are enough":  {[]heardFrom{{Active: second}, {Active: 2 * second}, {Active: 60 * second}, {Active: 0}}, 1500 * time.Millisecond},
		"the other of two was not":       {[]heardFrom{{Active: 0}}, 0},
		"one that is to come counts not": {[]heardFrom{{Active: second}, {Pending: true}, {Pending: true}}, 2500 * time.Millisecond},
	} {
		if got := leaseFor(c.copies); got != c.want {
			t.Errorf("%s: %v, expected %v", name, got, c.want)
		}
	}
}

func TestALeaderIsBelievedAgainOnlyAfterAWhile(t *testing.T) {
	t.Parallel()
	var l leader
	now := time.Now()
	const step = 500 * time.Millisecond
	for i, c := range []struct {
		name     string
		lease    time.Duration
		believed bool
	}{
		{"a", 3 * time.Second, true}, // the first is
		{"a", 3 * time.Second, true},
		{"b", 3 * time.Second, false}, // another leader, of which nobody knows whether it is the newer
		{"b", 3 * time.Second, false},
		{"b", 3 * time.Second, true},
		{"a", 3 * time.Second, false},
		{"b", 3 * time.Second, false}, // two that answer in turn
		{"a", 3 * time.Second, false},
		{"a", 0, false},
		{"a", 3 * time.Second, true},
		{"a", -time.Second, true}, // what it was believed for before holds
		{"a", -time.Second, true},
		{"a", -time.Second, true},
		{"a", -time.Second, true},
		{"a", -time.Second, true},
		{"a", -time.Second, false},
		{"a", 3 * time.Second, false}, // it was out of touch
		{"a", 3 * time.Second, false},
		{"a", 3 * time.Second, true},
	} {
		asked := now.Add(time.Duration(i) * step)
		if until := l.heard(c.name, asked, asked.Add(c.lease)); until.After(asked) != c.believed {
			t.Errorf("answer %d: believed for %v", i, until.Sub(asked))
		}
	}
}
