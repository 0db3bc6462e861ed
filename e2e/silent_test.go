package e2e_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// Connections that say nothing take no descriptor that the journal needs: whoever opens them, to whatever the process
// listens on, rooms are made and joined while they stand, and afterwards.
func TestSilentConnectionsLeaveTheJournalItsDescriptors(t *testing.T) {
	t.Parallel()
	p := harness.StartParleyShort(t, 160, "--data-dir", t.TempDir())
	dial := func() *testkit.Client {
		c, err := testkit.Open(t.Context(), p.WS(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	var silent []net.Conn
	for _, role := range []string{"clients", "ops", "nats"} {
		for range 300 {
			c, err := net.Dial("tcp", p.Addr(t, role))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			silent = append(silent, c)
		}
		for i := range 5 {
			room := proto.Room(fmt.Sprintf("%s-%d", role, i))
			want(t, dial().Create(t, room), proto.RoomCreated)
			want(t, dial().Join(t, room), proto.RoomJoined)
		}
	}
	for _, c := range silent {
		_ = c.Close()
	}
	want(t, dial().Create(t, "afterwards"), proto.RoomCreated)
	p.Ready(t)
}
