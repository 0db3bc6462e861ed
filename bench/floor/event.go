package main

import (
	"encoding/json"

	"github.com/gobwas/ws"
)

// request is any frame from a client.
type request struct {
	Event    string          `json:"event"`
	Room     string          `json:"room"`
	TargetID string          `json:"targetId"`
	Data     json.RawMessage `json:"data"`
	Ref      string          `json:"ref"`
}

// event is any frame to a client, its members in the protocol's order.
type event struct {
	Event    string   `json:"event"`
	Room     string   `json:"room,omitempty"`
	ID       string   `json:"id,omitempty"`
	Version  int      `json:"version,omitempty"`
	OwnerID  string   `json:"ownerId,omitempty"`
	Clients  []string `json:"clients,omitempty"`
	SenderID string   `json:"senderId,omitempty"`
	TargetID string   `json:"targetId,omitempty"`
	Kicked   *bool    `json:"kicked,omitempty"`
	Message  string   `json:"message,omitempty"`
	Code     string   `json:"code,omitempty"`
	Seq      uint64   `json:"seq,omitempty"`
	Prev     uint64   `json:"prev,omitempty"`
	Ref      string   `json:"ref,omitempty"`
}

// encode is the event's frame, as it is written to any number of sockets.
func (e event) encode() []byte {
	b, err := json.Marshal(e)
	if err != nil {
		panic(err) // an event holds nothing that cannot be encoded
	}
	return frame(b)
}

// encodeSignal is the frame of a signal. The data goes on as it came: it was
// found to be JSON when the request was decoded, and a json.RawMessage would
// be looked through once more.
func encodeSignal(room, sender string, data []byte) []byte {
	if data == nil {
		data = []byte("null")
	}
	b, err := json.Marshal(event{Event: "signal-receive", Room: room, SenderID: sender})
	if err != nil {
		panic(err) // as above
	}
	b = append(b[:len(b)-1], `,"data":`...)
	b = append(b, data...)
	return frame(append(b, '}'))
}

// frame is a text as a whole WebSocket frame.
func frame(text []byte) []byte { return ws.MustCompileFrame(ws.NewTextFrame(text)) }
