package link

import (
	"sync"

	"github.com/parley-rtc/parley/proto"
)

// Out is a message for one client, or a ping.
type Out struct {
	*Message // nil: it is a ping
	// Ping is the count that a ping carries, and its pong brings back. Only clients whose session has a key are sent such pings.
	Ping uint64
	// Ref is that of the request which the message answers, empty on pushes and on answers to requests without: a plain
	// socket's ref as JSON, or the number of a Socket.IO acknowledgement.
	Ref string
}

// Message is an event on its way to sockets, shared by all its receivers and encoded once for each transport. It does
// not change after it was made.
type Message struct {
	Event proto.Event
	size  int

	jsonOnce sync.Once
	json     []byte

	otherOnce sync.Once
	other     []byte
}

// NewMessage returns the message of an event that is encoded when the first writer needs it.
func NewMessage(e proto.Event) *Message { return &Message{Event: e, size: size(&e)} }

// NewEncoded returns the message of an event whose JSON came over NATS. It keeps the bytes.
func NewEncoded(e proto.Event, json []byte) *Message {
	return &Message{Event: e, json: json, size: fixed + len(json)}
}

// JSON returns the event as a plain socket receives it, without ref. The bytes are shared: they must not be changed.
func (m *Message) JSON() []byte {
	m.jsonOnce.Do(func() {
		if m.json == nil {
			m.json = proto.AppendEvent(nil, &m.Event)
		}
	})
	return m.json
}

// Other returns the event in a transport's own form, made once by the first writer that asks. Only one such form is
// kept: there is one transport that needs it.
func (m *Message) Other(encode func(e *proto.Event) []byte) []byte {
	m.otherOnce.Do(func() { m.other = encode(&m.Event) })
	return m.other
}

// Size returns about how many bytes the message takes in a queue. It does not change.
func (m *Message) Size() int { return m.size }

// Size returns about how many bytes it takes in a queue.
func (o *Out) Size() int {
	if o.Message == nil {
		return fixed
	}
	return o.size
}

// fixed is what a message takes beside its text.
const fixed = 128

// size counts what may be long. A target id may: one that nobody can bear is told back as it came.
func size(e *proto.Event) int {
	return fixed + len(e.Data) + len(e.Room) + len(e.TargetID) + len(e.Message) + len(e.Packed) + 40*len(e.Clients)
}
