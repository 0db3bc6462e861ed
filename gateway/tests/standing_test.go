package gateway_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/parley-rtc/parley/gateway"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// Connections that say nothing are counted, and do not keep clients out.
func TestClientsGetInWhileOthersKeepSilent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{Limits: gateway.Limits{MaxConns: 40, MaxConnsPerAddress: 40}}})
	host := strings.TrimSuffix(strings.TrimPrefix(w.url, "ws://"), "/ws")
	for range 150 {
		c, err := net.Dial("tcp4", host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	a := w.dial()
	testkit.WaitFor(t, "the silent to be dropped", func() bool {
		return w.count("parley_gateway_dropped_sockets_total") >= 150-32 && w.count("parley_gateway_sockets") <= 33
	})
	for i := range 30 {
		w.creates(w.dial(), proto.Room(fmt.Sprintf("room-%d", i)), uint64(i+1))
	}
	w.creates(a, lobby, 99)
}
