package journal

import (
	"testing"
	"time"

	"github.com/parley-rtc/parley/bus"
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
		s := l.heard(asked, c.name, asked, 2, span{until: asked.Add(c.lease)})
		if believed := s != nil && s.until.After(asked); believed != c.believed {
			t.Errorf("answer %d: believed: %v", i, believed)
		}
	}
	if l.heard(now, "b", now, 2, span{until: now.Add(time.Hour)}); l.name != "a" {
		t.Error("a late answer of an earlier leader made it the leader")
	}
	l.since = now.Add(time.Hour)
	if l.heard(now.Add(time.Minute), "a", now.Add(time.Minute), 0, span{until: now.Add(2 * time.Minute)}) == nil {
		t.Error("the only copy is not believed at once")
	}
}

func TestALeaseHoldsByBothClocks(t *testing.T) {
	t.Parallel()
	l := &Lease{nc: new(bus.Conn)}
	for name, c := range map[string]struct {
		epoch, until, wall time.Duration
		holds              bool
	}{
		"usual":                             {0, time.Second, time.Second, true},
		"the machine slept meanwhile":       {0, time.Second, -time.Hour, false},
		"the clock was set back":            {0, -time.Second, time.Hour, false},
		"started before the clock was set":  {-time.Hour, time.Second, time.Second, true},
		"started after it had been set off": {time.Hour, time.Second, time.Second, true},
	} {
		now := time.Now()
		l.epoch = now.Add(c.epoch)
		l.held.Store(&span{until: now.Add(c.until), wall: now.Round(0).Add(c.wall), line: l.nc.Line()})
		if l.Holds(0) != c.holds {
			t.Errorf("%s: holds %v", name, !c.holds)
		}
	}
}
