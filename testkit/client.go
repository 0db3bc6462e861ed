package testkit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/proto"
)

// waitTimeout is how long the methods that take a testing.TB wait for what they expect: longer than the ten seconds
// after which a request is answered in any case.
const waitTimeout = 15 * time.Second

// Client is a plain WebSocket client for tests. It reads all the time, whatever the test does meanwhile, and records
// everything in order. Its methods may be called from any goroutine.
type Client struct {
	// Set by Open.
	conn *websocket.Conn
	id   proto.ClientID
	keep *int // as connected tells it
	stop context.CancelFunc
	done chan struct{} // closed when the connection has ended and everything is recorded

	mu    sync.Mutex // guards the fields below
	heard []Received
	read  int           // how many of heard the test has taken
	more  chan struct{} // closed, and made anew, when something is heard
	err   error         // why reading ended
	ended time.Time     // when
	refs  int
}

// Received is one event as it came.
type Received struct {
	proto.Event
	Raw []byte    // the frame's own bytes
	At  time.Time // when it was read
}

// Dial connects to a gateway and waits for its first frame. The connection is closed when the test ends.
func Dial(tb testing.TB, url string) *Client {
	tb.Helper()
	return DialWith(tb, url, nil)
}

// DialWith is [Dial] with options.
func DialWith(tb testing.TB, url string, opts *Options) *Client {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), waitTimeout)
	defer cancel()
	c, err := Open(ctx, url, opts)
	if err != nil {
		tb.Fatalf("testkit: %v", err)
	}
	tb.Cleanup(c.Close)
	return c
}

// Open connects to a gateway and waits for its first frame. The caller closes the client.
func Open(ctx context.Context, url string, opts *Options) (*Client, error) {
	if opts == nil {
		opts = &Options{}
	}
	dial := &websocket.DialOptions{HTTPHeader: opts.Header, Subprotocols: opts.subprotocols(), HTTPClient: opts.HTTPClient}
	conn, res, err := websocket.Dial(ctx, opts.url(url), dial)
	if err != nil {
		if res != nil && res.StatusCode != http.StatusSwitchingProtocols {
			return nil, fmt.Errorf("dial %s: %w", url, newRefused(res))
		}
		return nil, fmt.Errorf("dial %s: %w", url, err)
	}
	conn.SetReadLimit(-1)
	reading, stop := context.WithCancel(context.WithoutCancel(ctx))
	c := &Client{conn: conn, stop: stop, done: make(chan struct{}), more: make(chan struct{})}
	go c.listen(reading)
	first, err := c.Next(ctx)
	if err == nil && first.Name != proto.Connected {
		err = fmt.Errorf("the first frame is %s", first.Raw)
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("dial %s: %w", url, err)
	}
	c.id, c.keep = first.ID, first.Keep
	return c, nil
}

