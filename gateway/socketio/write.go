package socketio

import (
	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/wsconn"
)

// Write implements [link.Transport]. On polling it waits until polls have taken the batch, or a WebSocket takes over;
// the heartbeat bounds that.
func (c *conn) Write(batch []link.Out) error {
	c.mu.Lock()
	if c.mode != modeSocket && c.alive() {
		drained := make(chan struct{}, 1)
		c.outbox.batch, c.outbox.drained = batch, drained
		c.wake()
		for c.outbox.drained == drained && len(c.outbox.batch) > 0 && c.mode != modeSocket && c.alive() {
			c.mu.Unlock()
			<-drained
			c.mu.Lock()
		}
		if c.outbox.drained != drained { // the client has left the namespace; what waits now is another's
			c.mu.Unlock()
			return errEnded
		}
		batch = c.outbox.batch // what polls have left
		c.outbox.batch, c.outbox.drained = nil, nil
	}
	ok := c.alive()
	c.mu.Unlock()
	switch {
	case !ok:
		return errEnded
	case len(batch) == 0:
		return nil
	}
	return c.writeSocket(batch)
}

// alive reports whether there is somebody to write to. With mu held.
func (c *conn) alive() bool { return !c.life.ended && c.life.closing == nil }

// writeSocket writes what control packets wait, and the batch, in one system call where they fit.
func (c *conn) writeSocket(batch []link.Out) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.mu.Lock()
	ws, control := c.ws, c.outbox.takeControl()
	c.mu.Unlock()
	c.writes.Add(1)
	defer c.writes.Add(-1)
	frames := ws.Batch()
	addControl(&frames, control)
	for i := range batch {
		frames.Text(func(b []byte) []byte { return appendOut(b, batch[i]) })
	}
	return frames.Flush() // wsconn says what it did
}

// flush writes control packets to the WebSocket until there are none.
func (c *conn) flush() error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	for {
		c.mu.Lock()
		ws, control := c.ws, c.outbox.takeControl()
		if len(control) == 0 || c.life.ended {
			c.life.writing = false
			c.mu.Unlock()
			return nil
		}
		c.mu.Unlock()
		frames := ws.Batch()
		addControl(&frames, control)
		if err := frames.Flush(); err != nil {
			c.mu.Lock()
			c.life.writing = false
			c.mu.Unlock()
			return err // wsconn says what it did
		}
	}
}

func addControl(frames *wsconn.Batch, control [][]byte) {
	for _, packet := range control {
		frames.Text(func(b []byte) []byte { return append(b, packet...) })
	}
}

// Close implements [link.Transport].
func (c *conn) Close(why link.Close) { c.shut(why) }
