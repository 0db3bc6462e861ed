package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// SocketIO is Socket.IO 4 over WebSocket at once: packets for the default
// namespace in Engine.IO 4 messages.
type SocketIO struct{}

var (
	packetEvent  = []byte(`42["`)
	packetPing   = []byte("2")
	packetClosed = []byte("41")
	framePong    = textFrame("3")
	frameConnect = textFrame("40")
)

// Path is the request target of the upgrade.
func (SocketIO) Path() string { return "/socket.io/?EIO=4&transport=websocket" }

// Subprotocols are those to offer: none.
func (SocketIO) Subprotocols() []string { return nil }

// Open takes Engine.IO's open packet and connects to the default namespace.
func (SocketIO) Open(c *Conn) (string, error) {
	text, err := c.Next()
	if err != nil {
		return "", err
	}
	if !bytes.HasPrefix(text, []byte("0{")) {
		return "", fmt.Errorf("%q: %w", text, errUnexpected)
	}
	if err := c.Send(frameConnect); err != nil {
		return "", err
	}
	if text, err = c.Next(); err != nil {
		return "", err
	}
	rest, ok := bytes.CutPrefix(text, []byte("40"))
	var answer struct{ Sid string }
	if !ok || json.Unmarshal(rest, &answer) != nil || answer.Sid == "" {
		return "", fmt.Errorf("%q: %w", text, errUnexpected)
	}
	return answer.Sid, nil
}

// Kind tells a frame's event by its name.
func (SocketIO) Kind(text []byte) Kind {
	if bytes.HasPrefix(text, packetEvent) {
		return kindAfter(text[:min(len(text), 64)], packetEvent)
	}
	if bytes.Equal(text, packetClosed) {
		return Refused
	}
	return Other
}

// Reply is Engine.IO's pong for its ping.
func (SocketIO) Reply(text []byte) []byte {
	if bytes.Equal(text, packetPing) {
		return framePong
	}
	return nil
}

// Create is the request to create a room.
func (SocketIO) Create(room string) []byte { return socketIORequest("room-create", room, "") }

// Join is the request to join a room.
func (SocketIO) Join(room string) []byte { return socketIORequest("room-join", room, "") }

// Leave is the request to leave a room.
func (SocketIO) Leave(room string) []byte { return socketIORequest("room-leave", room, "") }

// Signal is the request to send data, a JSON text, to a member; there is no
// ref in this transport.
func (SocketIO) Signal(room, target, data, _ string) []byte {
	return socketIORequest("signal-send", room, ","+strconv.Quote(target)+","+data)
}

func socketIORequest(event, room, rest string) []byte {
	return textFrame(`42["` + event + `",` + strconv.Quote(room) + rest + `]`)
}
