package gateway

import (
	"testing"
	"time"
)

func TestAGatewayThatHearsNoReplicaTriesAnotherServerAndThenMoreSeldom(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	var ears ears
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
		if ears.deaf(now, heard, connected) {
			tried = append(tried, second)
		}
	}
	// Never heard until 11; heard until 19; away from 90 to 94; heard again at 100; asleep from 105 to 110.
	want := []int{10, 23, 25, 27, 35, 51, 83, 104, 113, 115}
	if len(tried) != len(want) {
		t.Fatalf("tried at %v, expected %v", tried, want)
	}
	for i := range want {
		if tried[i] != want[i] {
			t.Fatalf("tried at %v, expected %v", tried, want)
		}
	}
}
