package socketio

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/wsconn"
	"github.com/parley-rtc/parley/proto"
)

// closeUTF8 is told to clients that send text which is none.
var closeUTF8 = link.Close{Code: 1007, Reason: "not UTF-8"}

// clientIDOf is the client id of a session of revision 3: the session id.
func clientIDOf(sid string) proto.ClientID { return proto.ClientID(sid) }

// openPacket is the first packet of a session.
func (c *conn) openPacket(m mode) []byte {
	b := append([]byte{engineOpen}, `{"sid":"`...)
	b = append(b, c.sid...)
	b = append(b, `","upgrades":[`...)
	if m == modePolling {
		b = append(b, `"websocket"`...)
	}
	b = append(b, `],"pingInterval":`...)
	b = strconv.AppendInt(b, c.srv.cfg.PingInterval.Milliseconds(), 10)
	b = append(b, `,"pingTimeout":`...)
	b = strconv.AppendInt(b, c.srv.cfg.PingTimeout.Milliseconds(), 10)
	if c.revision == revision4 {
		b = append(b, `,"maxPayload":`...)
		b = strconv.AppendInt(b, int64(c.srv.cfg.MaxFrame), 10)
	}
	return append(b, '}')
}

// accept answers a WebSocket handshake; what fails has been answered. Of the subprotocols that a client offers (its option
// protocols) it gets the first, as from Socket.IO's server: without one it would not connect.
func (h *exchange) accept() (*wsconn.Conn, error) {
	o := wsconn.Options{MaxFrame: h.s.cfg.MaxFrame}
	first, _, _ := strings.Cut(h.r.Header.Get("Sec-WebSocket-Protocol"), ",")
	if first = strings.TrimSpace(first); first != "" {
		o.Subprotocols = []string{first}
	}
	return wsconn.Accept(h.w, h.r, o) // it says what it did
}

// openSocket opens a session that is on a WebSocket at once.
func (h *exchange) openSocket() {
	if err := h.s.cfg.Door.Enter(h.req.Address); err != nil {
		h.full(err)
		return
	}
	ws, err := h.accept()
	if err != nil {
		h.s.cfg.Door.Leave(h.req.Address)
		return
	}
	token := h.req.Token
	s, revision, address, by := h.s, h.req.Revision, h.req.Address, opener{agent: h.req.Agent}
	started := s.spawn(func() {
		c := s.open(revision, modeSocket, address, by)
		c.mu.Lock()
		c.ws = ws
		ended := c.life.ended
		c.mu.Unlock()
		if ended { // the server has stopped
			ws.CloseNow()
			return
		}
		if revision == revision3 {
			if err := c.connect(clientIDOf(c.sid), token); err != nil {
				c.fail(err)
			}
		}
		if c.flush() == nil {
			c.contain("reading from a client", c.read)
		}
	})
	if !started {
		s.cfg.Door.Leave(address)
		ws.CloseNow()
	}
}

// read hands over what comes on the session's WebSocket, until it ends. Once the namespace is joined, which takes more
// stack than anything that an idle client does, another goroutine goes on with a small one.
func (c *conn) read() {
	for !c.joined() {
		if !c.readOne() {
			return
		}
	}
	rest := func() {
		c.contain("reading from a client", func() {
			for c.readOne() {
			}
		})
	}
	if !c.srv.spawn(rest) { // the server stops
		rest()
	}
}

// readOne reads one message. It reports false, having ended the session, when there is none.
func (c *conn) readOne() bool {
	err := c.ws.Read(func(kind websocket.MessageType, message []byte) error {
		packet, err := packetOf(c.revision, kind, message)
		if err != nil {
			return err
		}
		return c.receive(packet)
	}, c.receiveLarge)
	if err == nil {
		return true
	}
	if errors.Is(err, errClientClosed) {
		c.endSession(errClientClosed)
		c.shut(closeNormal)
	}
	if why, ours := closeFor(err); ours {
		c.shut(why)
	}
	c.end(causeOf(err))
	return false
}

// packetOf returns the Engine.IO packet of a WebSocket message, in text. Of a binary one it says only what it is, as a
// packet in base64 without its data would: nobody wants those.
func packetOf(revision int, kind websocket.MessageType, message []byte) ([]byte, error) {
	switch {
	case kind == wsconn.Text && !utf8.Valid(message):
		return nil, closeUTF8
	case kind == wsconn.Text:
		return message, nil
	case revision == revision4:
		return []byte{engineBase64}, nil
	case len(message) == 0 || message[0] > engineNoop-engineOpen:
		return nil, fmt.Errorf("%w: a binary message without a type", errPacket)
	}
	return []byte{engineBase64, engineOpen + message[0]}, nil
}

// causeOf says how a session on a WebSocket ended, for the log.
func causeOf(err error) error {
	for _, own := range []error{errPacket, errClientClosed, errEnded, link.ErrDraining, link.ErrFull} {
		if errors.Is(err, own) {
			return own
		}
	}
	return fmt.Errorf("%s", wsconn.Cause(err)) // text for the log
}

// probe is an upgrade: a second connection of a session on polling.
func (h *exchange) probe() {
	h.req.Op, h.req.Attempt = opProbe, newSecret()
	if a := h.s.ask(h.r.Context(), &h.req); a.Refused {
		h.refuse(a.Error)
		return
	}
	home, _ := h.req.gateway()
	here := home == h.s.cfg.Gateway
	p := &carrier{s: h.s, req: h.req}
	cancel := func() { p.tell(opCancel, "") }
	if !here {
		if err := h.s.cfg.Door.Enter(h.req.Address); err != nil {
			cancel()
			h.full(err)
			return
		}
	}
	ws, err := h.accept()
	if err == nil {
		p.ws = ws
		run := p.run
		if here {
			run = p.runHere
		}
		if h.s.spawn(func() { p.contain(run) }) {
			return
		}
		ws.CloseNow()
	}
	cancel()
	if !here {
		h.s.cfg.Door.Leave(h.req.Address)
	}
}
