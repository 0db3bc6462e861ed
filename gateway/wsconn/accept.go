// Package wsconn is a WebSocket connection that costs little while it is idle: no goroutine of net/http's, small buffers,
// no writer while there is nothing to write. coder/websocket does the handshake, the reading and the closing; text frames
// are written here, many in one system call.
package wsconn

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"net"
	"net/http"
	"strings"

	"github.com/coder/websocket"
)

// Options are how a connection is accepted.
type Options struct {
	MaxFrame     int                  // bytes of the largest message that is handled, see [Conn.Read]; 0 or less: no limit
	Subprotocols []string             // in order of preference
	OnPong       func(payload []byte) // called by the reader for each pong, whose bytes it may not keep; may be nil
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
	ws       *websocket.Conn
	maxFrame int32

	tap tap
}

// Accept answers the handshake, and closes with an HTTP error when it is none. The origin is the caller's to check. The
// handler that calls it should return soon, leaving the connection to a goroutine of its own: net/http's goroutine and
// buffers then go.
func Accept(w http.ResponseWriter, r *http.Request, o Options) (*Conn, error) {
	c := &Conn{maxFrame: int32(min(max(o.MaxFrame, 0), math.MaxInt32))} // it fits
	h := &hijacker{ResponseWriter: w, tap: &c.tap}
	options := &websocket.AcceptOptions{
		Subprotocols:       o.Subprotocols,
		InsecureSkipVerify: true, // the gateway has checked the origin, by rules of its own
		CompressionMode:    websocket.CompressionDisabled,
	}
	if o.OnPong != nil {
		options.OnPongReceived = func(_ context.Context, payload []byte) { o.OnPong(payload) }
	}
	ws, err := websocket.Accept(h, r, options)
	if err != nil {
		return nil, fmt.Errorf("websocket handshake: %w", err)
	}
	ws.SetReadLimit(-1) // Read has a limit of its own: it reads on, to answer
	c.ws = ws
	return c, nil
}

// IsHandshake reports whether a request asks for a WebSocket in a way that [Accept] takes, so that nothing has to be opened
// for another.
func IsHandshake(r *http.Request) bool {
	keys := r.Header.Values("Sec-WebSocket-Key")
	if len(keys) != 1 || r.Method != http.MethodGet || !r.ProtoAtLeast(1, 1) || r.Header.Get("Sec-WebSocket-Version") != "13" {
		return false
	}
	const keyBytes = 16
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(keys[0]))
	return err == nil && len(key) == keyBytes && names(r.Header, "Connection", "upgrade") && names(r.Header, "Upgrade", "websocket")
}

// names reports whether a header that is a list has a token.
func names(h http.Header, header, token string) bool {
	for _, line := range h.Values(header) {
		for t := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
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
	h.tap.Conn = conn
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
