package gateway

import (
	"errors"
	"fmt"
	"time"
)

// errNotReady is returned by Ready, wrapped, with the reason.
var errNotReady = errors.New("not ready")

// How long a gateway is ready without what it needs: replicas take turns, and one may be replaced.
const (
	readyUnheard    = 5 * time.Second  // no replica has said that it is up
	readyUnanswered = 10 * time.Second // how long an unanswered request counts that was followed by no answer
	readyOthers     = 2 * time.Second  // how long before it none may have been answered: the time of a signal
)

// Ready returns nil when NATS is reached, a replica of the room service says in its beats that it is up, and some requests are
// answered, if any are made. It asks nobody anything and does not block.
func (g *Gateway) Ready() error {
	now := time.Now()
	up, left := g.ranking.LastUp()
	switch {
	case g.door.isDraining():
		return fmt.Errorf("%w: draining", errNotReady)
	case !g.up.Load() || !g.conn.IsConnected():
		return fmt.Errorf("%w: NATS is not reached", errNotReady)
	case now.Sub(up) > readyUnheard && left:
		return fmt.Errorf("%w: no replica of the room service is ready; its /readyz says why", errNotReady)
	case now.Sub(up) > readyUnheard:
		return fmt.Errorf("%w: no replica of the room service is heard", errNotReady)
	case g.unanswered(now):
		return fmt.Errorf("%w: the room service does not answer", errNotReady)
	}
	return nil
}

// unanswered reports whether a request was given up lately, while none was answered, and none was since.
func (g *Gateway) unanswered(now time.Time) bool {
	gaveUp, answered := g.gaveUp.Load(), g.answered.Load()
	return gaveUp > answered && now.UnixMilli()-gaveUp < readyUnanswered.Milliseconds()
}
