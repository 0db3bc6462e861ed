package main

import (
	"bufio"
	"context"
	"net"
	"net/http"

	"github.com/coder/websocket"
	"github.com/google/uuid"
)

// accept answers the handshake and makes a client of it. coder/websocket reads
// the socket and answers pings and closes; text frames are written beside it,
// many at a time. Either writes whole frames in one call, so they do not mix.
func accept(w http.ResponseWriter, r *http.Request) (*client, error) {
	c := &client{id: uuid.NewString(), queue: newQueue(), rooms: map[string]*room{}}
	h := &hijacker{ResponseWriter: w}
	conn, err := websocket.Accept(h, r, &websocket.AcceptOptions{
		Subprotocols:   []string{"parley.v1"},
		OnPongReceived: func(context.Context, []byte) { c.alive() },
	})
	if err != nil {
		return nil, err // Accept has answered
	}
	conn.SetReadLimit(longestRead)
	c.conn, c.nc = conn, h.nc
	c.alive()
	return c, nil
}

// hijacker keeps the socket that coder/websocket is given.
type hijacker struct {
	http.ResponseWriter
	nc net.Conn
}

// Hijack implements http.Hijacker.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	nc, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	h.nc = nc
	return nc, rw, err
}
