package roomsvc_test

import (
	"errors"
	"net"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/roomsvc"
	"github.com/parley-rtc/parley/testkit"
)

var errCut = errors.New("the cable is cut")

// cable is what connects one replica to NATS, by which it can be cut off.
type cable struct {
	n *testkit.NATS

	mu    sync.Mutex // guards the fields below
	cut   bool
	held  chan struct{} // open while nothing that comes is read; nil otherwise
	conns map[*plug]struct{}
}

// cables returns the two connections of a replica, and what sets it up with them.
func cables(n *testkit.NATS) (requests, journal *cable, change func(*roomsvc.Config)) {
	requests = &cable{n: n, conns: make(map[*plug]struct{})}
	journal = &cable{n: n, conns: make(map[*plug]struct{})}
	return requests, journal, func(c *roomsvc.Config) {
		c.Servers, c.JournalServers = n.URL(), n.URL()
		c.Options = []nats.Option{nats.InProcessServer(requests)}
		c.JournalOptions = []nats.Option{nats.InProcessServer(journal)}
	}
}

// InProcessConn implements [nats.InProcessConnProvider].
func (c *cable) InProcessConn() (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		return nil, errCut
	}
	conn, err := c.n.InProcessConn()
	if err != nil {
		return nil, err
	}
	p := &plug{Conn: conn, c: c}
	c.conns[p] = struct{}{}
	return p, nil
}

// sever ends the connection, as when a process dies; it can be made again after mend.
func (c *cable) sever() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	for p := range c.conns {
		_ = p.Conn.Close()
		delete(c.conns, p)
	}
}

func (c *cable) mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = false
}

// lose makes what is written, or what is read, vanish until the connection is severed.
func (c *cable) lose(written, read bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for p := range c.conns {
		p.mu.Lock()
		p.loseWritten, p.loseRead = written, read
		p.mu.Unlock()
	}
}

// hold lets nothing that comes be read until release: so a process that sleeps looks to others.
func (c *cable) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = make(chan struct{})
}

func (c *cable) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.held)
	c.held = nil
}

func (c *cable) awake() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held
}

type plug struct {
	net.Conn
	c *cable

	mu                    sync.Mutex // guards the fields below
	loseWritten, loseRead bool
}

func (p *plug) Write(b []byte) (int, error) {
	p.mu.Lock()
	lose := p.loseWritten
	p.mu.Unlock()
	if lose {
		return len(b), nil
	}
	return p.Conn.Write(b)
}

func (p *plug) Read(b []byte) (int, error) {
	for {
		n, err := p.Conn.Read(b)
		if held := p.c.awake(); held != nil {
			<-held
		}
		p.mu.Lock()
		lose := p.loseRead
		p.mu.Unlock()
		if err != nil || !lose {
			return n, err
		}
	}
}
