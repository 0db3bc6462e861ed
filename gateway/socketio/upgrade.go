package socketio

import (
	"time"

	"github.com/parley-rtc/parley/gateway/wsconn"
)

// upgrade is an attempt to go from polling to a WebSocket. With conn.mu held.
type upgrade struct {
	under  bool
	id     string        // which attempt it is
	probed bool          // the client has sent its probe: polls are answered soon
	probe  *wsconn.Conn  // nil when another gateway has it
	until  time.Duration // given up then
}

// beginUpgrade reserves the session for one attempt.
func (c *conn) beginUpgrade(attempt string) answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.alive():
		return refused(codeUnknownSID)
	case c.mode != modePolling, c.upgrade.under:
		return refused(codeBadRequest)
	}
	c.upgrade = upgrade{under: true, id: attempt, until: c.srv.now() + c.srv.cfg.upgradeTimeout}
	return answer{}
}

// ofAttempt reports whether a request about a WebSocket is of the attempt that is under way, or of the one that has become
// the session's transport. With mu held.
func (c *conn) ofAttempt(r *request) bool {
	switch r.Op {
	case opHurry, opCancel, opSwitch:
		return r.Attempt == c.upgrade.id
	case opPull, opPush, opEnd:
		return r.Attempt == c.carrier
	case opPoll, opPost, opProbe, opDrop:
	}
	return true
}

// hurry has polls answered soon, so that the client, which waits for its poll to end, can go on.
func (c *conn) hurry() answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.upgrade.probed = c.upgrade.under
	c.wake()
	return answer{}
}

// attachProbe notes the WebSocket of an attempt, so that it ends with the session. It reports whether the attempt stands.
func (c *conn) attachProbe(attempt string, ws *wsconn.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.upgrade.under || c.upgrade.id != attempt || !c.alive() {
		return false
	}
	c.upgrade.probe = ws
	return true
}

// dropProbe gives the attempt of a WebSocket up.
func (c *conn) dropProbe(ws *wsconn.Conn) {
	c.mu.Lock()
	mine := c.upgrade.probe == ws
	c.mu.Unlock()
	if mine {
		c.cancelUpgrade()
	}
}

// cancelUpgrade gives an attempt up; the session goes on polling.
func (c *conn) cancelUpgrade() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.upgrade = upgrade{}
	c.wake()
}

// endUpgrade makes the WebSocket the session's transport: ws, or without one the gateway that asked. What was not taken by
// a poll goes over it, after all that was: the client has had the answers to its polls when it says that it is ready.
func (c *conn) endUpgrade(ws *wsconn.Conn) answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.upgrade.under || c.upgrade.probe != ws || !c.alive() {
		return refused(codeBadRequest)
	}
	c.mode, c.ws, c.carrier = modeCarried, ws, c.upgrade.id
	c.upgrade = upgrade{}
	if ws != nil {
		c.mode, c.beat.asker = modeSocket, 0
	} else {
		c.awaitAsker()
	}
	c.wake()
	c.outbox.release()
	c.writeControl()
	return answer{}
}
