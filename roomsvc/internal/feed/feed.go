// Package feed is what the journal's tests reach of how it follows its stream. Those tests are a module of their own
// (roomsvc/tests), so that who imports roomsvc does not get a NATS server into the bargain, and they see only what is exported.
package feed

import (
	"context"

	"github.com/nats-io/nats.go"
)

// Follower is one who follows a stream, a step at a time.
type Follower struct {
	Last    *uint64 // the sequence that was brought last
	Find    func(ctx context.Context) (last uint64, err error)
	Consume func(ctx context.Context, name, inbox string) (records uint64, err error)
	Read    func(ctx context.Context, sub *nats.Subscription, records uint64) error
}

// What package journal sets.
var (
	// New makes a follower of the stream as it is now, out of a *journal.Journal and a journal.Handler, which may be nil. It
	// makes the stream where there is none.
	New func(ctx context.Context, j, handler any) (Follower, error)
	// ErrBroken is wrapped by what Read returns when something is missing.
	ErrBroken error
)
