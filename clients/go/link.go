package parley

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/proto"
)

const (
	// steadyAfter is how long a connection must have lasted before its loss counts as the first again; and so with a stay in a room.
	steadyAfter = 5 * time.Second
	// mostWhileKept is the longest wait while the session is kept: the last attempt should not come too late.
	mostWhileKept = 2 * time.Second
	// largestFrame is far above what a server of Parley says at once.
	largestFrame = 8 << 20
)

// run makes one connection after another until the client is closed.
func (c *Client) run() {
	defer c.tellNotices()
	for tries := 1; ; tries++ {
		code, err := c.turn()
		if c.ctx.Err() != nil {
			return
		}
		c.mu.Lock()
		if c.state == Over {
			c.mu.Unlock()
			return
		}
		stood := c.state == Open
		if stood {
			c.lostAt = time.Now()
			if time.Since(c.openedAt) >= steadyAfter {
				tries = 0
			}
		}
		if c.isLast(code) {
			c.shut(err)
			c.mu.Unlock()
			c.cancel()
			return
		}
		delay := c.delay(code, tries)
		if stood && c.session != nil && !c.knows {
			err = fmt.Errorf("%w; this server is older than version 0.2 and keeps no sessions, so the rooms were lost: update the server", err)
		}
		c.lost(stood)
		c.state = Waiting
		c.notices = append(c.notices, Notice{State: Waiting, Delay: delay, Err: err})
		c.mu.Unlock()
		c.tellNotices()
		if !c.pause(delay) {
			return
		}
	}
}

// isLast reports whether there is no connection after one that ended so.
func (c *Client) isLast(code int) bool {
	switch code {
	case closedMoved, closedByOperator:
		return true
	case closedUnauthorized:
		return c.fixed || c.token == nil
	}
	return !c.reconnect || c.opened == 0 && !c.first
}

func (c *Client) pause(delay time.Duration) bool {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.poke:
	case <-c.ctx.Done():
		return false
	}
	return true
}

// delay says how long to wait before the next attempt. Jittered, so that a server's clients do not return as one. tries is 0 after a
// connection that lasted.
func (c *Client) delay(code, tries int) time.Duration {
	first, most := c.firstDelay, c.mostDelay
	if code == closedOverloaded {
		first = max(first, most/3) // it is not helped by haste
	} else {
		if c.isKept() {
			most = min(most, mostWhileKept)
		}
		if tries == 0 { // the others wait, and a server that drains says so in good order
			least, spread := 100*time.Millisecond, 150*time.Millisecond
			if code == closedGoingAway {
				least, spread = 0, 100*time.Millisecond
			}
			return min(first, least+rand.N(spread))
		}
	}
	full := min(most, first<<min(max(0, tries-1), 20))
	return full/2 + rand.N(full/2+1)
}

// isKept reports, while there is no connection, whether the server still keeps what this client had.
func (c *Client) isKept() bool { return c.knows && c.kept > 0 && time.Since(c.lostAt) < c.kept }

// turn makes a connection and hears it to its end. It returns the closing code, 0 where there was none, and why it ended.
func (c *Client) turn() (int, error) {
	var conn *websocket.Conn
	var err error
	apart(func() {
		if conn, err = c.dial(); err == nil {
			err = c.greet(conn)
		}
	})
	if conn == nil {
		return 0, err
	}
	defer func() { _ = conn.CloseNow() }()
	for err == nil {
		c.tellNotices()
		var frame []byte
		if _, frame, err = conn.Read(c.ctx); err == nil {
			apart(func() { c.hear(frame) })
		}
	}
	return c.whyEnded(err)
}

// greet hears the first frame. An error that is none of the connection's says that this is no Parley server.
func (c *Client) greet(conn *websocket.Conn) error {
	ctx, cancel := context.WithTimeout(c.ctx, c.openTimeout)
	defer cancel()
	_, frame, err := conn.Read(ctx)
	if err != nil {
		return err //nolint:wrapcheck // whyEnded does
	}
	e, err := proto.DecodeEvent(frame)
	if err != nil || e.Name != proto.Connected {
		return fmt.Errorf("%w: %s takes the WebSocket, and says something else", ErrNoParley, shown(c.at))
	}
	if !c.connected(conn, &e) {
		return c.ctx.Err() //nolint:wrapcheck // nobody is told
	}
	return nil
}

