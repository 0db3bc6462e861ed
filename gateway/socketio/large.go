package socketio

import (
	"io"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/gateway/wsconn"
	"github.com/parley-rtc/parley/proto"
)

// receiveLarge handles a message of a WebSocket above MaxFrame. How long its rest is changes nothing.
func (c *conn) receiveLarge(kind websocket.MessageType, head []byte, _ io.Reader) error {
	packet, err := packetOf(c.revision, kind, head)
	if kind == wsconn.Text { // which may end inside a character here
		packet, err = head, nil
	}
	if err != nil {
		return err
	}
	return c.receive(packet)
}

// large refuses an event above MaxFrame, of which p is more than that, and skips an attachment. Anything else of that size
// ends the connection. With in held.
func (c *conn) large(p []byte) error {
	switch p[0] {
	case engineMessage:
	case engineBase64:
		return c.attachment(0)
	default:
		return errTooLarge
	}
	head, err := decodeHead(p[1:])
	if err != nil {
		return err
	}
	c.announced = head.announces
	namespace := head.namespace
	if c.revision == revision3 {
		namespace = pathOf(namespace)
	}
	c.mu.Lock()
	session := c.session
	c.mu.Unlock()
	switch {
	case namespace != "/":
		return c.foreign(head, namespace)
	case session == nil || head.kind != typeEvent && head.kind != typeBinaryEvent:
		return errTooLarge
	}
	return c.hand(session, head.glimpse(), proto.TooLarge(c.srv.cfg.MaxFrame), 0)
}

// glimpse returns what the answer to an event that is too large needs: what is read of it stands at its beginning.
func (p *packet) glimpse() proto.Frame {
	const most = 2 << 10 // more than a name and a room take, were they all escapes
	f := proto.Frame{Ref: p.ack}
	args, n := split(p.json[:min(len(p.json), most)])
	if n > 0 && args[0].IsValid() {
		name, _ := text(args[0])
		f.Name = proto.Name(name)
	}
	if n > 1 && args[1].IsValid() {
		if room, ok := text(args[1]); ok && proto.Room(room).Check() == nil {
			f.Room = proto.Room(room)
		}
	}
	return f
}

// pushLarge hands over so much of a packet above MaxFrame that its home sees that it is.
func (p *carrier) pushLarge(kind websocket.MessageType, head []byte, _ io.Reader) error {
	return p.push(kind, p.s.cut(head))
}

// cut returns so much of a packet above MaxFrame that its home sees that it is. It overwrites what may be half a character.
func (s *Server) cut(packet []byte) []byte {
	packet = packet[:s.cfg.MaxFrame+1]
	for i, start := len(packet)-1, false; i >= 0 && !start && packet[i] >= utf8.RuneSelf; i-- {
		start = utf8.RuneStart(packet[i])
		packet[i] = ' '
	}
	return packet
}

// cutBody is cut for a body that is one packet. Whole, it might not fit into a message of NATS.
func (s *Server) cutBody(revision int, body []byte) []byte {
	packet, rest, more, err := first(revision, body)
	if err != nil || more || len(rest) > 0 || len(packet) <= s.cfg.MaxFrame {
		return body
	}
	p := payload{revision: revision}
	p.add(s.cut(packet))
	return p.buf
}
