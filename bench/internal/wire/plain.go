package wire

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// Plain is Parley's own transport: JSON objects on /ws.
type Plain struct{}

var eventMember = []byte(`"event":"`)

// Path is the request target of the upgrade.
func (Plain) Path() string { return "/ws" }

// Subprotocols are those to offer.
func (Plain) Subprotocols() []string { return []string{"parley.v1"} }

// Open awaits the connected event.
func (Plain) Open(c *Conn) (string, error) {
	text, err := c.Next()
	if err != nil {
		return "", err
	}
	var hello struct{ Event, ID string }
	if err := json.Unmarshal(text, &hello); err != nil {
		return "", fmt.Errorf("%q: %w", text, err)
	}
	if hello.Event != "connected" || hello.ID == "" {
		return "", fmt.Errorf("%q: %w", text, errUnexpected)
	}
	return hello.ID, nil
}

// Kind tells a frame's event by its name.
func (Plain) Kind(text []byte) Kind { return kindAfter(text, eventMember) }

// Reply is nil: WebSocket's own pings are answered below this.
func (Plain) Reply([]byte) []byte { return nil }

// Create is the request to create a room.
func (Plain) Create(room string) []byte { return plainRequest("room-create", room, "") }

// Join is the request to join a room.
func (Plain) Join(room string) []byte { return plainRequest("room-join", room, "") }

// Leave is the request to leave a room.
func (Plain) Leave(room string) []byte { return plainRequest("room-leave", room, "") }

// Signal is the request to send data, a JSON text, to a member.
func (Plain) Signal(room, target, data, ref string) []byte {
	rest := `,"targetId":` + strconv.Quote(target) + `,"data":` + data
	if ref != "" {
		rest += `,"ref":` + strconv.Quote(ref)
	}
	return plainRequest("signal-send", room, rest)
}

func plainRequest(event, room, rest string) []byte {
	return textFrame(`{"event":"` + event + `","room":` + strconv.Quote(room) + rest + `}`)
}
