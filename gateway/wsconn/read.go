package wsconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/coder/websocket"
)

// Message kinds, as coder/websocket names them.
const (
	Text   = websocket.MessageText
	Binary = websocket.MessageBinary
)

// ReadOn is how many times MaxFrame a message may be and still be read to its end, for an answer. One that is larger
// ends the connection with 1009.
const ReadOn = 16

// Violation is what a client did that ends its connection, as it has to be told: nothing has been sent yet.
type Violation struct {
	Code   int
	Reason string
}

// Error says what the client did.
func (v Violation) Error() string { return v.Reason }

// Handle takes a message. The bytes are valid only until it returns; its error ends Read.
type Handle func(kind websocket.MessageType, message []byte) error

// HandleLarge takes a message above MaxFrame: what has been read, which is more than MaxFrame bytes and its own to
// overwrite, and what comes after that. It need not read the rest. It does not see a message that ends the connection.
type HandleLarge func(kind websocket.MessageType, head []byte, rest io.Reader) error

// buffers hold a message while it is decoded.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// Read waits for the next message and hands it over; without large, one above MaxFrame ends the connection. An error
// means that the connection is over. It wraps a [Violation] when the client is to be told so with [Conn.Close].
//
// The connection is read without a context: cancelling one would drop it before a close code is sent.
func (c *Conn) Read(handle Handle, large HandleLarge) error {
	kind, r, err := c.ws.Reader(context.Background())
	if err != nil {
		return c.readError(err)
	}
	p, _ := buffers.Get().(*[]byte)
	defer func() {
		if cap(*p) <= 64<<10 {
			*p = (*p)[:0]
			buffers.Put(p)
		}
	}()
	for {
		if len(*p) == cap(*p) {
			*p = append(*p, 0)[:len(*p)]
		}
		n, err := r.Read((*p)[len(*p):cap(*p)])
		*p = (*p)[:len(*p)+n]
		switch {
		case c.maxFrame > 0 && len(*p) > int(c.maxFrame):
			return c.readLarge(kind, *p, r, large)
		case errors.Is(err, io.EOF):
			return handle(kind, *p)
		case err != nil:
			return c.readError(err)
		}
	}
}

// readLarge has a message handled of which head has been read. Its error is told only once the message has been read to
// its end, which the next one has to follow.
func (c *Conn) readLarge(kind websocket.MessageType, head []byte, r io.Reader, large HandleLarge) error {
	most := int64(c.maxFrame) * ReadOn
	if large == nil {
		most = 0
	}
	rest := &rest{r: r, left: most - int64(len(head))}
	var err error
	if large != nil && rest.left >= 0 {
		err = large(kind, head, rest)
	}
	for rest.err == nil { // what the handler has left
		_, _ = rest.Read(head)
	}
	switch {
	case errors.Is(rest.err, errEndless):
		return c.violated(int(websocket.StatusMessageTooBig),
			fmt.Sprintf("a frame may have %d bytes, and this one has more than %d", c.maxFrame, max(most, int64(c.maxFrame))))
	case !errors.Is(rest.err, io.EOF):
		return c.readError(rest.err)
	}
	return err
}

// errEndless says that a message is larger than what is read of one.
var errEndless = errors.New("larger than what is read of a message")

// rest reads a message up to a bound, and remembers its end.
type rest struct {
	r    io.Reader
	left int64
	err  error
}

// Read implements io.Reader.
func (r *rest) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.left < 0 {
		r.err = errEndless
		return 0, r.err
	}
	n, err := r.r.Read(p)
	if r.left -= int64(n); r.left < 0 {
		err = errEndless
	}
	r.err = err
	return n, err
}

// readError returns what Read returns for an error of coder/websocket's. What that wants to tell the client has been
// held back by [tap.Write]; for some violations it wants to tell nothing, though RFC 6455 section 7.1.7 would have it.
func (c *Conn) readError(err error) error {
	_, network := errors.AsType[net.Error](err)
	switch held := c.tap.held.Load(); {
	case websocket.CloseStatus(err) != -1, c.tap.closing.Load():
		return fmt.Errorf("read: %w", err)
	case held != 0:
		return c.violated(int(held), innermost(err).Error())
	case network, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return fmt.Errorf("read: %w", err)
	}
	return c.violated(int(websocket.StatusProtocolError), innermost(err).Error())
}

// violated returns a violation after which no more frames can be read.
func (c *Conn) violated(code int, reason string) error {
	const most = 123               // what a close frame has room for
	c.tap.held.Store(uint32(code)) // a closing code
	return Violation{Code: code, Reason: reason[:min(len(reason), most)]}
}

// innermost returns the error that the others were wrapped around: which of them says what the client did.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// ClosedWith returns the code with which the client closed the connection, from the error that Read returned: 1005 where its closing
// frame has none, and 0 where there was no such frame.
func ClosedWith(err error) int { return max(0, int(websocket.CloseStatus(err))) }

// Cause says in a word how a connection ended, from the error that Read returned.
func Cause(err error) string {
	if v, ok := errors.AsType[Violation](err); ok && v.Code == int(websocket.StatusMessageTooBig) {
		return "a frame was too large"
	}
	switch code := websocket.CloseStatus(err); {
	case code != -1:
		return fmt.Sprintf("closed by the client with %d", code)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was lost"
	case errors.Is(err, net.ErrClosed):
		return "closed"
	}
	return err.Error()
}
