// Package wsconn is a WebSocket connection that costs little while it is idle: no goroutine of net/http's, small buffers,
// no writer while there is nothing to write. coder/websocket does the handshake, the reading and the closing; text frames
// are written here, many in one system call.
package wsconn

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// Options are how a connection is accepted.
type Options struct {
	MaxFrame     int      // bytes of the largest message; larger ones close with 1009; 0 or less: no limit
	Subprotocols []string // in order of preference
	OnPong       func()   // called by the reader for each pong; may be nil
}

// Buffers per connection. A signal of 1.2 kB is read with one system call; coder/websocket writes control frames only,
// whose 125 bytes fit, each in one call.
const (
	readBuffer  = 2 << 10
	writeBuffer = 160
)

// Conn is a server's end of a WebSocket. One goroutine reads; writing is for one goroutine at a time; Close may be called
// beside both.
type Conn struct {
	// Set by Accept.
	ws  *websocket.Conn
	tap *tap

	closing atomic.Bool // no more frames: a close frame is under way
}

// Accept answers the handshake, and closes with an HTTP error when it is none. The origin is the caller's to check. The
// handler that calls it should return soon, leaving the connection to a goroutine of its own: net/http's goroutine and
// buffers then go.
func Accept(w http.ResponseWriter, r *http.Request, o Options) (*Conn, error) {
	h := &hijacker{ResponseWriter: w}
	options := &websocket.AcceptOptions{
		Subprotocols:       o.Subprotocols,
		InsecureSkipVerify: true, // the gateway has checked the origin, by rules of its own
		CompressionMode:    websocket.CompressionDisabled,
	}
	if o.OnPong != nil {
		options.OnPongReceived = func(context.Context, []byte) { o.OnPong() }
	}
	ws, err := websocket.Accept(h, r, options)
	if err != nil {
		return nil, fmt.Errorf("websocket handshake: %w", err)
	}
	limit := int64(-1)
	if o.MaxFrame > 0 {
		limit = int64(o.MaxFrame)
	}
	ws.SetReadLimit(limit)
	return &Conn{ws: ws, tap: h.tap}, nil
}

// hijacker hands coder/websocket the connection with buffers smaller than net/http's.
type hijacker struct {
	http.ResponseWriter
	tap *tap
}

// Hijack implements http.Hijacker.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("hijack: %w", err)
	}
	h.tap = &tap{Conn: conn}
	reader := bufio.NewReaderSize(conn, readBuffer)
	if n := rw.Reader.Buffered(); n > 0 {
		early, _ := rw.Reader.Peek(n)
		reader = bufio.NewReaderSize(&prefixed{Conn: conn, early: append([]byte(nil), early...)}, max(readBuffer, n))
		if _, err := reader.Peek(n); err != nil {
			return nil, nil, fmt.Errorf("hijack: %w", err)
		}
	}
	return h.tap, bufio.NewReadWriter(reader, bufio.NewWriterSize(h.tap, writeBuffer)), nil
}

// prefixed gives first what the client sent along with its handshake.
type prefixed struct {
	net.Conn
	early []byte
}

// Read implements io.Reader.
func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.early) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.early)
	p.early = p.early[n:]
	return n, nil
}

// tap is the socket, shared by coder/websocket's control frames and our text frames: each write is whole frames.
type tap struct {
	net.Conn
	mu    sync.Mutex    // orders writes; held across the write, which is the point
	taken atomic.Uint64 // bytes that the socket has taken
}

// Write implements io.Writer for coder/websocket.
func (t *tap) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.push(b, func() bool { return true }) // control frames are small: what the library waits for them is enough
}

// push writes all of b, for as long as the peer takes some of it: each time that it has, the deadline is a new one, unless
// hurried says that the connection is being closed. With mu held.
func (t *tap) push(b []byte, hurried func() bool) (int, error) {
	done := 0
	for {
		_ = t.SetWriteDeadline(time.Now().Add(stalled))
		n, err := t.Conn.Write(b[done:])
		done += n
		t.taken.Add(uint64(n)) //nolint:gosec // not negative
		if n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) || hurried() {
			return done, err //nolint:wrapcheck // the callers do
		}
	}
}
