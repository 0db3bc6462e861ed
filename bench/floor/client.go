package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/coder/websocket"
)

// queueLength is how many frames may wait for a socket; one more ends it.
const queueLength = 1024

// client is one socket.
type client struct {
	id    string
	conn  *websocket.Conn
	queue chan []byte

	rooms map[string]*room // guarded by hub.mu
}

// send queues a frame and never waits: a client that does not read is cut off.
func (c *client) send(frame []byte) {
	select {
	case c.queue <- frame:
	default:
		_ = c.conn.CloseNow()
	}
}

// write empties the queue to the socket until ctx ends.
func (c *client) write(ctx context.Context) {
	ping := time.NewTicker(25 * time.Second)
	defer ping.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case frame := <-c.queue:
			if err := c.writeFrame(ctx, frame); err != nil {
				return
			}
		case <-ping.C:
			if err := c.conn.Ping(ctx); err != nil {
				return
			}
		}
	}
}

func (c *client) writeFrame(ctx context.Context, frame []byte) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return c.conn.Write(ctx, websocket.MessageText, frame)
}

// read carries out the client's requests until its socket ends.
func (c *client) read(ctx context.Context, h *hub) {
	for {
		kind, frame, err := c.conn.Read(ctx)
		if err != nil {
			return
		}
		var r request
		if kind != websocket.MessageText || json.Unmarshal(frame, &r) != nil {
			c.send(event{Event: "error", Message: "not a JSON object", Code: "bad-request"}.encode())
			continue
		}
		h.handle(c, r)
	}
}
