package relay

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/parley-rtc/parley/gateway/ice"
)

// stranger speaks to the server by messages that no library would write.
type stranger struct {
	w              *world
	conn           net.Conn
	name, password string
	nonce          stun.Nonce
}

func (w *world) stranger(name string, left time.Duration) *stranger {
	w.t.Helper()
	conn, err := net.Dial("udp4", w.udp)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	username, password := ice.Credentials([]byte(secret), name, time.Unix(w.at.Load(), 0).Add(left))
	return &stranger{w: w, conn: conn, name: username, password: password}
}

// silence stands for no answer. pion gives none where a client has no allocation, as if the packet had been lost; RFC 8656 has 437 there.
const silence = -1

// asks sends a request with credentials, and returns the code of the error that is answered; 0: none, and the answer.
func (s *stranger) asks(method stun.Method, attributes ...stun.Setter) (int, *stun.Message) {
	s.w.t.Helper()
	for range 2 { // the first is answered with a nonce
		setters := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, attributes...)
		if s.nonce != nil {
			setters = append(setters, stun.NewUsername(s.name), stun.NewRealm(realm), s.nonce, stun.NewLongTermIntegrity(s.name, realm, s.password))
		}
		request, err := stun.Build(setters...)
		if err != nil {
			s.w.t.Fatal(err)
		}
		code, answer := s.sends(request)
		if code == int(stun.CodeUnauthorized) && s.nonce == nil || code == int(stun.CodeStaleNonce) {
			if err := s.nonce.GetFrom(answer); err != nil {
				s.w.t.Fatal(err)
			}
			continue
		}
		return code, answer
	}
	return int(stun.CodeUnauthorized), nil
}

func (s *stranger) sends(request *stun.Message) (int, *stun.Message) {
	s.w.t.Helper()
	if _, err := s.conn.Write(request.Raw); err != nil {
		s.w.t.Fatal(err)
	}
	b := make([]byte, 1500)
	_ = s.conn.SetReadDeadline(time.Now().Add(time.Second))
	n, err := s.conn.Read(b)
	if err != nil {
		return silence, nil
	}
	answer := &stun.Message{Raw: b[:n]}
	if err := answer.Decode(); err != nil {
		s.w.t.Fatal(err)
	}
	var code stun.ErrorCodeAttribute
	if err := code.GetFrom(answer); err == nil {
		return int(code.Code), answer
	}
	return 0, answer
}

// raw is an attribute by its number.
type raw struct {
	number stun.AttrType
	value  []byte
}

// AddTo implements [stun.Setter].
func (r raw) AddTo(m *stun.Message) error { m.Add(r.number, r.value); return nil }

func transport(number byte) raw { return raw{stun.AttrRequestedTransport, []byte{number, 0, 0, 0}} }

func peer(t *testing.T, text string) stun.Setter {
	t.Helper()
	at := netip.MustParseAddrPort(text)
	return setter(func(m *stun.Message) error {
		return stun.XORMappedAddress{IP: at.Addr().AsSlice(), Port: int(at.Port())}.AddToAs(m, stun.AttrXORPeerAddress) //nolint:wrapcheck // a test's
	})
}

type setter func(*stun.Message) error

// AddTo implements [stun.Setter].
func (f setter) AddTo(m *stun.Message) error { return f(m) }

func channel(number uint16) raw {
	return raw{stun.AttrChannelNumber, binary.BigEndian.AppendUint32(nil, uint32(number)<<16)}
}

const udp = 17