// listen records what comes until the connection ends. It is the only goroutine of the client, and Close waits for it.
func (c *Client) listen(ctx context.Context) {
	defer close(c.done)
	for {
		kind, raw, err := c.conn.Read(ctx)
		var e proto.Event
		if err == nil {
			if e, err = proto.DecodeEvent(raw); err == nil && kind != websocket.MessageText {
				err = fmt.Errorf("a binary frame: %q", raw)
			}
		}
		c.mu.Lock()
		if err != nil {
			c.err, c.ended = err, time.Now()
		} else {
			c.heard = append(c.heard, Received{Event: e, Raw: raw, At: time.Now()})
		}
		close(c.more)
		c.more = make(chan struct{})
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// ID returns the client id that the gateway gave.
func (c *Client) ID() proto.ClientID { return c.id }

// Keep returns for how many seconds the gateway keeps the session; nil when it has no key.
func (c *Client) Keep() *int { return c.keep }

// Send sends a request and waits for nothing but its place in the kernel's buffer.
func (c *Client) Send(ctx context.Context, f proto.Frame) error {
	return c.SendText(ctx, string(proto.AppendFrame(nil, &f)))
}

// SendText sends a text frame as it stands, for frames that no well-behaved client sends.
func (c *Client) SendText(ctx context.Context, text string) error {
	if err := c.conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// SendBinary sends a binary frame.
func (c *Client) SendBinary(ctx context.Context, b []byte) error {
	if err := c.conn.Write(ctx, websocket.MessageBinary, b); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// Request sends a request with a ref of its own, unless it has one, and returns the answer that bears it. The answer
// stays in what [Client.Next] brings too.
func (c *Client) Request(ctx context.Context, f proto.Frame) (proto.Event, error) {
	c.mu.Lock()
	from := len(c.heard)
	if c.refs++; f.Ref == "" {
		f.Ref = "r" + strconv.Itoa(c.refs)
	}
	c.mu.Unlock()
	if err := c.Send(ctx, f); err != nil {
		return proto.Event{}, err
	}
	e, err := c.answer(ctx, f.Ref, from)
	if err != nil {
		return proto.Event{}, fmt.Errorf("%s: %w", f.Name, err)
	}
	return e, nil
}

// Answer waits for the answer that bears a ref, and returns it. It stays in what [Client.Next] brings too.
func (c *Client) Answer(ctx context.Context, ref string) (proto.Event, error) {
	e, err := c.answer(ctx, ref, 0)
	if err != nil {
		return proto.Event{}, fmt.Errorf("answer to %s: %w", ref, err)
	}
	return e, nil
}

// answer looks for a ref in what is heard from an index on, and waits for it.
func (c *Client) answer(ctx context.Context, ref string, from int) (proto.Event, error) {
	for {
		c.mu.Lock()
		for ; from < len(c.heard); from++ {
			if c.heard[from].Ref == ref {
				e := c.heard[from].Event
				c.mu.Unlock()
				return e, nil
			}
		}
		if err := c.wait(ctx); err != nil {
			return proto.Event{}, err
		}
	}
}

// Next returns the next event that the test has not taken, waiting for it.
func (c *Client) Next(ctx context.Context) (Received, error) {
	for {
		c.mu.Lock()
		if c.read < len(c.heard) {
			c.read++
			r := c.heard[c.read-1]
			c.mu.Unlock()
			return r, nil
		}
		if err := c.wait(ctx); err != nil {
			return Received{}, err
		}
	}
}

// wait is called with c.mu held and gives it back; it returns when something more was heard.
func (c *Client) wait(ctx context.Context) error {
	more, err := c.more, c.err
	c.mu.Unlock()
	if err != nil {
		return fmt.Errorf("the connection has ended: %w", err)
	}
	select {
	case <-more:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx) // the caller says what it waited for
	}
}

// Await takes events until one has one of the names, and returns it.
func (c *Client) Await(ctx context.Context, names ...proto.Name) (Received, error) {
	for {
		r, err := c.Next(ctx)
		if err != nil {
			return r, fmt.Errorf("waiting for %v: %w", names, err)
		}
		if slices.Contains(names, r.Name) {
			return r, nil
		}
	}
}

// All returns everything heard so far, taken or not.
func (c *Client) All() []Received {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.heard)
}

// since returns what was heard from an index on, what is closed when there is more, and why reading ended, if it has.
func (c *Client) since(i int) (some []Received, more <-chan struct{}, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.heard[i:]), c.more, c.err
}

// Close ends the connection with code 1000 and waits until reading has ended. Closing twice does nothing.
func (c *Client) Close() {
	select {
	case <-c.done:
	default:
		_ = c.conn.Close(websocket.StatusNormalClosure, "")
	}
	c.Abort()
}

// CloseWith ends the connection with a code, and waits as [Client.Close] does.
func (c *Client) CloseWith(code websocket.StatusCode, reason string) {
	_ = c.conn.Close(code, reason)
	c.Abort()
}

// Abort ends the TCP connection without a word, like a browser that crashes, and waits until reading has ended.
func (c *Client) Abort() {
	c.stop()
	_ = c.conn.CloseNow()
	<-c.done
}

// CloseCode waits for the end of the connection and returns the code and the reason that the server gave; -1 and the
// error's text when it ended without a close frame.
func (c *Client) CloseCode(ctx context.Context) (websocket.StatusCode, string, error) {
	select {
	case <-c.done:
	case <-ctx.Done():
		return 0, "", fmt.Errorf("waiting for the connection's end: %w", context.Cause(ctx))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if ce := (websocket.CloseError{}); errors.As(c.err, &ce) {
		return ce.Code, ce.Reason, nil
	}
	return -1, c.err.Error(), nil
}

// Ended returns when the connection ended, the zero time while it stands.
func (c *Client) Ended() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}
