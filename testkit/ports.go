package testkit

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// Ports returns ports of the loopback that nothing listens on, outside the range from which the system gives ports to
// outgoing connections: a server that is started again finds its own still free. Until the test ends, the UDP port of the same
// number, which nothing here uses, keeps a port from the other tests, also from those of other processes: two runs at once once
// chose the same one, and the server that came second ended.
func Ports(tb testing.TB, n int) []int {
	tb.Helper()
	ports := make([]int, 0, n)
	for len(ports) < n {
		port := 12000 + rand.IntN(20000)
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		kept, err := net.ListenPacket("udp4", addr)
		if err != nil {
			continue
		}
		tb.Cleanup(func() { _ = kept.Close() })
		l, err := net.Listen("tcp4", addr)
		if err != nil {
			continue
		}
		defer l.Close()
		ports = append(ports, port)
	}
	return ports
}
