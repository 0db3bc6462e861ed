package socketio

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parley-rtc/parley/proto"
)

// A ping may stand behind what a client on a thin line is still reading: it is not dead for that.
func TestNoPongIsMissedWhileTheClientIsWrittenTo(t *testing.T) {
	t.Parallel()
	s := New(Config{
		Door:    unbounded(),
		Gateway: proto.GatewayID(uuid.NewString()), PingInterval: time.Second, PingTimeout: time.Second,
	}, slog.New(slog.DiscardHandler))
	if err := s.cfg.Door.Enter(""); err != nil {
		t.Fatal(err)
	}
	c := s.open(revision4, modePolling, "", opener{})
	ended := func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.life.ended
	}
	c.beat.unused = 0
	c.writes.Add(1)
	for at := time.Duration(0); at < 10*time.Second; at += 100 * time.Millisecond {
		c.tick(at)
	}
	if ended() {
		t.Fatal("it ended while it was written to")
	}
	c.writes.Add(-1)
	c.tick(10 * time.Second)
	if ended() {
		t.Error("it ended with no time to answer")
	}
	c.tick(12 * time.Second)
	if !ended() {
		t.Error("it lives without an answer")
	}
}
