package gateway

import (
	"testing"
	"time"

	"github.com/parley-rtc/parley/gateway/internal/inside"
)

func TestTheTimesAreTheProtocols(t *testing.T) {
	t.Parallel()
	want := inside.Timing{
		Request: 10 * time.Second, Signal: 2 * time.Second, Attempt: 500 * time.Millisecond,
		BackoffMin: 50 * time.Millisecond, BackoffMax: 500 * time.Millisecond,
		Missed: 12 * time.Second, Tick: time.Second, Pulse: 250 * time.Millisecond, PutOff: 15 * time.Second, Gone: time.Minute,
		Knock: 5 * time.Second, KnockMost: 10 * time.Minute, Review: 5 * time.Second, Body: 10 * time.Second,
	}
	if got := protocolTiming(); got != want {
		t.Errorf("the times are %+v", got)
	}
}
