package porch

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// wire is a connection from a made up address.
type wire struct {
	net.Conn
	from   string
	mu     sync.Mutex
	closed bool
}

func (w *wire) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(w.from)) }

func (w *wire) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	return nil
}

func (w *wire) isClosed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

// queue is a listener for connections that are made up.
type queue chan net.Conn

func (q queue) Accept() (net.Conn, error) {
	select {
	case c := <-q:
		return c, nil
	default:
		return nil, io.EOF
	}
}
func (q queue) Close() error   { return nil }
func (q queue) Addr() net.Addr { return &net.TCPAddr{} }

// scene is a porch, and what it has told.
type scene struct {
	t       *testing.T
	q       queue
	p       *Porch
	open    int
	dropped map[Reason]int
}

func newScene(t *testing.T, cfg Config) *scene {
	t.Helper()
	s := &scene{t: t, q: make(queue, 1), dropped: make(map[Reason]int)}
	cfg.Note = func(n int) { s.open = n }
	cfg.Dropped = func(why Reason) { s.dropped[why]++ }
	s.p = New(s.q, cfg)
	return s
}

// comes lets a connection come from an address, and returns the server's end: nil when it was not let in.
func (s *scene) comes(from string) (*wire, net.Conn) {
	s.t.Helper()
	w := &wire{from: from}
	s.q <- w
	c, err := s.p.Accept()
	if (err != nil) != w.isClosed() {
		s.t.Fatalf("closed %t, %v", w.isClosed(), err)
	}
	return w, c
}

// wants checks who is closed.
func (s *scene) wants(closed bool, ws ...*wire) {
	s.t.Helper()
	for i, w := range ws {
		if w.isClosed() != closed {
			s.t.Errorf("number %d from %s: closed is %t", i, w.from, !closed)
		}
	}
}

func TestAFullPorchClosesTheOldestThatHasSaidNothing(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{
		"in all": {Max: 3}, "of the silent": {MaxSilent: 3}, "of one address": {MaxPerAddress: 3},
		"of one address's silent": {MaxSilentPerAddress: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, cfg)
			a, _ := s.comes("192.0.2.1:1")
			b, _ := s.comes("192.0.2.1:2")
			c, _ := s.comes("192.0.2.1:3")
			d, _ := s.comes("192.0.2.1:4")
			s.wants(true, a)
			s.wants(false, b, c, d)
			e, _ := s.comes("192.0.2.1:5")
			s.wants(true, a, b)
			s.wants(false, c, d, e)
			if s.open != 3 || s.dropped[Silent] != 2 || s.dropped[Full] != 0 {
				t.Errorf("%d are open, dropped were %v", s.open, s.dropped)
			}
		})
	}
}

// A crowd from one address does not push out the one who comes from elsewhere and is about to speak.
func TestTheAddressWithTheMostSilentLosesItsOldest(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{Max: 4})
	honest, _ := s.comes("198.51.100.7:1")
	var crowd []*wire
	for i := range 20 {
		w, _ := s.comes(fmt.Sprintf("192.0.2.1:%d", i+1))
		crowd = append(crowd, w)
	}
	late, _ := s.comes("[2001:db8::1]:1")
	s.wants(false, honest, late)
	s.wants(true, crowd[:18]...)
	s.wants(false, crowd[18:]...)
}

func TestWhoHasSpokenIsNeverClosedForAnother(t *testing.T) {
	t.Parallel()
	for name, states := range map[string][]http.ConnState{
		"a request under way": {http.StateNew, http.StateActive},
		"between two polls":   {http.StateNew, http.StateActive, http.StateIdle},
		"a WebSocket":         {http.StateNew, http.StateActive, http.StateHijacked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, Config{Max: 2})
			a, ca := s.comes("192.0.2.1:1")
			b, cb := s.comes("192.0.2.1:2")
			for _, state := range states {
				s.p.ConnState(ca, state)
				s.p.ConnState(cb, state)
			}
			c, in := s.comes("192.0.2.2:1")
			s.wants(false, a, b)
			s.wants(true, c)
			if in != nil || s.open != 2 || s.dropped[Full] != 1 {
				t.Errorf("%v was let in, %d are open, dropped were %v", in, s.open, s.dropped)
			}
			_ = ca.Close()
			_ = ca.Close() // counts once
			d, _ := s.comes("192.0.2.2:2")
			s.wants(false, b, d)
			if s.open != 2 {
				t.Errorf("%d are open", s.open)
			}
		})
	}
}

func TestAnUpgradedConnectionIsNotBoundedByItsAddressHere(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{MaxPerAddress: 2})
	for i := range 5 {
		w, c := s.comes(fmt.Sprintf("192.0.2.1:%d", i+1))
		s.p.ConnState(c, http.StateActive)
		s.p.ConnState(c, http.StateHijacked)
		s.wants(false, w)
	}
	for i := range 2 {
		_, c := s.comes(fmt.Sprintf("192.0.2.1:1%d", i))
		s.p.ConnState(c, http.StateActive)
	}
	out, _ := s.comes("192.0.2.1:20")
	s.wants(true, out)
	in, _ := s.comes("192.0.2.2:1")
	s.wants(false, in)
}

