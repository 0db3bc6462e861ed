package ask

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// Ranking knows which replicas live, from their beats and from requests that nobody answered for.
type Ranking struct {
	live atomic.Pointer[[]proto.ReplicaID] // sorted, never changed; read by every ask

	mu    sync.Mutex // guards the fields below
	heard map[proto.ReplicaID]time.Time
	last  time.Time // when any was heard; zero: never
	up    time.Time // when any last said that it is up
	left  time.Time // when any last said that it is leaving
}

// NewRanking returns the ranking of a gateway that has heard nobody.
func NewRanking() *Ranking {
	r := &Ranking{heard: make(map[proto.ReplicaID]time.Time)}
	r.live.Store(new([]proto.ReplicaID))
	return r
}

// Replicas returns those to ask. The slice must not be changed.
func (r *Ranking) Replicas() []proto.ReplicaID { return *r.live.Load() }

// Beat takes a replica's beat.
func (r *Ranking) Beat(b proto.Beat, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = now
	id := proto.ReplicaID(b.ID)
	_, known := r.heard[id]
	if b.State == proto.Leaving {
		delete(r.heard, id)
		r.left = now
	} else {
		r.heard[id] = now
		r.up = now
	}
	if known != (b.State == proto.Up) {
		r.publish()
	}
}

// LastHeard returns when a replica was heard last; the zero time when none ever was.
func (r *Ranking) LastHeard() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// LastUp returns when a replica was heard last to say that it is up, and whether one has said since then that it is leaving,
// which one that cannot change rooms says each second.
func (r *Ranking) LastUp() (up time.Time, left bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.up, r.left.After(r.up)
}

// gone leaves out a replica for which NATS found nobody, until it beats again.
func (r *Ranking) gone(id proto.ReplicaID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.heard[id]; known {
		delete(r.heard, id)
		r.publish()
	}
}

// Tick leaves out those that have not beaten for a while.
func (r *Ranking) Tick(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := len(r.heard)
	for id, at := range r.heard {
		if now.Sub(at) > proto.BeatMissed {
			delete(r.heard, id)
		}
	}
	if len(r.heard) != before {
		r.publish()
	}
}

// publish makes the new list. One that would be empty is not made: a gateway that hears no replica keeps its last
// ranking.
func (r *Ranking) publish() {
	if len(r.heard) == 0 {
		return
	}
	list := make([]proto.ReplicaID, 0, len(r.heard))
	for id := range r.heard {
		list = append(list, id)
	}
	slices.Sort(list)
	r.live.Store(&list)
}
