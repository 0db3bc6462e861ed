package sim

import (
	"math/rand/v2"
	"time"

	"github.com/parley-rtc/parley/e2e/orders"
	"github.com/parley-rtc/parley/proto"
)

// Of returns the options of a run from its seed: what goes wrong differs from run to run.
func Of(seed uint64) Options {
	o := Options{Steps: 600, Older: true}
	if seed%8 != 0 { // each eighth run is one in which nothing does
		o.Loss = int(seed % 3 * 10) // 0 to 20
		o.Kills, o.Elections = seed%2 != 0, seed%5 < 2
	}
	return o
}

// OfSessions returns the options of a run with resumable sessions.
func OfSessions(seed uint64) Options {
	const sessions, mixed = 100, 60
	o := Options{Steps: 600, Sessions: mixed, Drains: seed%4 == 1, Older: seed%16 == 3}
	if seed%2 != 0 {
		o.Sessions = sessions
	}
	if seed%5 == 0 { // nothing goes wrong but connections: nobody may be in lost
		return o
	}
	o.Wrong, o.Unread, o.Bounds = seed%5 > 1, seed%5 > 2, seed%11 == 7
	if seed%7 != 0 {
		o.Loss = int(seed % 3 * 10) // 0 to 20
		o.Kills, o.Elections = seed%7 > 2, seed%7%2 != 0
	}
	return o
}

// OfModeration returns the options of a run in which owners and moderators remove members, and lock rooms and hand them over, while
// everything goes wrong that does with sessions.
func OfModeration(seed uint64) Options {
	const some, many, tokens, all = 20, 45, 70, 100
	o := OfSessions(seed)
	o.Moderation, o.Tokens = some, tokens
	if seed%3 == 0 {
		o.Moderation = many
	}
	if seed%4 == 2 {
		o.Tokens = all
	}
	return o
}

// Run carries out one run. It returns why it failed, empty when it did not, and, with Options.Trace, what happened.
func Run(seed uint64, o Options) (fault string, trace []string) {
	w := &world{
		Options: o, rnd: rand.New(rand.NewPCG(seed, 1)), net: network{cut: nodes}, // to be repeated
		attempts: make(map[string]*attempt), leaves: make(map[proto.RequestID]proto.RequestID), history: make(map[proto.Room]*history),
		pages: make(map[proto.ClientID]*page), lines: make(map[pair][]*signal), turns: make(map[proto.RequestID]int64),
		started: make(map[proto.GatewayID]*gateway), asks: make(map[proto.RequestID]*ask), orders: make(map[proto.Room]*orders.Book),
	}
	w.stream = newStream(w)
	defer func() {
		for _, c := range w.clients {
			c.stop()
		}
	}()
	for range 2 {
		w.startReplica()
		w.startGateway()
	}
	w.after(2*time.Second, w.step)
	w.run(int64(2*time.Second) + int64(o.Steps)*int64(35*time.Millisecond))
	w.settle()
	return w.fault, w.trace
}
