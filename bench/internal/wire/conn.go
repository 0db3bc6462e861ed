package wire

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/gobwas/ws"
)

// firstBuffer is a connection's reading buffer, which grows to hold the
// largest frame that came.
const firstBuffer = 2 << 10

// Conn is one client's socket. Send may be called from any goroutine; the
// reading methods from one at a time.
type Conn struct {
	// Set by Dial.
	ID       string
	Protocol Protocol
	nc       net.Conn

	// Owned by the reader.
	buf        []byte
	start, end int // of what was read and not yet handed out
}

// Dial connects to a server at host:port, from the local address given (nil
// for any), and exchanges what stands before the first event.
func Dial(ctx context.Context, server string, from net.Addr, p Protocol) (*Conn, error) {
	dialer := ws.Dialer{
		Timeout:   30 * time.Second,
		Protocols: p.Subprotocols(),
		NetDial:   (&net.Dialer{LocalAddr: from}).DialContext,
	}
	nc, early, _, err := dialer.Dial(ctx, "ws://"+server+p.Path())
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", server, err)
	}
	c := &Conn{Protocol: p, nc: nc, buf: make([]byte, firstBuffer)}
	if early != nil {
		// The server's first frame came with its answer to the upgrade.
		b, _ := early.Peek(early.Buffered())
		c.grow(len(b))
		c.end = copy(c.buf, b)
		ws.PutReader(early)
	}
	if c.ID, err = p.Open(c); err != nil {
		_ = nc.Close()
		return nil, fmt.Errorf("open %s: %w", server, err)
	}
	return c, nil
}

// Send writes a frame made by the connection's protocol.
func (c *Conn) Send(frame []byte) error {
	_, err := c.nc.Write(frame)
	return err
}

// Close ends the connection without a closing handshake.
func (c *Conn) Close() { _ = c.nc.Close() }

// Next is the next text frame, valid until the next call. Pings, WebSocket's
// and the protocol's own, are answered and passed over.
func (c *Conn) Next() ([]byte, error) {
	for {
		op, payload, length, need, err := cut(c.buf[c.start:c.end])
		if err != nil {
			return nil, err
		}
		if length == 0 {
			if err := c.fill(need); err != nil {
				return nil, err
			}
			continue
		}
		c.start += length
		switch op {
		case ws.OpPing:
			pong := ws.MaskFrameInPlace(ws.NewPongFrame(append([]byte(nil), payload...)))
			if err := c.Send(ws.MustCompileFrame(pong)); err != nil {
				return nil, err
			}
		case ws.OpClose:
			code, reason := ws.ParseCloseFrameData(payload)
			return nil, fmt.Errorf("%w: %d %s", ErrClosed, code, reason)
		case ws.OpText:
			reply := c.Protocol.Reply(payload)
			if reply == nil {
				return payload, nil
			}
			if err := c.Send(reply); err != nil {
				return nil, err
			}
		}
	}
}

// Await reads until a frame of the kind comes. A refusal ends the waiting.
func (c *Conn) Await(kind Kind) error {
	for {
		text, err := c.Next()
		if err != nil {
			return err
		}
		switch k := c.Protocol.Kind(text); k {
		case kind:
			return nil
		case Refused:
			return fmt.Errorf("refused: %s", text)
		}
	}
}

// fill reads once from the socket, having made room for a frame of need bytes.
func (c *Conn) fill(need int) error {
	if c.start == c.end {
		c.start, c.end = 0, 0
	} else if c.start+need > len(c.buf) {
		c.end = copy(c.buf, c.buf[c.start:c.end])
		c.start = 0
	}
	c.grow(need)
	n, err := c.nc.Read(c.buf[c.end:])
	c.end += n
	if n > 0 {
		return nil
	}
	return err
}

// grow makes the buffer at least n long.
func (c *Conn) grow(n int) {
	if n > len(c.buf) {
		c.buf = append(c.buf, make([]byte, 2*n-len(c.buf))...)
	}
}
