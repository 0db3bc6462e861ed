package parley

import (
	"context"
	"net/url"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// Client is a session with a server. [Connect] makes one.
type Client struct {
	options
	at *url.URL

	ctx    context.Context //nolint:containedctx // the client's life: it ends with Close
	cancel context.CancelFunc
	all    sync.WaitGroup // what runs for it
	ready  chan struct{}  // closed with the first connection, or when there is none
	poke   chan struct{}  // tries to connect now

	mu       sync.Mutex // guards what follows; never held over I/O, nor while the app's functions run
	state    State
	id       string
	limits   Limits
	session  *session // nil with Keep(0)
	kept     time.Duration
	knows    bool // the server knows sessions
	err      error
	opened   int
	openedAt time.Time
	lostAt   time.Time
	inTime   bool // the present connection stood before the session's time was up
	conn     *websocket.Conn
	unsent   [][]byte // frames that are still to be written
	writing  bool
	heard    uint64 // frames
	ping     *time.Timer
	refs     uint64
	pending  map[string]*request
	rooms    map[string]*Room
	stays    map[string]*stay
	resuming map[string]*resumption
	unasked  map[string]bool // rooms that are to be left unless they are created by a request under way
	knocks   map[string]chan error
	notices  []Notice
}

// Limits are what the server allows a client. 0 is no limit.
type Limits struct {
	Frame int // bytes of a request
	Rooms int // rooms at once
	Rate  int // requests a second
	Burst int // requests at once
}

// Connect begins a session with the server at an address: ws, wss, http or https; without a path it is /ws there.
//
// It returns when the first connection stands, or could not be made; ctx bounds that, and nothing later. An error wraps [ErrAddress],
// [ErrNoParley] or what the network said, and says what to do. After that connections that are lost come back by themselves.
func Connect(ctx context.Context, address string, opts ...Option) (*Client, error) {
	at, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	c := &Client{
		options: defaults(), at: at, ready: make(chan struct{}), poke: make(chan struct{}, 1), state: Connecting,
		pending: map[string]*request{}, rooms: map[string]*Room{},
		stays: map[string]*stay{}, resuming: map[string]*resumption{}, unasked: map[string]bool{}, knocks: map[string]chan error{},
	}
	for _, set := range opts {
		if err := set(&c.options); err != nil {
			return nil, err
		}
	}
	if c.keep > 0 {
		c.session = newSession()
	}
	c.ctx, c.cancel = context.WithCancel(context.Background()) //nolint:gosec // Close cancels it
	c.all.Go(c.run)
	if c.first {
		return c, nil
	}
	select {
	case <-c.ready:
	case <-ctx.Done():
		c.end(ctx.Err())
	}
	c.mu.Lock()
	err = c.err
	c.mu.Unlock()
	if err != nil {
		c.all.Wait()
		return nil, err
	}
	return c, nil
}

// ID is the client's id, by which others know it. It has it for as long as its session; empty before the first connection.
func (c *Client) ID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.id
}

// State says what becomes of the connection just now.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Limits are what the server allows.
func (c *Client) Limits() Limits {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.limits
}

// Resumable reports whether the server keeps this session when its connection is lost. An older server does not, and one with --keep 0.
func (c *Client) Resumable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.knows && c.kept > 0
}

// Err says why the client is closed; nil while it is not, and after [Client.Close].
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Done is closed when the client is.
func (c *Client) Done() <-chan struct{} { return c.ctx.Done() }

// Retry tries to connect now, where the client waits for its next attempt; and else sees whether the connection still stands. It is for
// when the network may be another than before.
func (c *Client) Retry() {
	c.mu.Lock()
	open := c.state == Open
	c.mu.Unlock()
	if open {
		c.askAlive()
		return
	}
	select {
	case c.poke <- struct{}{}:
	default:
	}
}

// Close leaves all rooms, and ends the session for good. It returns when nothing of the client runs any more. (While there is no
// connection nobody can be told: then the others wait until the session's time is up.) It must not be called by [Notify]'s function.
func (c *Client) Close() {
	c.end(nil)
	c.all.Wait()
}

// end closes the client, once.
func (c *Client) end(why error) {
	c.mu.Lock()
	if c.state == Over {
		c.mu.Unlock()
		return
	}
	conn := c.conn
	c.shut(why)
	c.mu.Unlock()
	if conn != nil && why == nil {
		_ = conn.Close(websocket.StatusNormalClosure, "") // it leaves its rooms at once
	}
	c.cancel()
}

// shut notes that all is over. The lock is held.
func (c *Client) shut(why error) {
	c.state, c.err, c.conn, c.unsent = Over, why, nil, nil
	how := Lost
	switch {
	case why == nil:
		how = Left
	case isMoved(why):
		how = Moved
	}
	c.endKnocks(Closed)
	c.stopPings()
	c.clearResumptions()
	c.rejectAll(func(*request) bool { return true }, Closed)
	for _, room := range sortedRooms(c.rooms) {
		c.forget(room, End{How: how})
	}
	for _, s := range c.stays {
		c.forget(s.room, End{How: how})
	}
	c.notices = append(c.notices, Notice{State: Over, Err: why})
	c.isReady()
}

func (c *Client) isReady() {
	select {
	case <-c.ready:
	default:
		close(c.ready)
	}
}

// tellNotices hands the app what has happened to the connection. Only the client's own goroutine calls it, so that all comes in order.
func (c *Client) tellNotices() {
	c.mu.Lock()
	notices := c.notices
	c.notices = nil
	c.mu.Unlock()
	for _, n := range notices {
		if c.notify != nil {
			c.notify(n)
		}
	}
}
