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

// buffers hold a message while it is decoded.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// Read waits for the next message and calls handle with it. The bytes are valid only until handle returns. An error
// means that the connection is over; what a client's violation asks for (1002, 1009) has been sent.
//
// The connection is read without a context: cancelling one would drop it before a close code is sent.
func (c *Conn) Read(handle func(kind websocket.MessageType, message []byte) error) error {
	kind, r, err := c.ws.Reader(context.Background())
	if err != nil {
		return fmt.Errorf("read: %w", err)
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
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
	}
	return handle(kind, *p)
}

// Cause says in a word how a connection ended, from the error that Read returned.
func Cause(err error) string {
	switch code := websocket.CloseStatus(err); {
	case code != -1:
		return fmt.Sprintf("closed by the client with %d", code)
	case errors.Is(err, websocket.ErrMessageTooBig):
		return "a frame was too large"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was lost"
	case errors.Is(err, net.ErrClosed):
		return "closed"
	}
	return err.Error()
}
