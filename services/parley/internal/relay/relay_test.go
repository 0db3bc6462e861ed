package relay

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/turn/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/parley-rtc/parley/gateway/ice"
	"github.com/parley-rtc/parley/services/internal/certs"
)

const secret = "sixteen-bytes-at-least"

// public is no address of this machine, as behind a router that passes all on.
var public = netip.MustParseAddr("8.8.4.4")

// world is a server, and its clients.
type world struct {
	t   *testing.T
	m   *metrics
	udp string
	tcp string
	at  atomic.Int64 // the server's time
	s   *Server
}

func (w *world) callers() *callers { return w.s.callers }

func newWorld(t *testing.T, cfg Config) *world {
	t.Helper()
	w := &world{t: t, m: NewMetrics(prometheus.NewRegistry())}
	w.at.Store(1_700_000_000)
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Public, cfg.Secret, cfg.now = public, []byte(secret), func() time.Time { return time.Unix(w.at.Load(), 0) }
	s, err := Start(cfg, udp, tcp, w.m)
	if err != nil {
		t.Fatal(err)
	}
	w.s = s
	t.Cleanup(func() {
		if err := s.turn.Close(); err != nil {
			t.Error(err)
		}
	})
	w.udp, w.tcp = udp.LocalAddr().String(), tcp.Addr().String()
	return w
}

// client is one with credentials of a name that expire in so long, over what dial opens; nil: UDP.
func (w *world) client(name string, left time.Duration, dial func() (net.Conn, error)) *turn.Client {
	w.t.Helper()
	var socket net.PacketConn
	var err error
	if dial == nil {
		socket, err = net.ListenPacket("udp4", "127.0.0.1:0")
	} else {
		var c net.Conn
		if c, err = dial(); err == nil {
			socket = turn.NewSTUNConn(c)
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
	username, password := ice.Credentials([]byte(secret), name, time.Unix(w.at.Load(), 0).Add(left))
	at := w.udp
	if dial != nil {
		at = w.tcp
	}
	c, err := turn.NewClient(&turn.ClientConfig{STUNServerAddr: at, TURNServerAddr: at, Username: username, Password: password, Conn: socket})
	if err == nil {
		err = c.Listen()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close(); _ = socket.Close() })
	return c
}

func (w *world) allocate(c *turn.Client) net.PacketConn {
	w.t.Helper()
	relay, err := c.Allocate()
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = relay.Close() })
	return relay
}

// talks has two relays let each other in, and a packet pass each way.
func (w *world) talks(a, b net.PacketConn) {
	w.t.Helper()
	for _, pair := range [][2]net.PacketConn{{a, b}, {b, a}} {
		if _, err := pair[0].WriteTo([]byte("let in"), pair[1].LocalAddr()); err != nil {
			w.t.Fatal(err)
		}
	}
	heard := make([]byte, 100)
	for i, pair := range [][2]net.PacketConn{{a, b}, {b, a}} {
		word := fmt.Sprintf("word %d of %s", i, pair[0].LocalAddr())
		for {
			if _, err := pair[0].WriteTo([]byte(word), pair[1].LocalAddr()); err != nil {
				w.t.Fatal(err)
			}
			_ = pair[1].SetReadDeadline(time.Now().Add(10 * time.Second))
			n, from, err := pair[1].ReadFrom(heard)
			if err != nil {
				w.t.Fatalf("nothing comes through: %v", err)
			}
			if string(heard[:n]) != word {
				continue // of before
			}
			if from.String() != pair[0].LocalAddr().String() {
				w.t.Fatalf("a packet comes from %s, and not from %s", from, pair[0].LocalAddr())
			}
			break
		}
	}
}

func (w *world) refused(why string) float64 {
	return testutil.ToFloat64(w.m.refused.WithLabelValues(why))
}

func TestClientsReachEachOtherOverUDPTCPAndTLS(t *testing.T) {
	t.Parallel()
	own := certs.Settings{SelfSigned: true}
	cert, err := own.Open()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, Config{TLS: cert.Config()})
	overTCP := func() (net.Conn, error) { return net.Dial("tcp4", w.tcp) }
	overTLS := func() (net.Conn, error) { return tls.Dial("tcp4", w.tcp, &tls.Config{InsecureSkipVerify: true}) } //nolint:gosec // the test's own
	a, b, c := w.allocate(w.client("ann", time.Minute, nil)), w.allocate(w.client("bob", time.Minute, overTCP)), w.allocate(w.client("cid", time.Minute, overTLS))
	if host, _, _ := net.SplitHostPort(a.LocalAddr().String()); host != public.String() {
		t.Errorf("a relay is at %s", a.LocalAddr())
	}
	w.talks(a, b)
	w.talks(b, c)
	if n := testutil.ToFloat64(w.m.allocations); n != 3 {
		t.Errorf("%v allocations are counted", n)
	}
}

