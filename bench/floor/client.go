package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/coder/websocket"
)

// queueLength is how many frames may wait for a socket. A channel's memory is
// taken at once, so a longer one would make the floor's idle connections dear.
const queueLength = 64

// client is one socket.
type client struct {
	id    string
	conn  *websocket.Conn
	queue chan []byte
	gone  <-chan struct{} // closed when the socket has ended

	rooms map[string]*room // guarded by hub.mu
}

// send queues a frame. Where the queue is full it waits, and everybody with
// it, until the socket takes a frame or the writer's patience ends: a floor
// may be that simple.
func (c *client) send(frame []byte) {
	select {
	case c.queue <- frame:
	case <-c.gone:
	}
}

// write empties the queue to the socket until ctx or the socket ends.
func (c *client) write(ctx context.Context, end context.CancelFunc) {
	defer end()
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