// hear takes one frame.
func (c *Client) hear(frame []byte) {
	if e, err := proto.DecodeEvent(frame); err == nil {
		c.receive(&e)
	}
}

func (c *Client) whyEnded(err error) (int, error) {
	if ended, is := errors.AsType[websocket.CloseError](err); is {
		return int(ended.Code), closing(int(ended.Code), ended.Reason)
	}
	if errors.Is(err, ErrNoParley) {
		return 0, err
	}
	for deeper := errors.Unwrap(err); deeper != nil; deeper = errors.Unwrap(err) { // the library says what it was about to read
		err = deeper
	}
	return 0, fmt.Errorf("parley: the connection to %s was lost: %w", shown(c.at), err)
}

// apart runs a function in a goroutine of its own and waits for it. Handshakes and JSON need much stack; the goroutine that waits for the
// next frame, which is what most do most of the time, would keep it.
func apart(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// dial makes a connection.
func (c *Client) dial() (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.openTimeout)
	defer cancel()
	token := ""
	if c.token != nil {
		var err error
		if token, err = c.token(ctx); err != nil {
			return nil, fmt.Errorf("parley: there is no token: %w", err)
		}
	}
	c.mu.Lock()
	if c.session != nil {
		c.session.begin()
	}
	address, protocols := c.session.where(c.at, c.keep, token)
	c.state = Connecting
	c.mu.Unlock()
	conn, answer, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPClient: c.http, Subprotocols: protocols})
	if err != nil {
		body := ""
		if answer != nil && answer.Body != nil {
			text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
			body = string(text)
		}
		return nil, explain(c.at, answer, body, err)
	}
	conn.SetReadLimit(largestFrame)
	return conn, nil
}

// write hands frames to the connection in their order: whoever finds nobody writing writes, and others only add. It is called without the
// lock.
func (c *Client) write() {
	c.mu.Lock()
	if c.writing {
		c.mu.Unlock()
		return
	}
	c.writing = true
	for len(c.unsent) > 0 && c.conn != nil {
		batch, conn := c.unsent, c.conn
		c.unsent = nil
		c.mu.Unlock()
		for _, frame := range batch {
			ctx, cancel := context.WithTimeout(c.ctx, c.pingTimeout)
			err := conn.Write(ctx, websocket.MessageText, frame)
			cancel()
			if err != nil {
				_ = conn.CloseNow() // whoever reads hears it
				break
			}
		}
		c.mu.Lock()
	}
	c.writing = false
	c.mu.Unlock()
}

// watch has the server asked whether it is there after an interval of silence, and gives the connection up when that goes unheard. The
// lock is held.
func (c *Client) watch() {
	before := c.heard
	c.ping = time.AfterFunc(c.pingInterval, func() {
		c.mu.Lock()
		silent := c.state == Open && c.heard == before
		if !silent && c.state == Open {
			c.watch()
		}
		c.mu.Unlock()
		if silent {
			c.askAlive()
		}
	})
}

// askAlive pings.
func (c *Client) askAlive() {
	c.mu.Lock()
	if c.state != Open {
		c.mu.Unlock()
		return
	}
	c.stopPings()
	before, conn := c.heard, c.conn
	c.unsent = append(c.unsent, []byte(`{"event":"ping"}`))
	c.ping = time.AfterFunc(c.pingTimeout, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		switch {
		case c.conn != conn || c.state != Open:
		case c.heard != before:
			c.watch()
		default:
			go func() { _ = conn.CloseNow() }() // whoever reads hears it
		}
	})
	c.mu.Unlock()
	c.write()
}

func (c *Client) stopPings() {
	if c.ping != nil {
		c.ping.Stop()
	}
}
