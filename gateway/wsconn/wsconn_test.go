package wsconn

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// most is the limit of a frame in tests.
const most = 64 << 10

// serve accepts connections and hands each to a test's function, which is waited for.
func serve(t *testing.T, use func(c *Conn)) string {
	t.Helper()
	var users sync.WaitGroup
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := Accept(w, r, Options{MaxFrame: most})
		if err != nil {
			t.Error(err)
			return
		}
		users.Go(func() { defer c.CloseNow(); use(c) })
	}))
	t.Cleanup(func() { srv.Close(); users.Wait() })
	return "ws" + strings.TrimPrefix(srv.URL, "http")
}

// A frame's header has one of three lengths: those around each border come as they were sent, one batch's in order.
func TestFramesOfEveryLengthComeAsTheyWereSent(t *testing.T) {
	t.Parallel()
	lengths := []int{0, 1, 125, 126, 127, 0xffff - 1, 0xffff, 0xffff + 1, 200_000}
	url := serve(t, func(c *Conn) {
		b := c.Batch()
		for _, n := range lengths {
			b.Text(func(dst []byte) []byte { return append(dst, strings.Repeat("x", n)...) })
		}
		if err := b.Flush(); err != nil {
			t.Error(err)
		}
		for c.Read(func(websocket.MessageType, []byte) error { return nil }, nil) == nil {
		}
	})
	ws, _, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow() // it is over
	ws.SetReadLimit(-1)
	for _, n := range lengths {
		kind, p, err := ws.Read(t.Context())
		if err != nil || kind != websocket.MessageText || len(p) != n {
			t.Fatalf("a frame of %d bytes came as %v, %d bytes, %v", n, kind, len(p), err)
		}
	}
}

// What a client sends in one piece with its handshake is not lost with net/http's buffer.
func TestAFrameThatCameWithTheHandshakeIsRead(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	url := serve(t, func(c *Conn) {
		err := c.Read(func(_ websocket.MessageType, p []byte) error { got <- string(p); return nil }, nil)
		if err != nil {
			t.Error(err)
		}
	})
	host := strings.TrimPrefix(url, "ws://")
	raw, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close() // it is over
	_, err = raw.Write([]byte("GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" +
		"\x81\x82\x00\x00\x00\x00hi"))
	if err != nil {
		t.Fatal(err)
	}
	if res, err := http.ReadResponse(bufio.NewReader(raw), nil); err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", res, err)
	}
	select {
	case s := <-got:
		if s != "hi" {
			t.Errorf("read %q", s)
		}
	case <-time.After(20 * time.Second):
		t.Error("the frame was not read")
	}
}

// A peer that takes nothing cannot be pinged: that is said, and nobody waits for it.
func TestAPingToOneWhoseBuffersAreFullSaysSo(t *testing.T) {
	t.Parallel()
	result := make(chan error, 1)
	url := serve(t, func(c *Conn) {
		if err := c.Ping(); err != nil {
			t.Errorf("at first: %v", err)
		}
		// Fill what the kernel takes; nobody reads. It may find room for a little more after it has refused.
		deadline := time.Now().Add(time.Minute)
		var err error
		for err == nil && time.Now().Before(deadline) {
			_ = c.tap.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
			if _, full := c.tap.Conn.Write(make([]byte, 1<<20)); full != nil {
				err = c.Ping()
			}
		}
		result <- err
	})
	conn, _, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow() // it is over
	if err := <-result; !errors.Is(err, ErrFull) {
		t.Errorf("got %v", err)
	}
}

func TestNothingIsWrittenOnceTheConnectionIsBeingClosed(t *testing.T) {
	t.Parallel()
	done := make(chan error, 1)
	url := serve(t, func(c *Conn) {
		c.CloseNow()
		b := c.Batch()
		b.Text(func(dst []byte) []byte { return append(dst, "late"...) })
		done <- b.Flush()
	})
	ws, _, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow() // it is over
	ws.CloseRead(context.Background())
	if err := <-done; !errors.Is(err, ErrClosing) {
		t.Errorf("got %v", err)
	}
}

// taker is a socket that takes so many bytes and then stalls.
type taker struct {
	net.Conn
	takes  int
	closed bool
}

func (s *taker) Write([]byte) (int, error) {
	n := s.takes
	s.takes = 0
	return n, os.ErrDeadlineExceeded
}
func (s *taker) SetWriteDeadline(time.Time) error { return nil }
func (s *taker) Close() error                     { s.closed = true; return nil }

// What would follow the part of a frame that a stalled peer has taken, it would read as the rest of that frame.
func TestAFrameThatCouldNotBeFinishedIsTheLastThingSent(t *testing.T) {
	t.Parallel()
	for takes, closed := range map[int]bool{0: false, 1: true, 7: true} {
		socket := &taker{takes: takes}
		b := (&Conn{tap: tap{Conn: socket}}).Batch()
		b.Text(func(dst []byte) []byte { return append(dst, "a text"...) })
		if err := b.Flush(); !errors.Is(err, os.ErrDeadlineExceeded) || socket.closed != closed {
			t.Errorf("%d bytes taken: %v, closed %t", takes, err, socket.closed)
		}
	}
}
