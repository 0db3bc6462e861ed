package testkit

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/proto"
)

// Session is a resumable session for tests, over as many connections as it takes. It does what a good client library does: when
// a connection ends it makes the next one, by the next of its addresses; it resumes its rooms there, asks anew what was not
// answered, and sends the signals again that were not confirmed. It records everything that it hears. Its methods may be called from any
// goroutine.
//
// One goroutine, run, reads and writes. The others leave what they want in the fields below mu, and wake it.
type Session struct {
	// Set by StartSession.
	opts SessionOptions
	key  [proto.KeySize]byte
	id   proto.ClientID
	stop context.CancelFunc
	done chan struct{} // closed when run has returned
	wake chan struct{} // holds one: there is something to do

	mu      sync.Mutex // guards the fields below
	urls    []string
	at      int // of urls: that of the next connection
	held    bool
	over    bool // it does not come back
	conn    *Client
	turn    int64
	count   int64 // signals of this turn
	asked   int   // requests, for their refs
	turns   []Turn
	rooms   map[proto.Room]*place
	wishes  []*wish
	signals []*Signal
	pending []*Signal // those that may have to be sent, or sent again
	heard   []SessionHeard
	backs   []*Back
	wrong   []string
}

// SessionOptions are what a session is like. The zero value is one with a key of its own, whose gateways number its signals.
type SessionOptions struct {
	Options // Turn: the first; 0 stands for 1

	// Numbers: the session numbers its signals itself, and sends those again that were not confirmed.
	Numbers bool
	// Fresh: it comes back as a page does that was loaded anew.
	Fresh bool
	// First is the place, among the addresses, of the first connection's.
	First int
}

// Turn is a connection of a session.
type Turn struct {
	Turn   int64
	URL    string
	From   time.Time
	Until  time.Time            // zero while it stands
	Code   websocket.StatusCode // -1: it ended without a close frame
	Reason string
}

// SessionHeard is what a session heard on one of its connections.
type SessionHeard struct {
	Received

	Turn int64
}

// Back is one coming back to a room.
type Back struct {
	Room    proto.Room
	Turn    int64
	Ended   time.Time // when the connection before ended
	Dialed  time.Time // when this one stood
	Resumed time.Time // zero until resumed has come
	Live    time.Time // zero until live has come
	Fresh   []proto.ClientID
	Lost    map[proto.ClientID]int64
}

// place is a room that the session is in, or may be in.
type place struct {
	Heard

	turn  int64  // by which it is in the room; 0: nobody has said that it is
	begun int64  // the turn on which a request was sent that may have made it a member
	asked int64  // the turn on which it was resumed, or is being resumed
	ref   string // of that request
	live  bool
	back  *Back // the last
}

// StartSession starts a session and waits for its first connection. It ends with the test, without a word to the gateway.
func StartSession(tb testing.TB, urls []string, opts *SessionOptions) *Session {
	tb.Helper()
	s := &Session{
		urls: slices.Clone(urls), done: make(chan struct{}), wake: make(chan struct{}, 1), rooms: map[proto.Room]*place{},
	}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.Key == nil {
		s.opts.Key = NewKey()
	}
	s.key, s.at, s.turn = *s.opts.Key, s.opts.First, max(s.opts.Turn, 1)-1
	s.id = proto.KeyID(s.key)
	var ctx context.Context
	ctx, s.stop = context.WithCancel(context.WithoutCancel(tb.Context()))
	go s.run(ctx)
	tb.Cleanup(s.Stop)
	WaitFor(tb, "a session's first connection", func() bool { return s.Connected() || s.Over() })
	return s
}

// NewKey returns a key of a new session.
func NewKey() *[proto.KeySize]byte {
	var key [proto.KeySize]byte
	_, _ = rand.Read(key[:]) // it does not fail
	return &key
}

// run makes connections until the session is over.
func (s *Session) run(ctx context.Context) {
	defer close(s.done)
	for {
		c := s.connect(ctx)
		if c == nil {
			return
		}
		s.listen(ctx, c)
		if !s.ended(c) {
			return
		}
	}
}

// How long a session waits between two attempts to connect.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 400 * time.Millisecond
)

// connect makes the next connection, and returns nil when the session is over.
func (s *Session) connect(ctx context.Context) *Client {
	for retry := firstRetry; ; retry = min(2*retry, lastRetry) {
		opts, url, ok := s.next(ctx)
		if !ok {
			return nil
		}
		limit, cancel := context.WithTimeout(ctx, waitTimeout)
		c, err := Open(limit, url, opts)
		cancel()
		if err == nil {
			if s.connected(c, url, opts.Turn) {
				return c
			}
			c.Abort()
			return nil
		}
		s.pause(ctx, retry)
	}
}

// next waits while the session is held, and returns what the next connection says, and to whom. It reports false when the session is
// over.
func (s *Session) next(ctx context.Context) (*Options, string, bool) {
	for {
		s.mu.Lock()
		if s.over || ctx.Err() != nil {
			s.over = true
			s.mu.Unlock()
			return nil, "", false
		}
		if !s.held {
			break
		}
		s.mu.Unlock()
		s.pause(ctx, waitTimeout)
	}
	defer s.mu.Unlock()
	url := s.urls[s.at%len(s.urls)]
	s.at++
	s.turn++
	s.count = 0
	opts := s.opts.Options
	opts.Turn = s.turn
	return &opts, url, true
}

// pause lets time pass, until somebody wakes the session.
func (s *Session) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.wake:
	case <-ctx.Done():
	}
}

// connected takes a connection over, unless the session is over.
func (s *Session) connected(c *Client, url string, turn int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	if c.ID() != s.id {
		s.fault("connected as %s, the key is that of %s", c.ID(), s.id)
	}
	s.conn = c
	s.turns = append(s.turns, Turn{Turn: turn, URL: url, From: time.Now()})
	return true
}

// listen hears and sends until the connection has ended and everything that came on it has been heard.
func (s *Session) listen(ctx context.Context, c *Client) {
	i := 0
	for {
		some, more, err := c.since(i)
		i += len(some)
		frames := s.step(some)
		for _, f := range frames {
			if c.Send(ctx, f) != nil {
				c.Abort()
				break
			}
		}
		if len(some) > 0 || len(frames) > 0 {
			continue
		}
		if err != nil {
			return
		}
		select {
		case <-more:
		case <-s.wake:
		case <-ctx.Done():
			c.Abort()
		}
	}
}

// ended notes the end of a connection, and reports whether another is to follow.
func (s *Session) ended(c *Client) bool {
	c.Abort()
	code, reason, _ := c.CloseCode(context.Background()) // it has ended
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = nil
	last := &s.turns[len(s.turns)-1]
	last.Until, last.Code, last.Reason = c.Ended(), code, reason
	if code == proto.CloseResumed { // somebody else has the key
		s.over = true
	}
	return !s.over
}

// fault notes that something was not as the protocol has it. It is called with mu held.
func (s *Session) fault(format string, args ...any) {
	const most = 20
	if len(s.wrong) < most {
		s.wrong = append(s.wrong, fmt.Sprintf("session %s, turn %d: ", s.id, s.turn)+fmt.Sprintf(format, args...))
	}
}
