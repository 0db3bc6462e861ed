package roomsvc

import (
	"context"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// leave ends the service in good order. Gateways that hear the last beat ask the next replica; what was sent here
// meanwhile is still taken for a moment, and all that was taken is answered.
func (s *Service) leave(ctx context.Context) {
	s.log.Info("stopping")
	s.stopping.Store(true)
	s.watch.Say(proto.Leaving)
	if !s.nc.IsConnected() {
		return // there is nobody to tell
	}
	_ = s.nc.FlushTimeout(time.Second) // what is not sent is noticed by silence
	wait(ctx, s.cfg.timings.Linger, func() bool { return false })
	s.watch.Say(proto.Leaving) // again, should the replica just have become ready
	if s.serving.Load() {
		// Draining unsubscribes and then hands out what has come before. It fails only without a connection.
		_ = s.intake.requests.Drain()
		_ = s.intake.micro.Stop()
		wait(ctx, s.cfg.timings.Linger/5, func() bool { return false })
	}
	wait(ctx, s.cfg.timings.StopWithin, func() bool {
		if !s.nc.IsConnected() {
			return true // no answer would get out
		}
		return (!s.serving.Load() || !s.intake.requests.IsValid()) && s.inflight.Load() == 0 && s.idle()
	})
	_ = s.nc.FlushTimeout(time.Second)
}

// idle reports whether no request waits.
func (s *Service) idle() bool { return s.crew.idle() && len(s.lists.waiting) == 0 }

// wait returns when something is so, or after a time.
func wait(ctx context.Context, atMost time.Duration, so func() bool) {
	deadline := time.NewTimer(atMost)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			return
		case <-deadline.C:
			return
		case <-tick.C:
		}
	}
}
