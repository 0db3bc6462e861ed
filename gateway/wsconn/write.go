package wsconn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// ErrClosing is returned by writes once the connection is being closed.
var ErrClosing = errors.New("the connection is being closed")

// chunk is how many bytes are gathered before they are written: enough that system calls do not count, little enough that
// a connection which is being closed soon sees it.
const chunk = 64 << 10

// stalled is how long a peer may take none of what is written before it counts as gone. One that takes a little all the
// time may take as long as it needs.
const stalled = 20 * time.Second

// batches hold frames on their way to the socket.
var batches = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// Batch gathers frames to be written together. Its owner calls Flush at the end, which gives its memory back.
type Batch struct {
	conn *Conn
	buf  *[]byte
	err  error
}

// Batch returns an empty batch.
func (c *Conn) Batch() Batch {
	buf, _ := batches.Get().(*[]byte)
	return Batch{conn: c, buf: buf}
}

// Text adds a text frame whose payload is what add appends to the bytes that it gets.
func (b *Batch) Text(add func(dst []byte) []byte) {
	const widest = 10
	start := len(*b.buf)
	buf := append(*b.buf, 0x81, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	buf = add(buf)
	n := len(buf) - start - widest
	// The header is as long as the length needs: move the payload up to it.
	header := 2
	switch {
	case n > 0xffff:
		header = 10
		buf[start+1] = 127
		binary.BigEndian.PutUint64(buf[start+2:], uint64(n)) // a length is not negative
	case n > 125:
		header = 4
		buf[start+1] = 126
		binary.BigEndian.PutUint16(buf[start+2:], uint16(n)) // it fits, by the case before
	default:
		buf[start+1] = byte(n)
	}
	copy(buf[start+header:], buf[start+widest:])
	*b.buf = buf[:start+header+n]
	b.spill()
}

// Ping adds a ping frame, which stands in its order among the others. The payload has 125 bytes at most.
func (b *Batch) Ping(payload []byte) {
	*b.buf = append(*b.buf, 0x89, byte(len(payload)))
	*b.buf = append(*b.buf, payload...)
	b.spill()
}

// Why no ping was sent.
var (
	ErrBusy = errors.New("frames are being written") // which ends within seconds, one way or the other
	ErrFull = errors.New("the peer has let its buffers fill")
)

// Ping sends a ping frame, or returns [ErrBusy] or [ErrFull]. It waits for nothing, but for a peer whose buffers are full, and for
// that one 5 ms.
func (c *Conn) Ping() error {
	if c.tap.closing.Load() || !c.tap.mu.TryLock() {
		return ErrBusy
	}
	defer c.tap.mu.Unlock()
	const moment = 5 * time.Millisecond
	_ = c.tap.SetWriteDeadline(time.Now().Add(moment))
	n, err := c.tap.Conn.Write([]byte{0x89, 0})
	if err != nil && n > 0 {
		_ = c.tap.Conn.Close() // half a frame cannot be mended
	}
	if err != nil {
		return ErrFull
	}
	return nil
}

func (b *Batch) spill() {
	if len(*b.buf) >= chunk {
		b.write()
	}
}

// Flush writes what is left, and returns the first error. The batch must not be used again.
func (b *Batch) Flush() error {
	b.write()
	if cap(*b.buf) <= 2*chunk {
		batches.Put(b.buf)
	}
	b.buf = nil
	return b.err
}

// write sends whole frames only, so that control frames of coder/websocket's never stand inside one.
func (b *Batch) write() {
	if b.err == nil && len(*b.buf) > 0 {
		b.err = b.conn.write(*b.buf)
	}
	*b.buf = (*b.buf)[:0]
}

func (c *Conn) write(p []byte) error {
	if c.tap.closing.Load() {
		return ErrClosing
	}
	c.tap.mu.Lock()
	defer c.tap.mu.Unlock()
	n, err := c.tap.push(p, c.tap.closing.Load)
	if err == nil {
		return nil
	}
	if n > 0 {
		_ = c.tap.Conn.Close() // a close frame would stand inside the frame that was begun
	}
	return fmt.Errorf("write: %w", err)
}

// Close sends a close frame and ends the connection. It waits for a write under way, up to patience, then for the peer's
// answer, up to 10 s, or 1 s after a violation; on a stalled peer it therefore takes long, and only the connection's owner
// calls it.
func (c *Conn) Close(code int, reason string, patience time.Duration) {
	c.tap.closing.Store(true)
	_ = c.tap.SetWriteDeadline(time.Now().Add(patience))
	c.tap.mu.Lock() // after a write under way
	_ = c.tap.SetWriteDeadline(time.Time{})
	broken := c.tap.held.Swap(0) != 0
	c.tap.mu.Unlock()
	if broken {
		c.part(code, reason)
		return
	}
	_ = c.ws.Close(websocket.StatusCode(code), reason) // an error says no more than that the peer was gone already
}

// parting is how long a peer whose frames cannot be read any more has to take its close frame, and to say that it has.
const parting = time.Second

// part is Close when frames cannot be read any more: after a violation. What still comes is taken in for a moment, since
// closing on it would make the peer's network drop the close frame.
func (c *Conn) part(code int, reason string) {
	c.tap.mu.Lock()
	_ = c.tap.SetDeadline(time.Now().Add(parting))
	_, err := c.tap.Conn.Write(appendClose(nil, code, reason))
	c.tap.mu.Unlock()
	if half, ok := c.tap.Conn.(interface{ CloseWrite() error }); ok && err == nil && half.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, c.tap.Conn)
	}
	c.CloseNow()
}

// CloseNow drops the connection, also one that Close is waiting for.
func (c *Conn) CloseNow() {
	c.tap.closing.Store(true)
	_ = c.tap.Conn.Close() // coder/websocket's would wait for its Close
	_ = c.ws.CloseNow()
}

// Taken is how many bytes the peer's buffers have taken so far. It grows while the peer reads.
func (c *Conn) Taken() uint64 { return c.tap.taken.Load() }

// RemoteAddr is the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.tap.RemoteAddr() }

// Subprotocol is the one agreed on, or "".
func (c *Conn) Subprotocol() string { return c.ws.Subprotocol() }
