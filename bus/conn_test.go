package bus

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
)

// notes keeps what hooks are told.
type notes struct {
	mu sync.Mutex
	s  []string
}

func (n *notes) add(s string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.s = append(n.s, s)
}

func (n *notes) are(want ...string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Equal(n.s, want)
}

func TestTheOwnerOfAConnectionIsToldOfItAndSoIsWhoeverItsOptionsName(t *testing.T) {
	t.Parallel()
	s := startServer(t, nil)
	var own, others notes
	c := connect(t, Config{
		Servers: s.url(),
		Options: []nats.Option{
			nats.ConnectHandler(func(*nats.Conn) { others.add("connected") }),
			nats.ReconnectHandler(func(*nats.Conn) { others.add("again") }),
			nats.DisconnectErrHandler(func(*nats.Conn, error) { others.add("away") }),
			nats.ClosedHandler(func(*nats.Conn) { others.add("closed") }),
		},
		Connected: func(version string, again bool) {
			if version != "2.15.2" {
				t.Errorf("the server's version is %q", version)
			}
			own.add(map[bool]string{false: "connected", true: "again"}[again])
		},
		Away:   func() { own.add("away") },
		Closed: func(error) { own.add("closed") },
	})
	first := c.Line()
	if first == 0 {
		t.Fatal("it is not connected")
	}
	soon(t, "the first connection", func() bool { return own.are("connected") })
	s.hangUp()
	soon(t, "the second connection", func() bool { return own.are("connected", "away", "again") })
	if second := c.Line(); second <= first {
		t.Errorf("line %d came after %d", second, first)
	}
	c.Close()
	want := []string{"connected", "away", "again", "away", "closed"}
	soon(t, "the end", func() bool { return own.are(want...) && others.are(want...) })
	if c.IsConnected() {
		t.Error("it is connected still")
	}
}

// slowDialer takes its time for every dial but the first.
type slowDialer struct {
	dialing chan struct{} // a dial is under way
	release chan struct{}
	again   bool
}

func (d *slowDialer) Dial(network, address string) (net.Conn, error) {
	if d.again {
		d.dialing <- struct{}{}
		<-d.release
	}
	d.again = true
	return net.Dial(network, address)
}

func TestWhileNATSIsDialledNobodyWaits(t *testing.T) {
	t.Parallel()
	s := startServer(t, nil)
	d := &slowDialer{dialing: make(chan struct{}), release: make(chan struct{})}
	c := connect(t, Config{Servers: s.url(), Options: []nats.Option{nats.SetCustomDialer(d)}})
	s.hangUp()
	<-d.dialing // nats.go has its lock from here on
	if c.IsConnected() || c.Line() != 0 {
		t.Error("it says that it is connected")
	}
	for what, err := range map[string]error{
		"Publish":        c.Publish("x", nil),
		"PublishMsg":     c.PublishMsg(&nats.Msg{Subject: "x"}),
		"PublishRequest": c.PublishRequest("x", "y", nil),
	} {
		if !errors.Is(err, ErrAway) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := c.RequestWithContext(t.Context(), "x", nil); !errors.Is(err, ErrAway) {
		t.Errorf("RequestWithContext: %v", err)
	}
	close(d.release)
	soon(t, "the connection", c.IsConnected)
}

func TestAServerIsFoundByName(t *testing.T) {
	t.Parallel()
	s := startServer(t, nil)
	_, port, _ := net.SplitHostPort(s.ln.Addr().String())
	c := connect(t, Config{Servers: "nats://localhost:" + port})
	if !c.IsConnected() {
		t.Fatal("it is not connected")
	}
}

// knowing is a dialer that has done TLS, or has not.
type knowing bool

func (k knowing) Dial(string, string) (net.Conn, error) { return nil, errors.New("nobody is there") }
func (k knowing) SkipTLSHandshake() bool                { return bool(k) }

func TestADialerThatHasDoneTLSIsAsked(t *testing.T) {
	t.Parallel()
	for inner, want := range map[nats.CustomDialer]bool{knowing(true): true, knowing(false): false, &net.Dialer{}: false} {
		o := nats.Options{CustomDialer: inner}
		(&lines{}).wrap(&o)
		if got := o.CustomDialer.(interface{ SkipTLSHandshake() bool }).SkipTLSHandshake(); got != want {
			t.Errorf("%v: %v", inner, got)
		}
	}
}

func TestThatNATSIsAwayIsSaidOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		cfg := Config{Log: slog.New(slog.NewTextHandler(&out, nil))}
		failed := cfg.unreached()
		for range 150 { // attempts, one a second
			failed(&nats.Conn{}, errors.New("connection refused"))
			<-time.After(time.Second)
		}
		if n := strings.Count(out.String(), "NATS cannot be reached"); n != 3 {
			t.Errorf("said %d times in 150 s:\n%s", n, out.String())
		}
	})
}

func TestWhyALineEndedIsSaidOnceAndAMoveIsNoTrouble(t *testing.T) {
	t.Parallel()
	s := startServer(t, nil)
	var trouble, lost notes
	c := connect(t, Config{
		Servers: s.url(),
		Options: []nats.Option{nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if errors.Is(err, ErrStuck) {
				lost.add("stuck")
			}
		})},
		Trouble: func(_ *nats.Subscription, err error) { trouble.add(err.Error()) },
	})
	first := c.lines.current.Load()
	first.end(ErrStuck)
	soon(t, "the second connection", func() bool { return c.Line() > first.number })
	second := c.Line()
	c.Move()
	soon(t, "the third connection", func() bool { return c.Line() > second })
	if !lost.are("stuck") || !trouble.are() {
		t.Errorf("lost by %v, trouble %v", lost.s, trouble.s)
	}
}
