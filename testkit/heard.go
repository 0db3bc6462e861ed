package testkit

import (
	"maps"

	"github.com/parley-rtc/parley/proto"
)

// Heard is what a session has taken note of in a room: what it says when it resumes the room.
type Heard struct {
	Seq uint64                   // of the room
	N   map[proto.ClientID]int64 // by sender, the number of the last signal heard
}

// Heard returns what the client has heard of a room since it was in there.
func (c *Client) Heard(room proto.Room) Heard {
	var h Heard
	for _, r := range c.All() {
		if r.Room == room {
			h.Take(&r.Event)
		}
	}
	return h
}

// Take takes note of an event of the room.
func (h *Heard) Take(e *proto.Event) {
	if h.N == nil {
		h.N = map[proto.ClientID]int64{}
	}
	switch e.Name {
	case proto.RoomCreated, proto.RoomJoined, proto.Resumed, proto.ClientJoined, proto.ClientLeft, proto.ClientBack:
		h.Seq = max(h.Seq, e.Seq)
	case proto.RoomUpdated, proto.MemberUpdated:
		if e.Prev > 0 { // else it is no change
			h.Seq = max(h.Seq, e.Seq)
		}
	case proto.SignalReceive:
		h.N[e.SenderID] = max(h.N[e.SenderID], e.N)
	case proto.Live:
		maps.Copy(h.N, e.Lost)
	case proto.RoomLeft:
		*h = Heard{}
	}
}

// Frame returns the request that resumes a room.
func (h Heard) Frame(room proto.Room, fresh bool) proto.Frame {
	return proto.Frame{Name: proto.Resume, Room: room, Seq: h.Seq, Heard: maps.Clone(h.N), Fresh: fresh}
}
