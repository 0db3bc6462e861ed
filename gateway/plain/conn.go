package plain

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/gateway/defect"
	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/wsconn"
	"github.com/parley-rtc/parley/proto"
)

// conn is a plain socket: a link.Transport.
type conn struct {
	// Set by ServeHTTP.
	server  *Server
	session link.Session
	ws      *wsconn.Conn
	slot    int
	refusal *link.Close // the connection is closed with it, and has no session
	up      sync.Mutex  // held until ws is set; Close waits for it

	ended   bool        // owned by the reader: the session takes nothing more
	full    bool        // owned by Run: the last ping could not be sent, with so many bytes
	taken   uint64      // taken before it
	waiting atomic.Bool // a ping has not been answered
	paused  atomic.Bool // the reader waits for the session, so pongs are not seen
}

// How long a close waits for a write under way, and after a violation of the client's for the answers that it is due.
const (
	closePatience = 10 * time.Second
	duePatience   = 2 * time.Second
)

var errBinary = fmt.Errorf("%w: frames have to be text", proto.ErrFrame)

// errNotUTF8 ends a connection, as RFC 6455 section 8.1 has it.
var errNotUTF8 = wsconn.Violation{Code: int(websocket.StatusInvalidFramePayloadData), Reason: "a text frame is not UTF-8"}

// open opens the client's session and takes the connection over from net/http. It reports false where that failed, and was
// answered.
func (c *conn) open(w http.ResponseWriter, r *http.Request, about link.About) bool {
	c.up.Lock()
	defer c.up.Unlock()
	cfg := &c.server.cfg
	var session link.Session
	var err error
	if c.refusal == nil {
		session, err = cfg.Open(c, about)
	}
	if c.refusal != nil {
		// A browser sees nothing of a refusal by HTTP: the connection is accepted, and closed.
	} else if why, ok := errors.AsType[link.Close](err); ok {
		c.refusal = &why
	} else if err != nil {
		refuse(w, err)
		return false
	} else {
		c.session = session
	}
	c.ws, err = wsconn.Accept(w, r, wsconn.Options{
		MaxFrame: cfg.MaxFrame, Subprotocols: []string{proto.Subprotocol}, OnPong: c.pong,
	})
	if err != nil && c.session != nil {
		c.session.End(err)
	}
	return err == nil
}

// authorize checks the client's token. One that does not count is a reason to refuse the connection.
func (c *conn) authorize(ctx context.Context, text string, about *link.About) {
	token, err := c.server.cfg.Check(ctx, text)
	if err != nil {
		why := link.Unauthorized(err)
		c.refusal = &why
		return
	}
	about.Token = token
	if token.Keep >= 0 {
		about.Keep = min(about.Keep, token.Keep)
	}
}

// greet tells the client who it is.
func (c *conn) greet(about link.About) {
	if c.refusal != nil {
		return
	}
	hello := proto.Event{Name: proto.Connected, ID: about.ID, Version: proto.Version, Limits: &c.server.cfg.Limits}
	if about.Turn > 0 {
		hello.Keep = &about.Keep
	}
	if servers := c.server.cfg.ICE; servers != nil {
		hello.More = &proto.More{ICEServers: servers}
	}
	c.session.Send(link.Out{Message: link.NewMessage(hello)})
}

// serve is what a connection's own goroutine does: it reads, or closes one that was refused.
func (c *conn) serve() {
	if c.refusal == nil {
		c.read()
		return
	}
	defer c.server.remove(c)
	c.ws.Close(c.refusal.Code, c.refusal.Reason, time.Second)
}

// drop ends a connection that is not read.
func (c *conn) drop() {
	if c.session != nil {
		c.session.End(link.GoingAway)
	}
	if c.ws != nil {
		c.ws.CloseNow()
	}
}

// read hands the session what the client sends, until the connection is over.
func (c *conn) read() {
	defer c.server.remove(c)
	err := c.readAll()
	if defect.Log(c.server.cfg.Log, err, "client", c.session.ID()) {
		c.session.End(err)
		c.ws.Close(link.Internal.Code, link.Internal.Reason, time.Second)
		return
	}
	if v, ok := errors.AsType[wsconn.Violation](err); ok {
		c.session.WaitIdle(duePatience)
		c.session.End(causeOf(err))
		c.ws.Close(v.Code, v.Reason, time.Second)
		return
	}
	c.session.End(causeOf(err))
	c.ws.CloseNow()
}

