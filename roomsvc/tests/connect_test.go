package roomsvc_test

import (
	"testing"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc"
	"github.com/parley-rtc/parley/testkit"
)

// It serves again long before nats.go itself would give up a write, which is after a minute.
func TestAReplicaWhoseWritesBlockServesAgain(t *testing.T) {
	t.Parallel()
	for name, reach := range map[string]func(*roomsvc.Config, *testkit.Jam){
		"requests": func(c *roomsvc.Config, jam *testkit.Jam) { c.JournalOptions, c.Options = c.Options, jam.Options() },
		"journal":  func(c *roomsvc.Config, jam *testkit.Jam) { c.JournalOptions = jam.Options() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := testkit.StartNATS(t)
			jam := testkit.NewJam(n)
			r := start(t, n, func(c *roomsvc.Config) { c.JournalServers = n.URL(); reach(c, jam) })
			g := newAsker(t, n)
			ann := proto.NewClientID()
			expect(t, g.create("before", ann), proto.RoomCreated)
			before := jam.Block()
			testkit.WaitFor(t, "another connection", func() bool { return jam.Made() > before })
			testkit.WaitFor(t, "the replica to be ready", func() bool { return r.Ready() == nil })
			expect(t, g.create("after", ann), proto.RoomCreated)
		})
	}
}
