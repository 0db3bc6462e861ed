package e2e_test

import (
	"strings"
	"syscall"
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
)

// TestAnOperatorSeesWhatRuns holds the commands of parley to a deployment of two gateways and two replicas.
func TestAnOperatorSeesWhatRuns(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t).URL
	parts := harness.StartSite(t, nats, 2, 2, nil, nil)
	s := newSite(t, nats, views.Strict, parts.Gateways...)
	command := func(args ...string) *harness.Process {
		return harness.Start(t, "parley "+args[0], harness.Parley, append(args, "--nats", nats)...)
	}
	said := func(code int, args ...string) string {
		t.Helper()
		p := command(args...)
		if got := p.Wait(t); got != code {
			t.Errorf("parley %s: exit code %d, expected %d:\n%s", args[0], got, code, p.Log())
		}
		return p.Log()
	}

	watch := command("watch")
	watch.Logged(t, "listening to all rooms")
	room := fresh(t)
	clients := s.dials(t, 3)
	fill(t, room, clients...)
	watch.Logged(t, "room-created   "+string(room))
	watch.Logged(t, string(clients[2].ID()))
	watch.Signal(t, syscall.SIGINT)
	if code := watch.Wait(t); code != 0 {
		t.Errorf("interrupted, watch ends with %d", code)
	}

	harness.Await(t, "the replica that is asked for the rooms has followed the stream", func() bool {
		out := said(0, "rooms")
		return strings.Contains(out, string(clients[0].ID())+"        3") && strings.HasSuffix(out, "1 room, 3 members")
	})
	out := said(0, "room", string(room))
	last := -1
	for _, c := range clients {
		at := strings.LastIndex(out, string(c.ID()))
		if at <= last {
			t.Errorf("%s does not stand in its order in\n%s", c.ID(), out)
		}
		last = at
	}
	if out := said(1, "room", "nowhere"); !strings.Contains(out, "no such room") {
		t.Errorf("a room that there is not:\n%s", out)
	}

	var sessions int
	harness.Await(t, "gateways have told what they hold", func() bool {
		out = said(0, "status")
		sessions = strings.Count(out, "         2     0      1") + strings.Count(out, "         1     0      1")
		return sessions == 2
	})
	for _, want := range []string{"Rooms   1 room, 3 members", "Stream  " + strings.ToUpper(proto.DefaultPrefix) + ": ", "100.0 %", "  0.0 %"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q does not stand in\n%s", want, out)
		}
	}
}