func TestAStrangerGetsTheErrorsOfTheRFCs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	ann := w.stranger("ann", time.Minute)
	for what, c := range map[string]struct {
		who  *stranger
		ask  func(*stranger) (int, *stun.Message)
		code int
	}{
		"no allocation yet": {w.stranger("x", time.Minute), func(s *stranger) (int, *stun.Message) {
			return s.asks(stun.MethodCreatePermission, peer(t, "8.8.8.8:1"))
		}, silence},
		"a refresh of nothing": {w.stranger("x", time.Minute), func(s *stranger) (int, *stun.Message) { return s.asks(stun.MethodRefresh) }, silence},
		"no transport":         {w.stranger("x", time.Minute), func(s *stranger) (int, *stun.Message) { return s.asks(stun.MethodAllocate) }, 400},
		"another transport":    {w.stranger("x", time.Minute), func(s *stranger) (int, *stun.Message) { return s.asks(stun.MethodAllocate, transport(1)) }, 442},
		"relaying over TCP":    {w.stranger("x", time.Minute), func(s *stranger) (int, *stun.Message) { return s.asks(stun.MethodAllocate, transport(6)) }, 508},
		"expired":              {w.stranger("x", -time.Second), func(s *stranger) (int, *stun.Message) { return s.asks(stun.MethodAllocate, transport(udp)) }, 401},
		"a token that nobody has": {w.stranger("x", time.Minute), func(s *stranger) (int, *stun.Message) {
			return s.asks(stun.MethodAllocate, transport(udp), raw{stun.AttrReservationToken, []byte("12345678")})
		}, 508},
		"an address of IPv6": {w.stranger("x", time.Minute), func(s *stranger) (int, *stun.Message) {
			return s.asks(stun.MethodAllocate, transport(udp), raw{stun.AttrRequestedAddressFamily, []byte{2, 0, 0, 0}})
		}, 508},
	} {
		if code, _ := c.ask(c.who); code != c.code {
			t.Errorf("%s: %d, and not %d", what, code, c.code)
		}
	}
	changed := w.stranger("ann", time.Minute)
	changed.name = "9999999999" + changed.name[10:] // counts for longer, says who has not the secret
	if code, _ := changed.asks(stun.MethodAllocate, transport(udp)); code != 401 {
		t.Errorf("a later expiry: %d", code)
	}

	if code, _ := ann.asks(stun.MethodAllocate, transport(udp)); code != 0 {
		t.Fatalf("an allocation: %d", code)
	}
	if code, _ := ann.asks(stun.MethodAllocate, transport(udp)); code != 437 {
		t.Errorf("a second one: %d", code)
	}
	for _, at := range []string{
		"10.0.0.1:80", "[::ffff:10.0.0.1]:80", "[::1]:80", "[64:ff9b::a00:1]:80", "[2002:a00:1::1]:80", "169.254.169.254:80", "[fd00:ec2::254]:80", "0.0.0.0:80", "255.255.255.255:80",
		"[::ffff:127.0.0.1]:4222", "[::127.0.0.1]:4222", "224.0.0.251:5353",
	} {
		for method, attributes := range map[stun.Method][]stun.Setter{
			stun.MethodCreatePermission: {peer(t, at)},
			stun.MethodChannelBind:      {channel(0x4000), peer(t, at)},
		} {
			// pion has 401 for a channel that is forbidden, where RFC 8656 has 403.
			if code, _ := ann.asks(method, attributes...); code != 403 && code != 443 && code != 400 && code != 401 {
				t.Errorf("%s of %s: %d", method, at, code)
			}
		}
	}
	if code, _ := ann.asks(stun.MethodChannelBind, channel(0x4001), peer(t, "8.8.8.8:1")); code != 0 {
		t.Errorf("a channel to a public address: %d", code)
	}
	if code, _ := ann.asks(stun.MethodCreatePermission, peer(t, "8.8.8.8:1"), peer(t, "10.0.0.1:1")); code == 0 {
		t.Error("one that is forbidden passes behind one that is not")
	}
	// Another client with the same credentials has no part of ann's allocation, and one with others' none of anybody's.
	for _, other := range []*stranger{w.stranger("ann", time.Minute), w.stranger("bob", time.Minute)} {
		if code, _ := other.asks(stun.MethodRefresh, raw{stun.AttrLifetime, []byte{0, 0, 0, 0}}); code != silence {
			t.Errorf("ending another's allocation: %d", code)
		}
	}
	thief := w.stranger("bob", time.Minute)
	thief.conn, thief.nonce = ann.conn, ann.nonce // as if it had ann's address
	if code, _ := thief.asks(stun.MethodRefresh, raw{stun.AttrLifetime, []byte{0, 0, 0, 0}}); code == 0 {
		t.Error("another user's credentials end an allocation")
	}
	if n := testutil.ToFloat64(w.m.allocations); n != 1 {
		t.Errorf("%v allocations are counted", n)
	}
}

// What was overheard and sent again by somebody else reaches nothing: it is answered for an address that has no allocation.
func TestWhatIsSentAgainFromElsewhereLetsNobodyIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	ann, thief := w.stranger("ann", time.Minute), w.stranger("thief", time.Minute)
	if code, _ := ann.asks(stun.MethodAllocate, transport(udp)); code != 0 {
		t.Fatalf("an allocation: %d", code)
	}
	overheard, err := stun.Build(stun.TransactionID, stun.NewType(stun.MethodCreatePermission, stun.ClassRequest), peer(t, "8.8.8.8:1"),
		stun.NewUsername(ann.name), stun.NewRealm(realm), ann.nonce, stun.NewLongTermIntegrity(ann.name, realm, ann.password))
	if err != nil {
		t.Fatal(err)
	}
	if code, _ := ann.sends(overheard); code != 0 {
		t.Fatalf("ann's own: %d", code)
	}
	if code, _ := thief.sends(overheard); code != silence {
		t.Errorf("sent again from elsewhere: %d", code)
	}
	w.at.Add(int64((25 * time.Hour).Seconds()))
	if code, _ := ann.sends(overheard); code != 401 {
		t.Errorf("sent again a day later: %d", code)
	}
}

