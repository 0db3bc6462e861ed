package parley

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// MaxKeep is the longest that a session may be kept.
const MaxKeep = 300 * time.Second

// An Option is set for a [Client].
type Option func(*options) error

type options struct {
	keep         time.Duration
	token        func(context.Context) (string, error)
	fixed        bool // the token is always the same
	http         *http.Client
	reconnect    bool
	first        bool // Connect does not wait for the first connection
	firstDelay   time.Duration
	mostDelay    time.Duration
	openTimeout  time.Duration
	pingInterval time.Duration
	pingTimeout  time.Duration
	notify       func(Notice)
}

func defaults() options {
	return options{
		keep: 30 * time.Second, http: shared, reconnect: true, firstDelay: 500 * time.Millisecond, mostDelay: 15 * time.Second,
		openTimeout: 10 * time.Second, pingInterval: 20 * time.Second, pingTimeout: 10 * time.Second,
	}
}

// Keep says for how long the client stays in its rooms after it has lost its connection: 30 s unless set, in whole seconds, [MaxKeep] at
// most. The server may keep it for less. With 0 the client has no session: it leaves its rooms with its connection.
func Keep(d time.Duration) Option {
	return func(o *options) error {
		if d < 0 || d > MaxKeep || d%time.Second != 0 {
			return fmt.Errorf("parley: Keep is 0 to %v, in whole seconds, not %v", MaxKeep, d)
		}
		o.keep = d
		return nil
	}
}

// Token is a token that the app's server has signed (PROTOCOL.md, section 8). When it expires the client is closed.
func Token(text string) Option {
	return func(o *options) error {
		o.token = func(context.Context) (string, error) { return text, nil }
		o.fixed = true
		return nil
	}
}

// TokenFrom asks for a token for each connection, and again before one expires.
func TokenFrom(ask func(context.Context) (string, error)) Option {
	return func(o *options) error {
		if ask == nil {
			return errors.New("parley: TokenFrom needs a function")
		}
		o.token, o.fixed = ask, false
		return nil
	}
}

// HTTPClient makes the connections: with a TLS configuration or a proxy of one's own.
func HTTPClient(c *http.Client) Option {
	return func(o *options) error {
		if c == nil {
			return errors.New("parley: HTTPClient needs a client")
		}
		o.http = c
		return nil
	}
}

// NoReconnect ends the client with its first connection.
func NoReconnect() Option {
	return func(o *options) error { o.reconnect = false; return nil }
}

// InBackground has [Connect] return at once. The first connection is tried for until it stands; what is asked of the client waits.
func InBackground() Option {
	return func(o *options) error { o.first = true; return nil }
}

// Delays says how long to wait before an attempt to connect after one that has failed: first, which doubles, and most. 0.5 s and 15 s
// unless set. It is 2 s at most while the server keeps the session, and shorter after a connection that lasted.
func Delays(first, most time.Duration) Option {
	return func(o *options) error {
		if first <= 0 || most < first {
			return fmt.Errorf("parley: Delays needs 0 < first <= most, not %v and %v", first, most)
		}
		o.firstDelay, o.mostDelay = first, most
		return nil
	}
}

// Pings says after how long a silence the server is asked whether it is there, and how long it then has. 20 s and 10 s unless set.
func Pings(interval, timeout time.Duration) Option {
	return func(o *options) error {
		if interval <= 0 || timeout <= 0 {
			return fmt.Errorf("parley: Pings needs times above 0, not %v and %v", interval, timeout)
		}
		o.pingInterval, o.pingTimeout = interval, timeout
		return nil
	}
}

// Notify is told what becomes of the connection. It is called in order, by the goroutine that reads: it must return soon, and must not wait
// for an answer of the server.
func Notify(f func(Notice)) Option {
	return func(o *options) error { o.notify = f; return nil }
}

// State is what becomes of a client's connection.
type State string

// The states.
const (
	Connecting State = "connecting"
	Open       State = "open"
	Waiting    State = "waiting" // the connection was lost or not made; another attempt follows
	Over       State = "closed"  // for good
)

// Notice is what [Notify] is told.
type Notice struct {
	State State
	Again bool          // Open: not for the first time
	Delay time.Duration // Waiting: until the next attempt
	Err   error         // Waiting, Over: why; with no State: an error that answers no request
}
