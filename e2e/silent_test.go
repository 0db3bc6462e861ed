package e2e_test

import (
	"fmt"
	"net"
	"strings"
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

// Clients may take every place that there is for them, and whoever speaks to the other listeners every place there: all of
// these together are fewer than the descriptors.
func TestFullListenersTogetherLeaveTheJournalItsDescriptors(t *testing.T) {
	t.Parallel()
	const descriptors, places = 160, 96
	p := harness.StartParleyShort(t, descriptors, "--data-dir", t.TempDir())
	var clients []*testkit.Client
	for range places {
		c, err := testkit.Open(t.Context(), p.WS(t), nil)
		if err != nil {
			t.Fatalf("client %d: %v", len(clients), err)
		}
		t.Cleanup(c.Close)
		clients = append(clients, c)
	}
	for _, role := range []string{"ops", "nats"} {
		for range descriptors {
			c, err := net.Dial("tcp", p.Addr(t, role))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			if role == "nats" { // which turns away who is too many, once it has accepted it
				if _, err := c.Read(make([]byte, 1)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for i, c := range clients[:20] {
		want(t, c.Create(t, proto.Room(fmt.Sprintf("full-%d", i))), proto.RoomCreated)
	}
	if said := p.Log(); strings.Contains(said, "too many open files") {
		t.Errorf("the descriptors ran out:\n%s", said)
	}
}
