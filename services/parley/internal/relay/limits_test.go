package relay

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/parley-rtc/parley/services/internal/certs"
)

func TestAMessageThatIsTooLongOrNoneEndsItsConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{waiting: time.Hour})
	for what, says := range map[string]string{"data of 64 KiB": "\x40\x00\xff\xfb", "a message of 64 KiB": "\x00\x01\xff\xf0", "neither": "GET / HTTP/1.1\r\n\r\n"} {
		c, err := net.Dial("tcp4", w.tcp)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if _, err := c.Write([]byte(says)); err != nil {
			t.Fatal(err)
		}
		w.until(what+" ends it", func() bool { return !held(t, c) })
	}
}

// What comes in pieces of a byte is one message.
func TestAMessageMayComeInPieces(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	c, err := net.Dial("tcp4", w.tcp)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, b := range stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw {
		if _, err := c.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	answer := make([]byte, 100)
	if n, err := c.Read(answer); err != nil || !stun.IsMessage(answer[:n]) {
		t.Errorf("%x, %v", answer[:n], err)
	}
}

// failing is a listener that fails once.
type failing struct {
	net.Listener
	once sync.Once
}

// Accept implements [net.Listener].
func (f *failing) Accept() (c net.Conn, err error) {
	f.once.Do(func() { err = fmt.Errorf("accept: %w", syscall.EMFILE) })
	if err != nil {
		return nil, err
	}
	return f.Listener.Accept() //nolint:wrapcheck // a test's
}

func TestAListenerGoesOnWhenNoDescriptorWasLeft(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	b := &bounded{&failing{Listener: ln}, newCallers(0, time.Hour, time.Hour)}
	c, err := net.Dial("tcp4", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	taken, err := b.Accept()
	if err != nil {
		t.Fatalf("it ends with %v", err)
	}
	defer taken.Close()
	if b.callers.welcome(taken.(*caller).Conn) != nil { //nolint:forcetypeassert // it is what a bounded listener takes
		t.Error("one address has two connections")
	}
}

func TestManyAtOnceAreNotMoreThanAnAddressMayHave(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{PerAddress: 1})
	var all sync.WaitGroup
	for i := range 8 {
		c := w.client(fmt.Sprint("user ", i), time.Minute, func() (net.Conn, error) { return net.Dial("tcp4", w.tcp) })
		all.Go(func() {
			if relay, err := c.Allocate(); err == nil {
				t.Cleanup(func() { _ = relay.Close() })
			}
		})
	}
	all.Wait()
	w.until("there is one, or none", func() bool { return testutil.ToFloat64(w.m.allocations) <= 1 })
}

func TestEmptyPacketsAreNotFree(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{Bits: 8})
	a, b := w.allocate(w.client("ann", time.Minute, nil)), w.allocate(w.client("bob", time.Minute, nil))
	w.talks(a, b)
	w.until("what is too much is dropped", func() bool {
		for range 100 {
			if _, err := a.WriteTo(nil, b.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
		return w.refused("rate") > 0
	})
}

func TestNobodyAsksForEvenPortsOrWithoutAName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	if code, _ := w.stranger("ann", time.Minute).asks(stun.MethodAllocate, transport(udp), raw{stun.AttrEvenPort, []byte{0x80}}); code != int(stun.CodeInsufficientCapacity) {
		t.Errorf("an even port: %d", code)
	}
	if code, _ := w.stranger("", time.Minute).asks(stun.MethodAllocate, transport(udp)); code != int(stun.CodeUnauthorized) {
		t.Errorf("no name: %d", code)
	}
}

func TestTheNameOfTheProtocolMayBeSaidOverTLS(t *testing.T) {
	t.Parallel()
	own := certs.Settings{SelfSigned: true}
	cert, err := own.Open()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, Config{TLS: cert.Config()})
	w.allocate(w.client("ann", time.Minute, func() (net.Conn, error) {
		return tls.Dial("tcp4", w.tcp, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"stun.turn"}}) //nolint:gosec // the test's own
	}))
}

func TestAllOfANetworkIsNobodyToReach(t *testing.T) {
	t.Parallel()
	for network, want := range map[string]string{"8.8.8.1/24": "8.8.8.255", "8.8.4.130/25": "8.8.4.255", "9.9.9.9/32": "9.9.9.9"} {
		ip, n, err := net.ParseCIDR(network)
		if err != nil {
			t.Fatal(err)
		}
		if got := broadcast(&net.IPNet{IP: ip, Mask: n.Mask}).String(); got != want {
			t.Errorf("%s: %s", network, got)
		}
	}
	socket, err := net.ListenUDP("udp4", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	noBroadcast(socket)
	if _, err := socket.WriteToUDP([]byte("x"), &net.UDPAddr{IP: net.IPv4bcast, Port: 9}); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("a broadcast: %v", err)
	}
}
