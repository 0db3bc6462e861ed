package roomsvc_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/roomsvc"
	"github.com/parley-rtc/parley/testkit"
)

// sieve is what connects a replica to NATS, in which single messages to the replica can be held back or replaced, while
// others pass.
type sieve struct {
	n *testkit.NATS

	mu     sync.Mutex // guards the fields below
	rule   func(subject string, payload []byte) verdict
	held   []func()       // hand on what was held back
	passed map[string]int // messages handed on, by subject
}

// verdict on a message: the zero value lets it pass.
type verdict struct {
	hold    bool
	instead string // another payload, without headers
}

// newSieve returns a sieve that lets everything pass, and what sets a replica up with it for its journal.
func newSieve(n *testkit.NATS) (*sieve, func(*roomsvc.Config)) {
	s := &sieve{n: n, passed: make(map[string]int)}
	return s, func(c *roomsvc.Config) {
		c.JournalServers = n.URL()
		c.JournalOptions = []nats.Option{nats.InProcessServer(s)}
	}
}

// newRequestSieve is [newSieve] for a replica's requests, and what else it hears of other processes.
func newRequestSieve(n *testkit.NATS) (*sieve, func(*roomsvc.Config)) {
	s := &sieve{n: n, passed: make(map[string]int)}
	return s, func(c *roomsvc.Config) {
		c.Servers, c.JournalServers = n.URL(), n.URL()
		c.Options, c.JournalOptions = []nats.Option{nats.InProcessServer(s)}, n.Options()
	}
}

// set makes a rule for what comes from now on. It is called for one message at a time.
func (s *sieve) set(rule func(subject string, payload []byte) verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rule = rule
}

// release hands on what was held back, in its order, and lets everything pass.
func (s *sieve) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rule = nil
	for _, hand := range s.held {
		hand()
	}
	s.held = nil
}

// count returns how many messages on a subject were handed on.
func (s *sieve) count(subject string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.passed[subject]
}

// InProcessConn implements [nats.InProcessConnProvider].
func (s *sieve) InProcessConn() (net.Conn, error) {
	conn, err := s.n.InProcessConn()
	if err != nil {
		return nil, err
	}
	c := &sieved{Conn: conn}
	c.more.L = &c.mu
	go c.pump(s)
	return c, nil
}

// sieved is a connection that is read message by message.
type sieved struct {
	net.Conn

	mu    sync.Mutex // guards the fields below
	more  sync.Cond
	ready bytes.Buffer
	err   error
}

// Read implements [net.Conn].
func (c *sieved) Read(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.ready.Len() == 0 {
		if c.err != nil {
			return 0, c.err
		}
		c.more.Wait()
	}
	return c.ready.Read(b)
}

func (c *sieved) hand(frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ready.Write(frame)
	c.more.Signal()
}

// pump reads the server's protocol until the connection ends.
func (c *sieved) pump(s *sieve) {
	r := bufio.NewReader(c.Conn)
	for {
		line, err := r.ReadString('\n')
		if err == nil {
			err = c.sift(s, r, line)
		}
		if err != nil {
			c.mu.Lock()
			c.err = err
			c.more.Signal()
			c.mu.Unlock()
			return
		}
	}
}

// sift hands on one operation of the server: MSG subject sid [reply] size, HMSG with the headers' size before the size,
// or one without a payload.
func (c *sieved) sift(s *sieve, r *bufio.Reader, line string) error {
	fields := strings.Fields(line)
	if len(fields) == 0 || fields[0] != "MSG" && fields[0] != "HMSG" {
		c.hand([]byte(line))
		return nil
	}
	size, err := strconv.Atoi(fields[len(fields)-1])
	if err != nil {
		return err
	}
	frame := make([]byte, len(line)+size+len("\r\n"))
	copy(frame, line)
	for at := len(line); at < len(frame); {
		n, err := r.Read(frame[at:])
		if err != nil {
			return err
		}
		at += n
	}
	payload, tail := frame[len(line):len(line)+size], 1
	if fields[0] == "HMSG" {
		headers, err := strconv.Atoi(fields[len(fields)-2])
		if err != nil {
			return err
		}
		payload, tail = payload[headers:], 2
	}
	subject := fields[1]
	s.mu.Lock()
	defer s.mu.Unlock()
	var v verdict
	if s.rule != nil {
		v = s.rule(subject, payload)
	}
	if v.instead != "" {
		head := strings.Join(fields[1:len(fields)-tail], " ")
		frame = fmt.Appendf(nil, "MSG %s %d\r\n%s\r\n", head, len(v.instead), v.instead)
	}
	hand := func() {
		s.passed[subject]++
		c.hand(frame)
	}
	if v.hold {
		s.held = append(s.held, hand)
	} else {
		hand()
	}
	return nil
}
