package gateway

import (
	"time"

	"github.com/parley-rtc/parley/proto"
)

// timing is how long the gateway waits for what. New takes the protocol's times; tests shorten some before Run.
type timing struct {
	request    time.Duration // from a frame's reading to unavailable
	signal     time.Duration // the same for a signal
	attempt    time.Duration // silence after which the next replica is asked
	backoffMin time.Duration // after the last replica, before the first is asked again: doubled up to backoffMax
	backoffMax time.Duration
	missed     time.Duration // a room that no check has named for this long is asked for
	tick       time.Duration // between two looks at what is due
	gone       time.Duration // how long an ended session with an open question is remembered
	body       time.Duration // how long the body of a request may take to arrive
}

func protocolTiming() timing {
	return timing{
		request:    proto.RequestTimeout,
		signal:     proto.SignalTimeout,
		attempt:    proto.AttemptTimeout,
		backoffMin: 50 * time.Millisecond,
		backoffMax: 500 * time.Millisecond,
		missed:     proto.CheckMissed,
		tick:       time.Second,
		gone:       time.Minute,
		body:       headerPatience,
	}
}
