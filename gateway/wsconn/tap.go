package wsconn

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
)

// tap is the socket, shared by coder/websocket's control frames and our text frames: each write is whole frames.
type tap struct {
	net.Conn

	mu      sync.Mutex    // orders writes; held across the write, which is the point
	closing atomic.Bool   // no more frames: a close frame is under way
	held    atomic.Uint32 // the code of a close frame of coder/websocket's that has not been sent; 0: none
	taken   atomic.Uint64 // bytes that the socket has taken
}

// Write implements io.Writer for coder/websocket. A close frame that it makes for what the client did wrong is held back:
// the client is first sent the answers that it is due. [Conn.Close] sends it.
func (t *tap) Write(b []byte) (int, error) {
	frame := b
	if code, reason, ok := closeFrame(b); ok && !t.closing.Load() {
		switch {
		case !utf8.Valid(reason): // it answers the client's with the same bytes
			frame = appendClose(nil, int(websocket.StatusInvalidFramePayloadData), "the reason is not UTF-8")
		case code == websocket.StatusProtocolError:
			t.held.Store(uint32(code)) // a code has 16 bits
			return len(b), nil
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if n, err := t.push(frame, func() bool { return false }); err != nil {
		return min(n, len(b)), err
	}
	return len(b), nil
}

// push writes all of b, for as long as the peer takes some of it now and then, unless hurried says that the connection is
// being closed. With mu held.
func (t *tap) push(b []byte, hurried func() bool) (int, error) {
	const look = stalled / 4 // between two looks at what was taken
	done := 0
	for idle := time.Duration(0); ; {
		_ = t.SetWriteDeadline(time.Now().Add(look))
		n, err := t.Conn.Write(b[done:])
		done += n
		t.taken.Add(uint64(n)) // not negative
		if idle += look; n > 0 {
			idle = 0
		}
		if idle >= stalled || !errors.Is(err, os.ErrDeadlineExceeded) || hurried() {
			return done, err // the callers do
		}
	}
}

// Close implements io.Closer for coder/websocket, which closes as soon as it has answered the client's close frame. That
// frame may have had the code of a violation, and the answer been held back.
func (t *tap) Close() error {
	if code := t.held.Swap(0); code != 0 {
		t.mu.Lock()
		_ = t.SetWriteDeadline(time.Now().Add(parting))
		_, _ = t.Conn.Write(appendClose(nil, int(code), ""))
		t.mu.Unlock()
	}
	return t.Conn.Close()
}

// The first byte of a close frame: one that is whole.
const closeByte = 0x88

// closeFrame reads a close frame of a server's that has a code.
func closeFrame(b []byte) (code websocket.StatusCode, reason []byte, ok bool) {
	const head = 4 // with the code
	if len(b) < head || b[0] != closeByte {
		return 0, nil, false
	}
	return websocket.StatusCode(binary.BigEndian.Uint16(b[2:])), b[head:], true
}

// appendClose appends a close frame. The reason has 123 bytes at most.
func appendClose(b []byte, code int, reason string) []byte {
	b = append(b, closeByte, byte(2+len(reason)))
	b = binary.BigEndian.AppendUint16(b, uint16(code)) // a code has 16 bits
	return append(b, reason...)
}
