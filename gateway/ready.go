package gateway

import (
	"fmt"
	"sync/atomic"
	"time"
)

// How long a gateway is ready without what it needs: replicas take turns, and one may be replaced.
const (
	readyUnheard    = 5 * time.Second  // no replica has said that it is up
	readyUnanswered = 10 * time.Second // how long an unanswered request counts that was followed by no answer
	readyOthers     = 2 * time.Second  // how long before it none may have been answered: the time of a signal
)

// Ready returns nil when Run runs, NATS is reached, a replica of the room service says in its beats that it is up, and some
// requests are answered, if any are made. It asks nobody anything and does not block. An error wraps [ErrNotReady].
func (g *Gateway) Ready() error {
	now := time.Now()
	up, left := g.ranking.LastUp()
	switch {
	case g.front.door.IsShut():
		return fmt.Errorf("%w: draining", ErrNotReady)
	case !g.up.Load() || !g.conn.IsConnected():
		return fmt.Errorf("%w: NATS is not reached", ErrNotReady)
	case g.trust.unread():
		return fmt.Errorf("%w: which tokens were revoked is not known yet", ErrNotReady)
	case now.Sub(up) > readyUnheard && left:
		return fmt.Errorf("%w: no replica of the room service is ready; its /readyz says why", ErrNotReady)
	case now.Sub(up) > readyUnheard:
		return fmt.Errorf("%w: no replica of the room service is heard", ErrNotReady)
	case g.answers.lacking(now):
		return fmt.Errorf("%w: the room service does not answer", ErrNotReady)
	}
	return nil
}

// answers are whether requests are answered. The dispatcher writes them.
type answers struct {
	last   atomic.Int64 // when a request was last answered, in Unix milliseconds
	gaveUp atomic.Int64 // and when one last was not
}

// lacking reports whether a request was given up lately, while none was answered, and none was since.
func (a *answers) lacking(now time.Time) bool {
	gaveUp, answered := a.gaveUp.Load(), a.last.Load()
	return gaveUp > answered && now.UnixMilli()-gaveUp < readyUnanswered.Milliseconds()
}
