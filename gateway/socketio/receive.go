package socketio

import (
	"context"
	"errors"
	"fmt"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/wsconn"
	"github.com/parley-rtc/parley/proto"
)

// receive handles an Engine.IO packet from the client. An error means that the connection has to end; its bytes are the
// caller's again when it returns.
func (c *conn) receive(p []byte) error {
	c.in.Lock()
	defer c.in.Unlock()
	if len(p) == 0 {
		return fmt.Errorf("%w: it is empty", errPacket)
	}
	kind := p[0]
	c.mu.Lock()
	alive := c.alive()
	c.beat.heard(kind, c.srv.now())
	c.mu.Unlock()
	switch {
	case !alive:
		return errEnded
	case len(p) > c.srv.cfg.MaxFrame:
		return c.large(p)
	}
	switch kind {
	case engineMessage:
		return c.message(p[1:])
	case engineClose:
		return errClientClosed
	case enginePing:
		if c.revision == revision4 {
			return fmt.Errorf("%w: a ping from the client", errPacket)
		}
		return c.push([]byte{enginePong})
	case enginePong:
	case engineOpen, engineUpgrade, engineNoop: // out of place, and harmless
	case engineBase64:
		if c.revision == revision3 && (len(p) < 2 || p[1] != engineMessage) {
			return fmt.Errorf("%w: binary data that is no message", errPacket)
		}
		return c.attachment(len(p))
	default:
		return fmt.Errorf("%w: unknown Engine.IO type %q", errPacket, kind)
	}
	return nil
}

// message handles a Socket.IO packet. With in held.
func (c *conn) message(b []byte) error {
	p, err := decodePacket(b)
	if err != nil {
		return err
	}
	c.announced = p.announces // what was announced before does not come any more
	namespace := p.namespace
	if c.revision == revision3 {
		namespace = pathOf(namespace)
	}
	if namespace != "/" {
		return c.foreign(p, namespace)
	}
	c.mu.Lock()
	session := c.session
	c.mu.Unlock()
	switch {
	case session == nil && p.kind == typeConnect && c.revision == revision4:
		return c.connect(newClientID(), authOf(p.json))
	case p.kind == typeConnect && c.revision == revision3:
		return nil // it has been connected unasked
	case session == nil || p.kind == typeConnect || p.kind == typeConnectError:
		return fmt.Errorf("%w: out of place: type %q", errPacket, p.kind)
	case p.kind == typeDisconnect:
		c.disconnect(session)
		return nil
	case p.kind == typeAck, p.kind == typeBinaryAck:
		return nil // nothing that we send asks for one
	}
	f, err := p.frame()
	return c.hand(session, f, err, len(b)+1)
}

// hand gives a request, or what is to be answered instead, to the client's session. It waits for space there. With in held.
func (c *conn) hand(session link.Session, f proto.Frame, err error, size int) error {
	c.busy.Store(true)
	ok := session.Receive(f, err, size)
	c.busy.Store(false)
	if !ok {
		return errEnded
	}
	return nil
}

// attachment skips a binary packet. The event that announced it has been answered; one that nothing announced is answered
// itself. With in held.
func (c *conn) attachment(size int) error {
	if c.announced > 0 {
		c.announced--
		return nil
	}
	c.mu.Lock()
	session := c.session
	c.mu.Unlock()
	if session == nil {
		return fmt.Errorf("%w: binary data out of place", errPacket)
	}
	return c.hand(session, proto.Frame{}, errStray, size)
}

// foreign answers what concerns another namespace than the default one: there is none.
func (c *conn) foreign(p packet, namespace string) error {
	answer := []byte{engineMessage, typeConnectError}
	answer = append(append(answer, namespace...), ',')
	switch {
	case c.revision == revision3 && (p.kind == typeConnect || p.kind == typeEvent || p.kind == typeBinaryEvent):
		return c.push(append(answer, `"Invalid namespace"`...))
	case p.kind == typeConnect:
		return c.push(append(answer, `{"message":"Invalid namespace"}`...))
	case c.revision == revision3:
		return nil
	}
	return fmt.Errorf("%w: for a namespace that was not joined", errPacket)
}

// pathOf cuts the query off a namespace of revision 3.
func pathOf(namespace string) string {
	for i := range len(namespace) {
		if namespace[i] == '?' {
			return namespace[:i]
		}
	}
	return namespace
}

// connect joins the default namespace: from here on there is a client, unless its token does not count, which it is told. With in
// held, or before anybody knows the session.
func (c *conn) connect(id proto.ClientID, text string) error {
	about := link.About{ID: id, Transport: "socketio", Address: c.address}
	if check := c.srv.cfg.Check; check != nil {
		token, err := check(context.Background(), text) // it bounds how long it takes
		if err != nil {
			return c.unauthorized(err)
		}
		about.Token = token
	}
	session, err := c.srv.cfg.Open(c, about)
	if err != nil {
		return fmt.Errorf("%w: %w", errOpen, err)
	}
	answer := []byte{engineMessage, typeConnect}
	if c.revision == revision4 {
		answer = append(append(append(answer, `{"sid":"`...), id...), `"}`...)
	}
	c.mu.Lock()
	c.session = session
	if about.Token != nil {
		c.sub = about.Token.Sub
	}
	if c.revision == revision4 {
		c.beat.unused = 0
	}
	gone := !c.alive()
	err = c.pushLocked(answer)
	c.mu.Unlock()
	if gone {
		session.End(errEnded)
		return errEnded
	}
	return err
}

// disconnect leaves the namespace. A client of revision 4 may join again, as another one; else the session soon goes.
func (c *conn) disconnect(session link.Session) {
	session.End(errDisconnect)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = nil
	c.outbox.release()
	c.outbox.batch, c.outbox.drained = nil, nil
	c.beat.unused = c.srv.now() + c.srv.cfg.PingTimeout
}

// closeFor returns what a client is told when its connection has to end because of err, and whether it is to be told
// anything: not when it is the one that left.
func closeFor(err error) (link.Close, bool) {
	var why link.Close
	var violation wsconn.Violation
	switch {
	case errors.As(err, &why):
		return why, true
	case errors.As(err, &violation):
		return link.Close{Code: violation.Code, Reason: violation.Reason}, true
	case errors.Is(err, link.ErrDraining):
		return link.GoingAway, true
	case errors.Is(err, link.ErrFull):
		return link.Overloaded, true
	case errors.Is(err, errOpen):
		return link.Internal, true
	case errors.Is(err, errTooLarge):
		return link.Close{Code: 1009, Reason: "the packet is too large"}, true
	case malformed(err):
		return link.Close{Code: 1008, Reason: err.Error()}, true
	}
	return link.Close{}, false
}

// malformed reports whether an error is about what a client sent.
func malformed(err error) bool { return errors.Is(err, errPacket) || errors.Is(err, errPayload) }

// fail ends the connection because of what the client sent.
func (c *conn) fail(err error) {
	if why, tell := closeFor(err); tell {
		c.reject(why)
		return
	}
	c.end(err)
}
