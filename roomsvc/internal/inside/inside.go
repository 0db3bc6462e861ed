// Package inside is what tests change about a replica beside what anybody may set. Those tests are a module of their own
// (roomsvc/tests), so that who imports roomsvc does not get a NATS server into the bargain, and they see only what is exported.
package inside

import (
	"time"

	"github.com/parley-rtc/parley/roomsvc/replicas"
)

// Timings are how long things take. Tests shorten some.
type Timings struct {
	replicas.Timings

	Check       time.Duration // between two checks of a gateway: 10 s
	Sweep       time.Duration // between two looks for members of gateways that are gone: 500 ms
	Retell      time.Duration // how old a change may be to be told again: 10 s
	Unanswered  time.Duration // after which an append or a read is made again: 1 s
	JournalAway time.Duration // after which a replica without its journal is not ready: 1 s
	Doubt       time.Duration // after which an append that is not stored has the replica probe the journal: 3 s
	// Unsettled is after how long without one stored append, though some wait, the replica is not ready: 20 s, in which two
	// elections in a row fit.
	Unsettled  time.Duration
	Linger     time.Duration // for which a leaving replica still takes requests: 150 ms
	StopWithin time.Duration // for what was taken to be answered before the replica stops: 5 s
}

// Of returns the timings of a *roomsvc.Config, to be changed before the replica is made. Package roomsvc sets it.
var Of func(config any) *Timings
