package testkit

import (
	"fmt"
	"net"
	"testing"
)

// TestAPortIsKeptForTheTestThatTookIt: nobody else gets it while nothing listens on it, and somebody does afterwards.
func TestAPortIsKeptForTheTestThatTookIt(t *testing.T) {
	var port int
	t.Run("a test", func(t *testing.T) {
		port = Ports(t, 1)[0]
		if l, err := net.ListenPacket("udp4", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			_ = l.Close()
			t.Errorf("port %d can be taken again", port)
		}
	})
	l, err := net.ListenPacket("udp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatalf("the test has ended: %v", err)
	}
	_ = l.Close()
}
