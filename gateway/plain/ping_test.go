package plain

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/gateway/edge"
	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

const patience = 20 * time.Second

// client is a session that only notes what happens to it.
type client struct {
	id    proto.ClientID
	t     link.Transport
	hold  chan struct{} // Receive waits for it, if made
	ended chan error
	frame chan proto.Frame
}

func (c *client) ID() proto.ClientID     { return c.id }
func (c *client) Send(o link.Out)        { _ = c.t.Write([]link.Out{o}) }
func (c *client) WaitIdle(time.Duration) {}
func (c *client) Pong(uint64)            {}
func (c *client) End(cause error)        { c.ended <- cause }
func (c *client) Receive(f proto.Frame, _ error, _ int) bool {
	c.frame <- f
	if c.hold != nil {
		<-c.hold
	}
	return true
}

// serve starts a server whose seconds are short, and returns its URL and the sessions that it opens.
func serve(t *testing.T, second time.Duration, hold chan struct{}) (url string, opened chan *client) {
	t.Helper()
	opened = make(chan *client, 8)
	s := New(Config{
		Door: unbounded(),
		Open: func(tr link.Transport, about link.About) (link.Session, error) {
			c := &client{id: about.ID, t: tr, hold: hold, ended: make(chan error, 4), frame: make(chan proto.Frame, 64)}
			opened <- c
			return deferred{c}, nil
		},
		AllowOrigin: func(*http.Request) bool { return true },
		Address:     func(*http.Request) (string, bool) { return "", true },
	})
	if second > 0 {
		s.second = second
	}
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { _ = s.Run(ctx) })
	srv := httptest.NewServer(s)
	t.Cleanup(func() { srv.Close(); cancel(); run.Wait() })
	return "ws" + strings.TrimPrefix(srv.URL, "http") + "/ws", opened
}

func unbounded() *edge.Door {
	return edge.NewDoor(edge.Limits{MaxConns: edge.None, MaxConnsPerAddress: edge.None, IPv6Prefix: 64})
}

// deferred leaves out what is sent before the handshake has been answered.
type deferred struct{ *client }

func (d deferred) Send(link.Out) {}

