package bus

import (
	"slices"
	"testing"
	"time"
)

var someGateways = Patience{
	First: 4 * time.Second, Again: 2 * time.Second, Tries: 2, Most: 5 * time.Minute, Never: 10 * time.Second,
}

func never() float64 { return 0 }

func TestAMoverTriesAnotherServerAndThenMoreSeldom(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	m := newMover(someGateways, never)
	var heard time.Time
	var tried []int
	for second := range 120 {
		now := begin.Add(time.Duration(second) * time.Second)
		switch {
		case second < 12: // none has started yet
		case second < 20, second == 100:
			heard = now
		}
		if second >= 105 && second <= 110 {
			continue
		}
		connected := second < 90 || second >= 95
		if m.Due(now, heard, connected) {
			tried = append(tried, second)
		}
	}
	// Never heard until 11; heard until 19; away from 90 to 94; heard again at 100; asleep from 105 to 110.
	want := []int{10, 23, 25, 27, 35, 51, 83, 104, 113, 115}
	if !slices.Equal(tried, want) {
		t.Fatalf("tried at %v, expected %v", tried, want)
	}
}

func TestAMoverWithoutTriesDoublesAtOnceUpToABound(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	m := newMover(Patience{First: 12 * time.Second, Most: time.Minute}, never)
	var tried []int
	for second := range 200 {
		if m.Due(begin.Add(time.Duration(second)*time.Second), begin, true) {
			tried = append(tried, second)
		}
	}
	if want := []int{12, 36, 84, 144}; !slices.Equal(tried, want) {
		t.Fatalf("tried at %v, expected %v", tried, want)
	}
}

func TestMoversThatFellSilentTogetherDoNotMoveTogether(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	moments := make(map[int]int)
	for range 64 {
		m := NewMover(someGateways)
		for i := range 1000 {
			now := begin.Add(time.Duration(i) * 10 * time.Millisecond)
			if m.Due(now, begin, true) {
				if i < 350 || i > 400 {
					t.Errorf("moved after %v", now.Sub(begin))
				}
				moments[i]++
				break
			}
		}
	}
	if len(moments) < 16 {
		t.Errorf("64 movers moved at %d moments", len(moments))
	}
}