// What must not be reached is refused when it is asked for, or hears nothing.
func TestNothingElseOfThisHostIsReachedAndNothingPrivate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	a := w.allocate(w.client("ann", time.Minute, nil))
	for _, peer := range []string{"127.0.0.1:4222", "10.0.0.1:80", "169.254.169.254:80", "192.168.0.1:80", "100.64.0.1:1", "224.0.0.1:1", "0.0.0.0:1"} {
		to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(peer))
		if _, err := a.WriteTo([]byte("x"), to); err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("%s: %v", peer, err)
		}
	}
	victim, err := net.ListenPacket("udp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer victim.Close()
	port := addrPort(victim.LocalAddr()).Port()
	if _, err := a.WriteTo([]byte("x"), net.UDPAddrFromAddrPort(netip.AddrPortFrom(public, port))); err != nil {
		t.Fatal(err) // the address is let in, as other relays have it; the port is not
	}
	w.until("a packet is dropped", func() bool { return w.refused("address") > 0 })
	_ = victim.SetReadDeadline(time.Now())
	if n, from, err := victim.ReadFrom(make([]byte, 10)); err == nil {
		t.Errorf("another port of this host hears %d bytes from %s", n, from)
	}
	// Nor does it reach a relay.
	relayed := addrPort(a.LocalAddr()).Port()
	if _, err := victim.WriteTo([]byte("y"), net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, relayed))); err != nil {
		t.Fatal(err)
	}
	w.until("another is dropped", func() bool { return w.refused("address") > 1 })
}

func TestCredentialsCountWhenAnAllocationIsMadeAndThenForADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	c, other := w.client("ann", time.Minute, nil), w.client("bob", 48*time.Hour, nil)
	a, b := w.allocate(c), w.allocate(other)
	if _, err := w.client("old", -time.Second, nil).Allocate(); err == nil {
		t.Error("credentials that have expired make an allocation")
	}
	w.at.Add(int64((23 * time.Hour).Seconds()))
	w.talks(a, b) // what lets in is asked for only now
	if _, err := w.client("new", -time.Second, nil).Allocate(); err == nil {
		t.Error("credentials that have expired make an allocation")
	}
	w.at.Add(int64((2 * time.Hour).Seconds()))
	if _, err := a.WriteTo([]byte("x"), net.UDPAddrFromAddrPort(netip.MustParseAddrPort("8.8.8.8:9"))); err == nil {
		t.Error("credentials that expired more than a day ago let somebody in")
	}
	if w.refused("credentials") == 0 {
		t.Error("nothing is counted")
	}
}

func TestOfStrangersAndOfTooManyNothingIsAllocated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{PerUser: 2, PerAddress: 3, Total: 100})
	for range 2 {
		w.allocate(w.client("ann", time.Minute, nil))
	}
	quota := func(err error) bool { return err != nil && strings.Contains(err.Error(), "486") }
	if _, err := w.client("ann", time.Minute, nil).Allocate(); !quota(err) {
		t.Errorf("the third of a user: %v", err)
	}
	last := w.allocate(w.client("bob", time.Minute, nil))
	if _, err := w.client("cid", time.Minute, nil).Allocate(); !quota(err) {
		t.Errorf("the fourth of an address: %v", err)
	}
	if err := last.Close(); err != nil {
		t.Fatal(err)
	}
	w.until("one is gone", func() bool { return testutil.ToFloat64(w.m.allocations) == 2 })
	w.allocate(w.client("cid", time.Minute, nil))
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	stranger, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: w.udp, TURNServerAddr: w.udp, Username: fmt.Sprintf("%d:ann", w.at.Load()+60), Password: "guessed", Conn: socket,
	})
	if err = errors.Join(err, stranger.Listen()); err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if _, err := stranger.Allocate(); err == nil {
		t.Error("a password that was guessed makes an allocation")
	}
}

func TestWhoSendsMoreThanItsShareIsNotCarried(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{Bits: 8})
	a, b := w.allocate(w.client("ann", time.Minute, nil)), w.allocate(w.client("bob", time.Minute, nil))
	w.talks(a, b)
	w.until("what is too much is dropped", func() bool {
		if _, err := a.WriteTo(make([]byte, 1200), b.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		return w.refused("rate") > 0
	})
}

// held reports whether a connection stands.
func held(t *testing.T, c net.Conn) bool {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	_, err := c.Read(make([]byte, 1))
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// until waits for what has to come.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	for begun := time.Now(); !holds(); time.Sleep(time.Millisecond) { //nolint:forbidigo // it can only be looked at
		if time.Since(begun) > 30*time.Second {
			w.t.Fatalf("not within 30 s: %s", what)
		}
	}
}

func TestConnectionsThatGetNoAllocationEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{waiting: 300 * time.Millisecond})
	overTCP := func() (net.Conn, error) { return net.Dial("tcp4", w.tcp) }
	client := w.client("ann", time.Minute, overTCP)
	relayed := w.allocate(client)
	for name, says := range map[string]string{"nothing": "", "a byte": "\x00", "half of a handshake": "\x16\x03\x01", "a request without credentials": "\x00\x03\x00\x00\x21\x12\xa4\x42123456789012"} {
		c, err := overTCP()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if _, err := c.Write([]byte(says)); err != nil {
			t.Fatal(err)
		}
		w.until("the connection ends that says "+name, func() bool { return !held(t, c) })
	}
	other := w.allocate(w.client("bob", time.Minute, nil))
	w.talks(relayed, other) // an allocation's connection stands
	if err := relayed.Close(); err != nil {
		t.Fatal(err)
	}
	w.until("it ends with its allocation", func() bool { w.callers().mu.Lock(); defer w.callers().mu.Unlock(); return len(w.callers().conns) == 0 })
}

func TestOneAddressTakesNotAllConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	var all []net.Conn
	for range mostWaiting/4 + 5 {
		c, err := net.Dial("tcp4", w.tcp)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		all = append(all, c)
	}
	w.until("those that are too many are closed", func() bool {
		n := 0
		for _, c := range all {
			if held(t, c) {
				n++
			}
		}
		return n == mostWaiting/4
	})
	away := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	w.allocate(w.client("ann", time.Minute, func() (net.Conn, error) { return away.Dial("tcp4", w.tcp) }))
}

func TestPeersWithoutEndAreNotLetIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	c := w.client("ann", time.Minute, nil)
	w.allocate(c)
	refused := 0
	for i := range peersAtOnce + 20 {
		if err := c.CreatePermission(&net.UDPAddr{IP: net.IPv4(9, 9, byte(i/250), byte(i%250)), Port: 9}); err != nil {
			if !strings.Contains(err.Error(), "403") {
				t.Fatal(err)
			}
			refused++
		}
	}
	if refused == 0 {
		t.Error("all are let in")
	}
}

func TestNoMoreSocketsAreOpenedThanThereMayBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{Sockets: 2})
	first := w.allocate(w.client("ann", time.Minute, nil))
	w.allocate(w.client("bob", time.Minute, nil))
	if _, err := w.client("cid", time.Minute, nil).Allocate(); err == nil || !strings.Contains(err.Error(), "508") {
		t.Errorf("the third: %v", err)
	}
	c, err := net.Dial("tcp4", w.tcp)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w.until("a connection is closed at once", func() bool { return !held(t, c) })
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	w.until("a place is free", func() bool { w.callers().mu.Lock(); defer w.callers().mu.Unlock(); return w.callers().sockets == 1 })
	w.allocate(w.client("cid", time.Minute, nil))
}

// What nobody should send changes nothing for others, and is answered as the RFCs have it or not at all.
func TestWhatIsNoMessageOfSTUNDisturbsNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	a, b := w.allocate(w.client("ann", time.Minute, nil)), w.allocate(w.client("bob", time.Minute, nil))
	stranger, err := net.Dial("udp4", w.udp)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	for i := range 3000 {
		message := make([]byte, random.IntN(1400))
		for j := range message {
			message[j] = byte(random.Uint32())
		}
		if i%2 == 0 && len(message) >= 20 { // a header that is right, with attributes that are not
			copy(message, []byte{0, byte([]int{1, 3, 4, 8, 9, 6, 10}[random.IntN(7)]), byte((len(message) - 20) >> 8), byte(len(message) - 20), 0x21, 0x12, 0xa4, 0x42})
		}
		if i%5 == 0 && len(message) >= 4 { // data for a channel that nobody has
			copy(message, []byte{0x40, byte(i), 0, 1})
		}
		if _, err := stranger.Write(message); err != nil {
			continue // it hears that nobody listens, if so
		}
	}
	w.talks(a, b)
	if n := testutil.ToFloat64(w.m.allocations); n != 2 {
		t.Errorf("%v allocations are counted", n)
	}
}

func TestNothingIsKeptOfWhoHasGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{waiting: time.Hour})
	var conn net.Conn
	a := w.allocate(w.client("ann", time.Minute, nil))
	b := w.allocate(w.client("bob", time.Minute, func() (c net.Conn, err error) {
		conn, err = net.Dial("tcp4", w.tcp)
		return conn, err //nolint:wrapcheck // a test's
	}))
	w.talks(a, b)
	for _, relayed := range []net.PacketConn{a, b} {
		if err := relayed.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	w.until("nothing is kept", func() bool {
		c, q := w.callers(), w.s.quotas
		c.mu.Lock()
		defer c.mu.Unlock()
		q.mu.Lock()
		defer q.mu.Unlock()
		return c.sockets+c.all+len(c.waiting)+len(c.conns)+len(c.relays)+len(c.overUDP)+q.all+len(q.users)+len(q.from) == 0
	})
	if n := testutil.ToFloat64(w.m.allocations); n != 0 {
		t.Errorf("%v allocations are counted", n)
	}
}
