// Package inside is what tests reach of a gateway beside what anybody may use. Those tests are a module of their own
// (gateway/tests), so that who imports gateway does not get a NATS server into the bargain, and they see only what is exported.
package inside

import (
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-rtc/parley/bus"
	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/edge"
	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/proto"
)

// Of looks into a *gateway.Gateway. Package gateway sets it.
var Of func(gateway any) Gateway

// Gateway is the inside of a gateway.
type Gateway struct {
	// To be changed before Run only.
	Timing *Timing
	Decode *func(data []byte) (proto.Event, error)      // reads the events that NATS brings
	Encode *func(to []byte, answer *proto.Event) []byte // writes the answers to signals
	Rooms  *prometheus.Gauge                            // is set at each tick

	// To be used at any time.
	Ranking    *ask.Ranking
	Door       *edge.Door
	Dispatcher session.Dispatcher
	Messages   chan<- *nats.Msg // what NATS has brought
	Open       link.Opener
	Sessions   func() []*session.Session // of those who are connected
	Requests   func() int                // over HTTP that are under way
	Spawn      func(task func())
	Fail       func(error)
	Sight      func(id proto.ClientID, turn int64) error // a connection of a session is seen that there is not

	Up   func() bool      // it runs
	Conn func() *bus.Conn // once it is up
}

// Timing is how long the gateway waits for what. gateway.New takes the protocol's times; tests shorten some before Run.
type Timing struct {
	Request    time.Duration // from a frame's reading to unavailable
	Signal     time.Duration // the same for a signal
	Attempt    time.Duration // silence after which the next replica is asked
	BackoffMin time.Duration // after the last replica, before the first is asked again: doubled up to BackoffMax
	BackoffMax time.Duration
	Missed     time.Duration // a room that no check has named for this long is asked for
	Tick       time.Duration // between two looks at what is due
	Pulse      time.Duration // the same for what is due around resumptions
	PutOff     time.Duration // how long leaves are put off that were not answered, of a session whose time is up
	Gone       time.Duration // how long an ended session with an open question is remembered
	Knock      time.Duration // between two repetitions of a knock: whoever answers for the room remembers it for 15 s
	KnockMost  time.Duration // how long a knock stands
	Review     time.Duration // before it is asked again for what a new token has brought with it and nobody has answered
	Body       time.Duration // how long the body of a request may take to arrive
}
