package socketio

import (
	"context"
	"time"
)

// poll waits until there is something for the client and takes it: for a GET of the client's, or for the gateway that
// carries its WebSocket. After hold without anything the answer says to ask again; 0 waits as long as ctx.
func (c *conn) poll(ctx context.Context, from mode, hold time.Duration) answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.life.ended:
		return refused(codeUnknownSID)
	case c.mode != from:
		return refused(codeBadRequest)
	case c.life.waiting != nil:
		c.mu.Unlock()
		c.reject(closeOverlap)
		c.mu.Lock()
		return answer{Refused: true, Overlap: true}
	}
	wake := make(chan struct{}, 1)
	c.life.waiting = wake
	c.beat.asker = 0
	defer func() { c.life.waiting = nil }()
	var late <-chan time.Time
	if hold > 0 {
		timer := time.NewTimer(hold)
		defer timer.Stop()
		late = timer.C
	}
	for {
		if a, ok := c.ready(from); ok {
			if from == modeCarried && !a.Closed {
				c.awaitAsker()
			}
			return a
		}
		var flush <-chan time.Time
		if c.upgrade.probed && from == modePolling {
			flush = time.After(flushAfter)
		}
		c.mu.Unlock()
		select {
		case <-wake:
			c.mu.Lock()
		case <-flush:
			c.mu.Lock()
			return c.noop()
		case <-late:
			c.mu.Lock()
			c.awaitAsker()
			return answer{Again: true}
		case <-ctx.Done():
			c.end(errPollLost)
			c.mu.Lock()
			return refused(codeBadRequest)
		}
	}
}

// awaitAsker gives another gateway until then to ask again. With mu held.
func (c *conn) awaitAsker() { c.beat.asker = c.srv.now() + c.srv.cfg.askAgain }

// ready returns the answer to a poll when there is one. With mu held.
func (c *conn) ready(from mode) (answer, bool) {
	switch {
	case c.life.closing != nil && !c.life.ended:
		return c.farewell(from), true
	case c.life.ended:
		return answer{Closed: true, Body: c.noop().Body}, true
	case c.mode != from: // upgraded meanwhile
		return c.noop(), true
	case c.outbox.empty():
		return answer{}, false
	}
	p := c.payload(from)
	limit := pollLimit
	if from == modeCarried {
		limit = pullLimit
	}
	c.outbox.take(&p, limit)
	return answer{Body: p.buf}, true
}

// farewell is the last answer to a poll: what still waited, and that it is over. On polling the one comes before the other:
// of a payload that ends with a close packet clients 3 and 4 keep the events for after their next connection. With mu held.
func (c *conn) farewell(from mode) answer {
	why := *c.life.closing
	p := c.payload(from)
	rest := !c.outbox.empty()
	c.outbox.take(&p, pollLimit)
	if from == modePolling {
		if rest {
			return answer{Body: p.buf}
		}
		p.add([]byte{engineClose})
	}
	c.mu.Unlock()
	c.end(why)
	c.mu.Lock()
	return answer{Body: p.buf, Closed: true, Code: why.Code, Reason: why.Reason}
}

// noop is the answer to a poll that brings nothing.
func (c *conn) noop() answer {
	p := payload{revision: c.revision}
	p.add([]byte{engineNoop})
	return answer{Body: p.buf}
}

// payload is an empty one in the form that polls from there understand: a gateway always that of revision 4.
func (c *conn) payload(from mode) payload {
	if from == modeCarried {
		return payload{revision: revision4}
	}
	return payload{revision: c.revision}
}

// post handles what a client sends on polling, or the gateway that carries its WebSocket has read. It returns when all of
// it was handed to the client's session.
func (c *conn) post(from mode, body []byte) answer {
	c.mu.Lock()
	switch {
	case c.life.ended:
		c.mu.Unlock()
		return refused(codeUnknownSID)
	case c.mode != from:
		c.mu.Unlock()
		return refused(codeBadRequest)
	case c.life.posting:
		c.mu.Unlock()
		c.reject(closeOverlap)
		return answer{Refused: true, Overlap: true}
	}
	c.life.posting = true
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.life.posting = false
		c.mu.Unlock()
	}()
	revision := c.revision
	if from == modeCarried {
		revision = revision4
	}
	err := decodePayload(revision, body, c.receive)
	switch {
	case err == nil:
		return answer{}
	case err == errClientClosed: //nolint:errorlint // receive returns it as it is
		c.end(err)
		return answer{Closed: true, Code: closeNormal.Code}
	case malformed(err):
		why, _ := closeFor(err)
		c.part(why, why) // the answer to a POST says it, too
		return closedFor(err)
	}
	c.fail(err)
	return closedFor(err)
}
