package testkit_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-rtc/parley/testkit"
)

// store creates the stream TEST with one message in it.
func store(t *testing.T, nc *nats.Conn, replicas int) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "TEST", Subjects: []string{"test"}, Replicas: replicas})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "test", []byte("kept")); err != nil {
		t.Fatal(err)
	}
}

// stored returns how many messages the stream TEST has.
func stored(t *testing.T, nc *nats.Conn) uint64 {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "TEST")
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().State.Msgs
}

func TestARestartedServerKeepsItsStreamsAndItsClients(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]testkit.Option{"in process": nil, "listening": {testkit.Listen()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := testkit.StartNATS(t, opts...)
			back := make(chan struct{}, 1)
			nc := n.Connect(t, nats.ReconnectHandler(func(*nats.Conn) { back <- struct{}{} }))
			store(t, nc, 1)
			url := n.URL()
			n.Restart()
			select {
			case <-back:
			case <-time.After(10 * time.Second):
				t.Fatal("the client did not come back")
			}
			if n.URL() != url {
				t.Errorf("the server moved from %s to %s", url, n.URL())
			}
			if got := stored(t, nc); got != 1 {
				t.Errorf("the stream has %d messages after a restart, 1 before", got)
			}
		})
	}
}

func TestAStoppedServerTakesNoConnections(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	n.Stop()
	if nc, err := nats.Connect(n.URL(), n.Options()...); err == nil {
		nc.Close()
		t.Error("connected to a server that was stopped")
	}
}

func TestAClusterGoesOnWithoutOneOfItsServers(t *testing.T) {
	t.Parallel()
	c := testkit.StartCluster(t, 3)
	c.Servers[0].Stop()
	nc := c.Servers[1].Connect(t)
	testkit.WaitFor(t, "a leader among two", func() bool {
		return c.Servers[1].Server().JetStreamIsLeader() || c.Servers[2].Server().JetStreamIsLeader()
	})
	store(t, nc, 1)
	if got := stored(t, nc); got != 1 {
		t.Errorf("the stream has %d messages, 1 was stored", got)
	}
	c.Servers[0].Restart()
}
