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
	Event    string          `json:"event"`
	Room     string          `json:"room,omitempty"`
	ID       string          `json:"id,omitempty"`
	Version  int             `json:"version,omitempty"`
	OwnerID  string          `json:"ownerId,omitempty"`
	Clients  []string        `json:"clients,omitempty"`
	SenderID string          `json:"senderId,omitempty"`
	TargetID string          `json:"targetId,omitempty"`
	Data     json.RawMessage `json:"data,omitempty"`
	Kicked   *bool           `json:"kicked,omitempty"`
	Message  string          `json:"message,omitempty"`
	Code     string          `json:"code,omitempty"`
	Seq      uint64          `json:"seq,omitempty"`
	Prev     uint64          `json:"prev,omitempty"`
	Ref      string          `json:"ref,omitempty"`
}

// encode is the event's frame, as it is written to any number of sockets. An event holds nothing that cannot be encoded:
// its raw data was decoded from a frame.
func (e event) encode() []byte {
	b, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return ws.MustCompileFrame(ws.NewTextFrame(b))
}