// Of IPv6 a client has a whole /64; a peer that brings many, a proxy, is not bounded by its address.
func TestWhichAddressesCountAsOne(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{MaxSilentPerAddress: 1, Exempt: func(a netip.Addr) bool {
		return a == netip.MustParseAddr("10.0.0.1") || a == netip.MustParseAddr("2001:db8:0:7::1") ||
			a == netip.MustParseAddr("2001:db8:0:8::") // whose network reads like it
	}})
	a, _ := s.comes("[2001:db8::1]:1")
	b, _ := s.comes("[2001:db8::2]:1")
	c, _ := s.comes("[2001:db8:0:1::2]:1")
	d, _ := s.comes("[::ffff:192.0.2.1]:1")
	e, _ := s.comes("192.0.2.1:1")
	f, _ := s.comes("10.0.0.1:1")
	g, _ := s.comes("[::ffff:10.0.0.1]:1")
	h, _ := s.comes("[2001:db8:0:7::1]:1")
	i, _ := s.comes("[2001:db8:0:7::1]:2")
	j, _ := s.comes("[2001:db8:0:7::2]:1") // the proxy's neighbour is no proxy
	k, _ := s.comes("[2001:db8:0:7::3]:1")
	l, _ := s.comes("[2001:db8:0:8::]:1")
	m, _ := s.comes("[2001:db8:0:8::2]:1")
	n, _ := s.comes("[2001:db8:0:8::3]:1")
	s.wants(true, a, d, j, m)
	s.wants(false, b, c, e, f, g, h, i, k, l, n)
}

func TestNothingIsLeftBehindOfWhoHasGone(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{Max: 3})
	for i := range 50 {
		_, c := s.comes(fmt.Sprintf("192.0.2.%d:1", i))
		switch i % 3 {
		case 0:
			s.p.ConnState(c, http.StateActive)
		case 1:
			s.p.ConnState(c, http.StateActive)
			s.p.ConnState(c, http.StateHijacked)
		}
		_ = c.Close()
	}
	if s.open != 0 || s.p.silent != 0 || len(s.p.addresses) != 0 || len(s.p.crowds) != 0 {
		t.Errorf("%d open, %d silent, %d addresses, %d crowds", s.open, s.p.silent, len(s.p.addresses), len(s.p.crowds))
	}
}

// An address whose connections were all upgraded is forgotten. When one of those ends, what has come from there meanwhile
// still counts.
func TestTheEndOfAWebSocketForgetsNobodyElseOfItsAddress(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{"silent": {MaxSilentPerAddress: 3}, "in all": {MaxPerAddress: 3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, cfg)
			var sockets []net.Conn
			for i := range 4 {
				_, c := s.comes(fmt.Sprintf("192.0.2.1:%d", i+1))
				s.p.ConnState(c, http.StateActive)
				s.p.ConnState(c, http.StateHijacked)
				sockets = append(sockets, c)
			}
			var silent []*wire
			for i, socket := range sockets {
				w, _ := s.comes(fmt.Sprintf("192.0.2.1:1%d", i))
				silent = append(silent, w)
				_ = socket.Close()
			}
			s.wants(true, silent[0])
			s.wants(false, silent[1:]...)
			if s.open != 3 || len(s.p.addresses) != 1 || len(s.p.crowds) != 1 {
				t.Errorf("%d are open, of %d addresses in %d crowds", s.open, len(s.p.addresses), len(s.p.crowds))
			}
		})
	}
}

func TestReserveIsAQuarterWithinBounds(t *testing.T) {
	t.Parallel()
	for descriptors, want := range map[int]int{0: 0, 20: 10, 160: 64, 1024: 256, 65536: 1024} {
		if got := Reserve(descriptors); got != want {
			t.Errorf("of %d are reserved %d, not %d", descriptors, got, want)
		}
	}
}

// Real sockets and net/http: one that keeps silent makes way for one that speaks, and one that polls stays between its
// requests.
func TestBehindAnHTTPServer(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := New(ln, Config{Max: 2})
	srv := &http.Server{ConnState: p.ConnState, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })}
	var run sync.WaitGroup
	run.Go(func() { _ = srv.Serve(p) })
	t.Cleanup(func() { _ = srv.Close(); run.Wait() })
	dial := func() net.Conn {
		c, err := net.Dial("tcp4", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	ask := func(c net.Conn) error {
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil {
			_, err = io.ReadAll(r.Body)
		}
		return err
	}
	polls := dial()
	if err := ask(polls); err != nil {
		t.Fatal(err)
	}
	silent := dial()
	if _, err := io.WriteString(silent, "GET / HTTP/1.1\r\nHo"); err != nil { // half a request is none
		t.Fatal(err)
	}
	for range 3 {
		c := dial()
		if err := ask(c); err != nil {
			t.Errorf("a newcomer: %v", err)
		}
		_ = c.Close()
		if err := ask(polls); err != nil {
			t.Errorf("who polls: %v", err)
		}
		for late := time.Now().Add(20 * time.Second); ; <-time.After(time.Millisecond) {
			p.mu.Lock()
			open := p.open
			p.mu.Unlock()
			if open == 1 {
				break
			}
			if time.Now().After(late) {
				t.Fatalf("%d are open, one was closed", open)
			}
		}
	}
	if _, err := silent.Read(make([]byte, 1)); err == nil {
		t.Error("the silent one still stands")
	}
}

// Over TLS the server tells of the connection that stands on top of the porch's.
func TestOneWhoSpeaksOverTLSHasSpoken(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{MaxSilent: 1})
	a, conn := s.comes("192.0.2.1:1")
	s.p.ConnState(tls.Server(conn, &tls.Config{MinVersion: tls.VersionTLS13}), http.StateActive)
	b, _ := s.comes("192.0.2.1:2")
	s.wants(false, a, b)
}
