package testkit

import (
	"net"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Jam is a way to a NATS server in this process on which writes can be made to block, as when packets vanish and the socket's
// buffer is full.
type Jam struct {
	n *NATS

	mu    sync.Mutex // guards the field below
	conns []*jammable
}

// NewJam returns a way to a server.
func NewJam(n *NATS) *Jam { return &Jam{n: n} }

// Options returns what a connection needs beside [NATS.URL] to go this way.
func (j *Jam) Options() []nats.Option { return []nats.Option{nats.InProcessServer(j)} }

// InProcessConn implements [nats.InProcessConnProvider].
func (j *Jam) InProcessConn() (net.Conn, error) {
	conn, err := j.n.InProcessConn()
	if err != nil {
		return nil, err
	}
	full, other := net.Pipe()
	c := &jammable{Conn: conn, full: full, other: other}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.conns = append(j.conns, c)
	return c, nil
}

// Block makes writes to the connections that there are block. New ones work. It returns how many connections have been made.
func (j *Jam) Block() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range j.conns {
		c.mu.Lock()
		c.blocked = true
		c.mu.Unlock()
	}
	return len(j.conns)
}

// Made returns how many connections have been made.
func (j *Jam) Made() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.conns)
}

// jammable is a connection on this way. Once it blocks, it writes into a pipe that nobody reads.
type jammable struct {
	net.Conn

	full, other net.Conn

	mu      sync.Mutex // guards the field below
	blocked bool
}

func (c *jammable) Write(b []byte) (int, error) {
	c.mu.Lock()
	to := c.Conn
	if c.blocked {
		to = c.full
	}
	c.mu.Unlock()
	return to.Write(b)
}

func (c *jammable) SetWriteDeadline(t time.Time) error {
	_ = c.full.SetWriteDeadline(t) // of a closed one, into which nobody writes
	return c.Conn.SetWriteDeadline(t)
}

func (c *jammable) SetDeadline(t time.Time) error {
	_ = c.full.SetWriteDeadline(t) // the same
	return c.Conn.SetDeadline(t)
}

func (c *jammable) Close() error {
	_, _ = c.full.Close(), c.other.Close() // closing a pipe does not fail
	return c.Conn.Close()
}
