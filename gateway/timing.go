package gateway

import (
	"time"

	"github.com/parley-rtc/parley/gateway/internal/inside"
	"github.com/parley-rtc/parley/proto"
)

// protocolTiming returns the times that the protocol has. Tests shorten some.
func protocolTiming() inside.Timing {
	return inside.Timing{
		Request:    proto.RequestTimeout,
		Signal:     proto.SignalTimeout,
		Attempt:    proto.AttemptTimeout,
		BackoffMin: 50 * time.Millisecond,
		BackoffMax: 500 * time.Millisecond,
		Missed:     proto.CheckMissed,
		Tick:       time.Second,
		Pulse:      proto.AskEvery,
		PutOff:     proto.LeavePutOff,
		Gone:       time.Minute,
		Knock:      5 * time.Second,
		KnockMost:  10 * time.Minute,
		Review:     5 * time.Second,
		Body:       headerPatience,
	}
}