// causeOf says how a connection ended.
func causeOf(err error) error {
	if code := wsconn.ClosedWith(err); code != 0 {
		return link.Parting{Code: code}
	}
	return errors.New(wsconn.Cause(err)) // for the log, nothing to compare with
}

// readAll reads until the connection is over, or a defect ends it.
func (c *conn) readAll() (err error) {
	defer defect.Catch("reading from a client", &err)
	for err == nil {
		err = c.ws.Read(c.receive, c.receiveLarge)
	}
	return err
}

// receive hands over a message. Once the session has ended, and the connection is being closed, it only takes what still
// comes, until the peer's close frame does.
func (c *conn) receive(kind websocket.MessageType, message []byte) error {
	if c.ended {
		return nil
	}
	var frame proto.Frame
	var err error
	switch {
	case kind != wsconn.Text:
		frame, err = proto.SkimFrame(message), errBinary
	case !utf8.Valid(message):
		return errNotUTF8
	default:
		frame, err = proto.DecodeFrame(message)
	}
	c.hand(frame, err, len(message))
	return nil
}

// receiveLarge refuses a message above the limit: what its answer needs is read of it as it comes, and nothing kept.
func (c *conn) receiveLarge(_ websocket.MessageType, head []byte, rest io.Reader) error {
	if c.ended {
		return nil
	}
	var skim proto.Skim
	_, _ = skim.Write(head) // it returns no error
	for {
		n, err := rest.Read(head)
		_, _ = skim.Write(head[:n])
		if err == io.EOF { // rest returns it as it is
			break
		}
		if err != nil {
			return nil // Read returns it
		}
	}
	frame := skim.Frame()
	c.hand(frame, proto.TooLarge(c.server.cfg.MaxFrame), len(frame.Room)+len(frame.Ref))
	return nil
}

// hand gives the session a frame that took size bytes.
func (c *conn) hand(frame proto.Frame, err error, size int) {
	frame.Ref = frame.QuotedRef() // as Write takes it: an empty one is one
	c.paused.Store(true)
	defer c.paused.Store(false)
	c.ended = !c.session.Receive(frame, err, size)
}

// Write implements link.Transport: the frames of a batch in one system call.
func (c *conn) Write(batch []link.Out) error {
	b := c.ws.Batch()
	for i := range batch {
		o := &batch[i]
		if o.Message == nil {
			b.Ping(binary.BigEndian.AppendUint64(nil, o.Ping))
			continue
		}
		b.Text(func(dst []byte) []byte { return proto.AppendRef(dst, o.JSON(), o.Ref) })
	}
	return b.Flush() // it says what it was doing
}

// Close implements link.Transport.
func (c *conn) Close(why link.Close) {
	c.up.Lock()
	ws := c.ws
	c.up.Unlock()
	if ws != nil {
		ws.Close(why.Code, why.Reason, closePatience)
	}
}

// ping asks whether the client is there. Called by Run. Where no ping could be sent there is no pong to wait for: a peer
// that stalls a write is found by that, and one that has taken nothing from one ping's turn to the next is dropped.
func (c *conn) ping() {
	c.waiting.Store(true) // before the pong can come
	err := c.ws.Ping()
	if err == nil {
		c.full = false
		return
	}
	c.waiting.Store(false)
	if c.stuck(errors.Is(err, wsconn.ErrFull), c.ws.Taken()) {
		c.ws.CloseNow()
	}
}

// stuck takes note of whether a ping could be sent, and of how many bytes the peer had taken then. It reports whether the
// peer has taken nothing since the last one. Called by Run.
func (c *conn) stuck(full bool, taken uint64) bool {
	stuck := full && c.full && taken == c.taken
	c.full, c.taken = full, taken
	return stuck
}

// pong takes the answer to a ping: to one of Run's, which is empty, or to one with a count, which the session hears. Either shows
// that the client is there. It is called by the reader.
func (c *conn) pong(payload []byte) {
	c.waiting.Store(false)
	const count = 8
	if len(payload) == count && c.session != nil {
		c.session.Pong(binary.BigEndian.Uint64(payload))
	}
}

// overdue ends the connection when its ping has not been answered, unless its pong could not have been seen.
func (c *conn) overdue() {
	if c.waiting.Load() && !c.paused.Load() {
		c.ws.CloseNow()
	}
}