func dial(t *testing.T, url string, pong func()) *websocket.Conn {
	t.Helper()
	ws, _, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{
		OnPingReceived: func(context.Context, []byte) bool {
			if pong != nil {
				pong()
			}
			return pong != nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	return ws
}

func TestPingsAreSentEach25SecondsAndGiven20(t *testing.T) {
	t.Parallel()
	if pingSeconds != 25 || pongSeconds != 20 || New(Config{}).second != time.Second {
		t.Error("the times are others")
	}
}

func TestOneWhoAnswersItsPingsStays(t *testing.T) {
	t.Parallel()
	url, opened := serve(t, 10*time.Millisecond, nil)
	pings := make(chan time.Time, 64)
	ws := dial(t, url, func() { pings <- time.Now() })
	ctx := ws.CloseRead(t.Context())
	s := <-opened
	last := time.Time{}
	for i := range 4 { // longer than one without answers lives
		select {
		case at := <-pings:
			if gap := at.Sub(last); i > 0 && gap < 150*time.Millisecond {
				t.Errorf("a ping came after %v, 25 of the server's seconds are 250 ms", gap)
			}
			last = at
		case err := <-s.ended:
			t.Fatalf("the connection ended: %v", err)
		case <-time.After(patience):
			t.Fatal("no ping came")
		}
	}
	if ctx.Err() != nil {
		t.Error("the connection ended")
	}
}

func TestOneWhoAnswersNoPingIsDropped(t *testing.T) {
	t.Parallel()
	url, opened := serve(t, 10*time.Millisecond, nil)
	ws := dial(t, url, nil)
	began := time.Now()
	ctx := ws.CloseRead(t.Context())
	s := <-opened
	select {
	case <-s.ended:
		if took := time.Since(began); took < 150*time.Millisecond {
			t.Errorf("it was dropped after %v, 20 of the server's seconds are 200 ms", took)
		}
	case <-time.After(patience):
		t.Error("it was not dropped")
	}
	<-ctx.Done()
}

// While the session's queue is full nothing is read, so pongs are not seen either.
func TestOneWhosePongsCannotBeSeenIsNotDropped(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	url, opened := serve(t, 2*time.Millisecond, hold)
	t.Cleanup(func() { close(hold) }) // before the server waits for its readers
	pings := make(chan struct{}, 64)
	ws := dial(t, url, func() { pings <- struct{}{} })
	ws.CloseRead(t.Context())
	s := <-opened
	if err := ws.Write(t.Context(), websocket.MessageText, []byte(`{"event":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	<-s.frame
	for range 4 {
		select {
		case <-pings:
		case err := <-s.ended:
			t.Fatalf("the connection ended: %v", err)
		case <-time.After(patience):
			t.Fatal("no ping came")
		}
	}
}

// While frames are being written no ping can be sent, so none is waited for.
func TestOneToWhomNoPingCouldBeSentIsNotDropped(t *testing.T) {
	t.Parallel()
	url, opened := serve(t, time.Hour, nil)
	ws := dial(t, url, nil)
	s := <-opened
	c, _ := s.t.(*conn)
	c.up.Lock() // until the handshake is over
	shaken := c.ws != nil
	c.up.Unlock()
	if !shaken {
		t.Fatal("there is no connection")
	}
	big := link.Out{Message: link.NewMessage(proto.Event{Name: proto.Error, Message: strings.Repeat("x", 64<<20)})}
	big.JSON()
	var writing sync.WaitGroup
	c.up.Lock()                                           // until the connection stands
	c.up.Unlock()                                         //nolint:staticcheck // nothing is guarded: it has been waited for
	writing.Go(func() { _ = s.t.Write([]link.Out{big}) }) // more than the buffers of the sockets hold, and nobody reads
	t.Cleanup(writing.Wait)
	t.Cleanup(func() { _ = ws.CloseNow() })
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		c.ping()
		if !c.waiting.Load() {
			break // the write has begun
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("pongs are waited for, though no ping can be sent")
		}
	}
	c.overdue()
	select {
	case err := <-s.ended:
		t.Errorf("the connection ended: %v", err)
	default:
	}
}

// Full buffers at two pings' turns say nothing of one who has read between them.
func TestOneWhoReadsBetweenTwoPingsIsNotStuck(t *testing.T) {
	t.Parallel()
	c := &conn{}
	for i, turn := range []struct {
		full  bool
		taken uint64
		stuck bool
	}{{true, 10, false}, {true, 20, false}, {false, 20, false}, {true, 20, false}, {true, 20, true}} {
		if got := c.stuck(turn.full, turn.taken); got != turn.stuck {
			t.Errorf("at turn %d: stuck is %t", i, got)
		}
	}
}

func TestAServerThatEndsDropsWhoIsLeftAndLetsNobodyIn(t *testing.T) {
	t.Parallel()
	s := New(Config{
		Door:        unbounded(),
		AllowOrigin: func(*http.Request) bool { return true }, Address: func(*http.Request) (string, bool) { return "", true },
		Open: func(tr link.Transport, about link.About) (link.Session, error) {
			return deferred{&client{id: about.ID, t: tr, ended: make(chan error, 4), frame: make(chan proto.Frame, 1)}}, nil
		},
	})
	srv := httptest.NewServer(s)
	defer srv.Close()
	url := "ws" + strings.TrimPrefix(srv.URL, "http")
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = s.Run(ctx) })
	ws := dial(t, url, func() {})
	cancel()
	run.Wait() // the reader has ended
	reading, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	if _, _, err := ws.Read(reading); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the connection stands: %v", err)
	}
	late := dial(t, url, func() {})
	if _, _, err := late.Read(reading); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the connection stands: %v", err)
	}
}
