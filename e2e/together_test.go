package e2e_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
)

// TestAGatewayThatIsStoppedTogetherWithNATSEndsSoon stops everything at once, as a machine that shuts down does. Nobody can be
// told any more that the gateway's clients have left. The drain time is longer than the harness waits for a process.
func TestAGatewayThatIsStoppedTogetherWithNATSEndsSoon(t *testing.T) {
	t.Parallel()
	for _, how := range []struct {
		name  string
		after []syscall.Signal // what the NATS server gets
	}{
		{"NATS ends in order", []syscall.Signal{syscall.SIGTERM}},
		{"NATS is killed", []syscall.Signal{syscall.SIGKILL}},
	} {
		t.Run(how.name, func(t *testing.T) {
			t.Parallel()
			nats := harness.StartNATS(t)
			parts := harness.StartSite(t, nats.URL, 2, 1, []string{"--drain", "2m"}, nil)
			s := newSite(t, nats.URL, views.Level, parts.Gateways...)
			clients := s.dials(t, 20)
			for _, c := range clients {
				want(t, c.Create(t, fresh(t)), proto.RoomCreated)
			}
			began := time.Now()
			for _, sig := range how.after {
				nats.Signal(t, sig)
			}
			all := append(append([]*harness.Process(nil), parts.Gateways...), parts.Replicas...)
			for _, p := range all {
				p.Signal(t, syscall.SIGTERM)
			}
			for _, p := range all {
				if code := p.Wait(t); code != 0 {
					t.Errorf("%s: exit code %d", p.Name, code)
				}
				t.Logf("%s ended after %v", p.Name, time.Since(began))
			}
		})
	}
}
