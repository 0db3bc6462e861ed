package socketio

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-rtc/parley/gateway/defect"
	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/wsconn"
)

// mode is the transport that a session is on.
type mode int

const (
	modePolling mode = iota
	modeSocket       // a WebSocket here
	modeCarried      // a WebSocket at another gateway
)

// How sessions end, beside what [wsconn.Cause] says.
var (
	errPingTimeout  = errors.New("ping timeout")
	errNeverUsed    = errors.New("the session was opened and never used")
	errClientClosed = errors.New("closed by the client")
	errDisconnect   = errors.New("the client left the namespace")
	errAskerGone    = errors.New("the gateway that the client is connected to does not ask for more")
	errPollLost     = errors.New("a poll's connection was lost")
	errOpen         = errors.New("no session could be opened")
	errEnded        = errors.New("the session has ended")
)

// conn is one Engine.IO session on its home gateway. It is its client's [link.Transport].
type conn struct {
	// Set by the handshake.
	srv      *Server
	sid      string
	revision int
	address  string

	in        sync.Mutex // held while a packet of the client's is handled: one at a time
	announced int        // binary packets that are still to come with an event; with in held

	busy atomic.Bool // a request waits for space in the client's session

	writes atomic.Int32 // writes to ws under way: they end by themselves when the client takes nothing

	wmu sync.Mutex // orders writes to ws; held across them

	mu      sync.Mutex // guards the fields below; never held across I/O
	mode    mode
	ws      *wsconn.Conn
	session link.Session // nil until the namespace is joined
	sub     string       // whose token was shown; empty: none was asked for
	outbox  outbox
	carrier string // the attempt whose WebSocket another gateway carries; empty also where that gateway names none
	life    life
	beat    heartbeat
	upgrade upgrade
	opener  opener // of revision 3
}

// life is how far a session has come. With conn.mu held.
type life struct {
	waiting chan struct{} // capacity 1: wakes the poll that waits; nil without
	posting bool          // a POST is being read
	writing bool          // a goroutine writes control packets
	closing *link.Close   // the client is still to be told that it is over, and why
	ended   bool
}

// wake lets the poll that waits look again. With mu held.
func (c *conn) wake() {
	if c.life.waiting == nil {
		return
	}
	select {
	case c.life.waiting <- struct{}{}:
	default:
	}
}

// push queues a packet of the session's own, and has it written. It does not block. The error ends the connection: too
// many wait already.
func (c *conn) push(packet []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pushLocked(packet)
}

func (c *conn) pushLocked(packet []byte) error {
	if !c.alive() {
		return nil
	}
	if !c.outbox.queue(packet) {
		return link.TooSlow
	}
	c.wake()
	c.writeControl()
	return nil
}

// writeControl starts a writer for control packets on a WebSocket where none runs. With mu held.
func (c *conn) writeControl() {
	if c.mode == modeSocket && !c.life.writing && len(c.outbox.control) > 0 {
		c.life.writing = c.srv.spawn(func() { _ = c.flush() }) // its error is the reader's, too
	}
}

// shut ends the session from our side: a WebSocket gets a close frame, a poll a close packet. Its client's session has
// ended when it returns; it may take seconds.
func (c *conn) shut(why link.Close) {
	c.mu.Lock()
	if c.life.ended || c.life.closing != nil {
		c.mu.Unlock()
		return
	}
	c.life.closing = &why
	c.beat = heartbeat{unused: c.srv.now() + c.srv.cfg.PingTimeout} // as long as the client may still ask
	ws, probe := c.ws, c.upgrade.probe
	c.wake()
	c.outbox.release()
	c.mu.Unlock()
	if probe != nil {
		probe.CloseNow()
	}
	c.endSession(why)
	if ws != nil {
		ws.Close(why.Code, why.Reason, closePatience)
		c.end(why)
	}
}

// reject is shut for those that must not wait.
func (c *conn) reject(why link.Close) {
	c.endSession(why)
	if !c.srv.spawn(func() { c.shut(why) }) {
		c.end(why)
	}
}

// part is reject where the client hears it: on a WebSocket, or by a poll that waits. Else nobody is there to be told, and
// the session is gone at once, because of cause.
func (c *conn) part(why link.Close, cause error) {
	c.mu.Lock()
	hears := c.life.closing == nil && (c.mode != modePolling || c.life.waiting != nil)
	c.mu.Unlock()
	if hears {
		c.reject(why)
	} else {
		c.end(cause)
	}
}

// end forgets the session: nothing more is sent.
func (c *conn) end(cause error) {
	c.mu.Lock()
	if c.life.ended {
		c.mu.Unlock()
		return
	}
	c.life.ended = true
	ws, probe := c.ws, c.upgrade.probe
	c.outbox.takeControl()
	c.outbox.batch = nil
	c.wake()
	c.outbox.release()
	c.mu.Unlock()
	c.srv.forget(c)
	c.endSession(cause)
	if probe != nil {
		probe.CloseNow()
	}
	if ws != nil {
		ws.CloseNow()
	}
}

// endSession tells the client's session that the connection is over.
func (c *conn) endSession(cause error) {
	c.mu.Lock()
	session := c.session
	c.mu.Unlock()
	if session != nil {
		session.End(cause)
	}
}

// joined reports whether there is a client's session.
func (c *conn) joined() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session != nil
}

// contain runs what concerns this client alone. A defect in it ends the session, and no more.
func (c *conn) contain(where string, f func()) {
	err := defect.Guard(where, f)
	if !defect.Log(c.srv.log, err, "address", c.address) {
		return
	}
	c.endSession(err)
	c.shut(link.Internal)
	c.end(err)
}

// tick does what is due at a time.
func (c *conn) tick(now time.Duration) {
	d := c.due(now)
	if d.late != nil {
		d.late.CloseNow()
	}
	switch {
	case d.dead && d.askerGone:
		c.end(errAskerGone)
	case d.dead && d.unused:
		c.part(closeUnused, errNeverUsed)
	case d.dead:
		c.end(errPingTimeout)
	}
}

// dues are what is due at a time.
type dues struct {
	late      *wsconn.Conn // the WebSocket of an upgrade that took too long
	dead      bool         // the session's time is up,
	unused    bool         // since nobody has used it,
	askerGone bool         // or another gateway does not ask for more
}

// due notes what is due at a time, and queues a ping where one is.
func (c *conn) due(now time.Duration) (d dues) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.ended {
		return d
	}
	if c.busy.Load() || c.writes.Load() > 0 { // a ping may stand behind what the client is still reading
		c.beat.hold(now)
	}
	if c.upgrade.under && now >= c.upgrade.until {
		d.late = c.upgrade.probe
		c.upgrade = upgrade{}
		c.wake()
	}
	d.unused, d.askerGone = c.beat.unused != 0, due(c.beat.asker, now)
	var ping bool
	ping, d.dead = c.beat.beat(now)
	if ping {
		_ = c.pushLocked([]byte{enginePing}) // where it does not fit the client will not answer, and is dropped for that
	}
	return d
}
