package bus

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// server is as much of a NATS server as a connection needs: it greets, answers pings and takes messages. It can stop reading, as
// one does that sleeps, or to which packets vanish.
type server struct {
	tb  testing.TB
	ln  net.Listener // nil: reached in process only
	tls *tls.Config
	wg  sync.WaitGroup

	mu    sync.Mutex // guards the fields below
	peers []*peer
	heard []string // subjects of messages that arrived
}

// peer is a connection at the server.
type peer struct {
	net.Conn

	mu     sync.Mutex // guards the field below
	jammed chan struct{}
}

func startServer(tb testing.TB, config *tls.Config) *server {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &server{tb: tb, ln: ln, tls: config}
	s.wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			s.serve(conn)
		}
	})
	tb.Cleanup(s.stop)
	return s
}

func (s *server) url() string { return "nats://" + s.ln.Addr().String() }

// InProcessConn makes a connection without a network.
func (s *server) InProcessConn() (net.Conn, error) {
	here, there := net.Pipe()
	s.serve(there)
	return here, nil
}

func (s *server) stop() {
	if s.ln != nil {
		s.ln.Close()
	}
	s.hangUp()
	s.wg.Wait()
}

// hangUp closes every connection.
func (s *server) hangUp() {
	s.mu.Lock()
	peers := s.peers
	s.mu.Unlock()
	for _, p := range peers {
		p.free()
		p.Close()
	}
}

// jam stops reading from those who are connected now.
func (s *server) jam() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.peers {
		p.mu.Lock()
		p.jammed = make(chan struct{})
		p.mu.Unlock()
	}
}

func (p *peer) free() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.jammed != nil {
		close(p.jammed)
		p.jammed = nil
	}
}

// Read reads as the connection does, unless it is jammed.
func (p *peer) Read(b []byte) (int, error) {
	p.mu.Lock()
	jammed := p.jammed
	p.mu.Unlock()
	if jammed != nil {
		<-jammed
	}
	return p.Conn.Read(b)
}

// has reports whether a message with that subject has arrived.
func (s *server) has(subject string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.heard, subject)
}

func (s *server) serve(conn net.Conn) {
	p := &peer{Conn: conn}
	s.mu.Lock()
	s.peers = append(s.peers, p)
	s.mu.Unlock()
	s.wg.Go(func() {
		defer conn.Close()
		info := fmt.Sprintf("INFO {\"server_id\":\"x\",\"version\":\"2.15.2\",\"max_payload\":1048576,\"headers\":true,\"tls_required\":%v}\r\n",
			s.tls != nil)
		if _, err := io.WriteString(conn, info); err != nil {
			return
		}
		var rw net.Conn = p
		if s.tls != nil {
			rw = tls.Server(p, s.tls)
		}
		s.talk(bufio.NewReaderSize(rw, 4096), rw)
	})
}

func (s *server) talk(r *bufio.Reader, w io.Writer) {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		switch words[0] {
		case "PING":
			if _, err := io.WriteString(w, "PONG\r\n"); err != nil {
				return
			}
		case "PUB":
			size, _ := strconv.Atoi(words[len(words)-1])
			if _, err := r.Discard(size + 2); err != nil {
				return
			}
			if words[1] != flooded {
				s.mu.Lock()
				s.heard = append(s.heard, words[1])
				s.mu.Unlock()
			}
		}
	}
}

// flooded is the subject of messages that nobody counts.
const flooded = "flood"

// soon waits for a condition, for much longer than any takes that a test waits for on a machine with nothing else to do.
func soon(t *testing.T, what string, is func() bool) {
	t.Helper()
	within(t, 30*time.Second, what, is)
}

func within(t *testing.T, most time.Duration, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(most)
	for !is() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited %v in vain for %s", most, what)
		}
	}
}

// connect returns a connection that ends with the test.
func connect(t *testing.T, cfg Config) *Conn {
	t.Helper()
	c, err := Connect(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// flood publishes until the test ends, as fast as it can, or once a millisecond while nothing can be sent. It counts what it
// did.
func flood(t *testing.T, publish func(subject string, data []byte) error) *atomic.Int64 {
	t.Helper()
	var sent atomic.Int64
	stop, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		message := make([]byte, 16<<10)
		pause := time.NewTicker(time.Millisecond)
		defer pause.Stop()
		for {
			if publish(flooded, message) != nil {
				<-pause.C
			}
			sent.Add(1)
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-over
	})
	return &sent
}
