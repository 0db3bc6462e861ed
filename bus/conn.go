package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
)

// Waits between two attempts to reach the same server are drawn between these, so that not everybody comes at once.
const (
	waitMin = 100 * time.Millisecond
	waitMax = 500 * time.Millisecond
)

// dialWithin bounds a dial, a lookup of names included, and the login after it.
const dialWithin = 2 * time.Second

// ErrAway is what sending comes to while NATS is not reached. Nothing was sent.
var ErrAway = errors.New("NATS is away")

// Config says where NATS is and who wants to hear of the connection. The hooks are called one at a time and in order; one that
// blocks delays the others, and [Conn.IsConnected].
type Config struct {
	Servers string        // comma separated; default nats://127.0.0.1:4222
	Name    string        // which the server shows to operators
	Options []nats.Option // of the login; applied after the bus's own
	Log     *slog.Logger  // is told when NATS is away, back, or not to be reached; nil: nobody is

	Connected func(version string, again bool)        // NATS is reached, at a server of this version; again: it was before
	Away      func()                                  // it no longer is
	Trouble   func(sub *nats.Subscription, err error) // what NATS says beside the way; sub may be nil
	Closed    func(err error)                         // for good: its owner closed it, or its login is refused
}

// Conn is a connection to NATS, which [Connect] makes. Its methods may be called from any goroutine. Those of nats.go that it does not have itself may
// wait for nats.go's lock, which is held during a dial (2 s for each server) and a write (at most 6 s).
type Conn struct {
	*nats.Conn

	lines lines
}

// Connect returns a connection that is made for ever, and made again for ever. It waits for the first attempt, not for NATS to be
// there; only what cannot get better is an error.
func Connect(cfg Config) (*Conn, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	o := nats.GetDefaultOptions()
	if cfg.Servers == "" {
		cfg.Servers = nats.DefaultURL
	}
	for _, option := range append([]nats.Option{
		servers(cfg.Servers),
		nats.Name(cfg.Name),
		nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(true),
		nats.CustomReconnectDelay(func(int) time.Duration {
			return waitMin + rand.N(waitMax-waitMin) // jitter
		}),
		nats.ReconnectBufSize(-1),
		nats.PingInterval(pingEvery),
		nats.MaxPingsOutstanding(pingsMissing),
		nats.Timeout(dialWithin),
		nats.FlusherTimeout(0), // lines bound their writes
	}, cfg.Options...) {
		if err := option(&o); err != nil {
			return nil, fmt.Errorf("connect to NATS: %w", err)
		}
	}
	c := &Conn{}
	c.lines.wrap(&o)
	cfg.listen(&o, &c.lines)
	nc, err := o.Connect()
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	c.Conn = nc
	c.lines.look(nc)
	return c, nil
}

// IsConnected reports whether NATS is reached. It takes no lock.
func (c *Conn) IsConnected() bool { return c.lines.up() != 0 }

// Line returns a number for the connection that is up at the moment, another one after each reconnection, and 0 while there is
// none. It takes no lock.
func (c *Conn) Line() uint64 { return c.lines.up() }

// Move leaves this server for the next one that is known, without waiting for what is being written. It may wait while nats.go
// dials.
func (c *Conn) Move() {
	if l := c.lines.current.Load(); l != nil {
		l.end(errMoved) // so that a write that waits gives back the lock
	}
	_ = c.ForceReconnect() // it fails only when the connection is closed
}

// Publish hands a message to nats.go to be sent, or fails at once while NATS is away. It waits while a write to a full socket
// blocks, which a line bounds: at most 6 s.
func (c *Conn) Publish(subject string, data []byte) error {
	if !c.IsConnected() {
		return ErrAway
	}
	return c.Conn.Publish(subject, data) // it is nats.go's own method
}

// PublishMsg is [Conn.Publish] with headers.
func (c *Conn) PublishMsg(m *nats.Msg) error {
	if !c.IsConnected() {
		return ErrAway
	}
	return c.Conn.PublishMsg(m) // it is nats.go's own method
}

// PublishRequest is [Conn.Publish] with a subject for the answer.
func (c *Conn) PublishRequest(subject, reply string, data []byte) error {
	if !c.IsConnected() {
		return ErrAway
	}
	return c.Conn.PublishRequest(subject, reply, data) // it is nats.go's own method
}

// RequestWithContext asks and waits for the answer, or fails at once while NATS is away.
func (c *Conn) RequestWithContext(ctx context.Context, subject string, data []byte) (*nats.Msg, error) {
	if !c.IsConnected() {
		return nil, ErrAway
	}
	return c.Conn.RequestWithContext(ctx, subject, data) // it is nats.go's own method
}
