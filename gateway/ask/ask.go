package ask

import (
	"sync/atomic"
	"time"

	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// Ask is one request to the room service, with all its attempts.
type Ask struct {
	// Set by who makes it.
	rooms.Ask
	Session  uint64 // the session's number, 0 for the gateway's own; with Num it names the reply subjects
	Payload  []byte
	Deadline time.Time
	Target   proto.ClientID // of a signal
	Inquiry  bool           // the core has nothing to do with it: the answer is handed on
	Wake     chan struct{}  // 1 deep: something below has changed

	// Owned by the goroutine that asks.
	attempt uint32

	// Set by the dispatcher, read by the goroutine that asks.
	PushIt  *proto.Stay   // of a signal: it was not handed on, since its target, whose stay this is, has a resumable session; valid once done
	nobody  atomic.Uint32 // the last attempt for which NATS found nobody
	done    atomic.Bool
	outcome atomic.Int32 // a [rooms.Outcome], valid once done
}

// Resolve ends the ask. Dispatcher only.
func (a *Ask) Resolve(outcome rooms.Outcome) {
	a.outcome.Store(int32(outcome))
	a.done.Store(true)
	a.nudge()
}

// Done reports whether the ask has ended.
func (a *Ask) Done() bool { return a.done.Load() }

// Outcome returns how an ask that is done has ended.
func (a *Ask) Outcome() rooms.Outcome { return rooms.Outcome(a.outcome.Load()) } // it was one

// NobodyThere notes that NATS found nobody for an attempt. Dispatcher only.
func (a *Ask) NobodyThere(attempt uint32) {
	if attempt > a.nobody.Load() {
		a.nobody.Store(attempt)
		a.nudge()
	}
}

func (a *Ask) nudge() {
	select {
	case a.Wake <- struct{}{}:
	default:
	}
}
