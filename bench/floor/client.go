package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"time"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"
)

const (
	pingEvery   = 25 * time.Second
	deadAfter   = 60 * time.Second // without a pong
	longestRead = 64 << 10
)

// client is one socket.
type client struct {
	id    string
	conn  *websocket.Conn
	nc    net.Conn // the same socket: text frames are written to it directly
	queue *queue

	rooms map[string]*room // guarded by hub.mu
}

// send queues a frame. A client that takes too little is dropped: its reader
// finds the socket closed, and takes the client out of its rooms.
func (c *client) send(frame []byte) {
	if !c.queue.put(frame) {
		_ = c.nc.Close()
	}
}

// write writes what is queued, all of it in one system call, until the queue
// ends or the socket breaks. It needs no time-out of its own: while a peer
// takes nothing it gets no ping, so no pong of it comes, and the reader ends
// the socket.
func (c *client) write() {
	defer func() { _ = c.nc.Close() }()
	frames := c.queue.take(nil)
	for frames != nil {
		rest := frames // WriteTo cuts off what it has written, and clears it
		if _, err := rest.WriteTo(c.nc); err != nil {
			return
		}
		frames = c.queue.take(frames[:0])
	}
}

// alive says that the peer has been heard: it has time until deadAfter, and
// is pinged once in it.
func (c *client) alive() {
	_ = c.nc.SetReadDeadline(time.Now().Add(deadAfter))
	time.AfterFunc(pingEvery, func() { c.send(ws.CompiledPing) })
}

// read carries out the client's requests until its socket ends.
func (c *client) read(h *hub) {
	var message bytes.Buffer // one for all: what is kept of a request is copied out
	for {
		kind, r, err := c.conn.Reader(context.Background())
		if err != nil {
			return
		}
		message.Reset()
		if _, err := message.ReadFrom(r); err != nil {
			return
		}
		var req request
		if kind != websocket.MessageText || json.Unmarshal(message.Bytes(), &req) != nil {
			c.send(event{Event: "error", Message: "not a JSON object", Code: "bad-request"}.encode())
			continue
		}
		h.handle(c, req)
	}
}