// A client over TCP that takes nothing loses its connection, and what is for it holds nobody up.
func TestAClientThatTakesNothingLosesItsConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{sending: 200 * time.Millisecond})
	var stuck net.Conn
	a := w.allocate(w.client("ann", time.Minute, nil))
	b := w.allocate(w.client("bob", time.Minute, func() (net.Conn, error) {
		conn, err := net.Dial("tcp4", w.tcp)
		stuck = &stalling{Conn: conn, stall: make(chan struct{})}
		return stuck, err
	}))
	w.talks(a, b)
	close(stuck.(*stalling).stall) //nolint:forcetypeassert // it is what dial made
	packet := make([]byte, 1200)
	w.until("its connection ends", func() bool {
		for range 200 {
			if _, err := a.WriteTo(packet, b.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
		w.callers().mu.Lock()
		defer w.callers().mu.Unlock()
		return len(w.callers().conns) == 0
	})
	w.talks(a, w.allocate(w.client("cid", time.Minute, nil)))
}

// stalling is a connection whose reader stops.
type stalling struct {
	net.Conn
	stall chan struct{}
}

var errStalled = errors.New("it reads no more")

// Read implements [net.Conn].
func (s *stalling) Read(b []byte) (int, error) {
	select {
	case <-s.stall:
		return 0, errStalled
	default:
		return s.Conn.Read(b) //nolint:wrapcheck // a test's
	}
}

// What goes by a channel is passed on as it is, and what is no whole packet, or by no channel, is not.
func TestByAChannelPassesWhatIsWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	ann, other := w.stranger("ann", time.Minute), w.stranger("ann", time.Minute)
	code, answer := ann.asks(stun.MethodAllocate, transport(udp))
	if code != 0 {
		t.Fatalf("an allocation: %d", code)
	}
	var relayed stun.XORMappedAddress
	if err := relayed.GetFromAs(answer, stun.AttrXORRelayedAddress); err != nil {
		t.Fatal(err)
	}
	bob := w.allocate(w.client("bob", time.Minute, nil))
	if _, err := bob.WriteTo([]byte("let in"), &net.UDPAddr{IP: relayed.IP, Port: relayed.Port}); err != nil {
		t.Fatal(err)
	}
	if code, _ := ann.asks(stun.MethodChannelBind, channel(0x4001), peer(t, bob.LocalAddr().String())); code != 0 {
		t.Fatalf("a channel: %d", code)
	}
	send := func(from *stranger, packet string) {
		t.Helper()
		if _, err := from.conn.Write([]byte(packet)); err != nil {
			t.Fatal(err)
		}
	}
	hears := func(want string) {
		t.Helper()
		b := make([]byte, 100)
		_ = bob.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, from, err := bob.ReadFrom(b)
		if err != nil || string(b[:n]) != want || from.(*net.UDPAddr).Port != relayed.Port { //nolint:forcetypeassert // a relay has such
			t.Errorf("%q from %v, %v, and not %q", b[:n], from, err, want)
		}
	}
	send(ann, "\x40\x01\x00\x09too short")
	hears("too short")
	send(ann, "\x40\x01\x00\x0atoo short") // says that it is longer than it is
	send(ann, "\x40\x02\x00\x04nine")      // no such channel
	send(ann, "\x40\x01")
	send(other, "\x40\x01\x00\x05other") // the channel is not its own, though the user is
	send(ann, "\x40\x01\x00\x04whole and what pads it")
	hears("whol")
	send(ann, "\x40\x01\x00\x00")
	hears("")

	// The other way: what comes from where the channel leads has its number.
	b := make([]byte, 100)
	for want, text := range map[string]string{"\x40\x01\x00\x05hello": "hello", "\x40\x01\x00\x00": ""} {
		if _, err := bob.WriteTo([]byte(text), &net.UDPAddr{IP: relayed.IP, Port: relayed.Port}); err != nil {
			t.Fatal(err)
		}
		_ = ann.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := ann.conn.Read(b)
		for err == nil && string(b[:n]) == "\x40\x01\x00\x06let in" { // of before
			n, err = ann.conn.Read(b)
		}
		if err != nil || string(b[:n]) != want {
			t.Errorf("%q, %v, and not %q", b[:n], err, want)
		}
	}
	// When the allocation ends its channels do.
	if code, _ := ann.asks(stun.MethodRefresh, raw{stun.AttrLifetime, []byte{0, 0, 0, 0}}); code != 0 {
		t.Fatalf("the end: %d", code)
	}
	w.until("it is gone", func() bool { return testutil.ToFloat64(w.m.allocations) == 1 })
	if code, _ := ann.asks(stun.MethodAllocate, transport(udp)); code != 0 {
		t.Fatalf("another allocation: %d", code)
	}
	send(ann, "\x40\x01\x00\x04late")
	_ = bob.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if n, _, err := bob.ReadFrom(b); err == nil {
		t.Errorf("by a channel that has ended comes %q", b[:n])
	}
}
