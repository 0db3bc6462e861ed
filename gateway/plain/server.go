// Package plain is the WebSocket transport of PROTOCOL.md section 2: text frames, each a JSON object with an event.
package plain

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/wsconn"
	"github.com/parley-rtc/parley/proto"
)

// Pings: one every interval, to be answered within the patience. Both are whole seconds.
const (
	pingSeconds = 25
	pongSeconds = 20
)

// Config is what the transport needs of its gateway.
type Config struct {
	Open        link.Opener
	AllowOrigin func(r *http.Request) bool
	Forbidden   func(r *http.Request) string // says why AllowOrigin has turned a request away
	Address     func(r *http.Request) (address string, direct bool)
	MaxFrame    int          // bytes
	Limits      proto.Limits // what clients are told of their limits
}

// Server accepts plain sockets.
type Server struct {
	cfg    Config
	second time.Duration // set by New; tests shorten it

	readers sync.WaitGroup

	mu    sync.Mutex // guards the fields below
	next  int        // the slot that the next connection takes
	slots [pingSeconds]map[*conn]struct{}
	over  bool
}

// New returns a server. Its Run has to run for pings to be sent.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, second: time.Second}
	for i := range s.slots {
		s.slots[i] = make(map[*conn]struct{})
	}
	return s
}

// ServeHTTP upgrades a request and leaves the connection to a goroutine of its own, so that net/http's goes, with its
// buffers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.cfg.AllowOrigin(r) {
		http.Error(w, s.cfg.Forbidden(r), http.StatusForbidden)
		return
	}
	if !offersOurs(r) {
		http.Error(w, "the subprotocol is "+proto.Subprotocol, http.StatusBadRequest)
		return
	}
	if !wsconn.IsHandshake(r) { // before anything is opened, and counted
		_, _ = wsconn.Accept(w, r, wsconn.Options{}) // it says what is wrong
		return
	}
	c := &conn{server: s}
	c.up.Lock()
	address, _ := s.cfg.Address(r)
	session, err := s.cfg.Open(c, link.About{ID: proto.NewClientID(), Transport: "plain", Address: address})
	if err != nil {
		c.up.Unlock()
		w.Header().Set("Retry-After", "5")
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	c.session = session
	ws, err := wsconn.Accept(w, r, wsconn.Options{
		MaxFrame: s.cfg.MaxFrame, Subprotocols: []string{proto.Subprotocol}, OnPong: c.pong,
	})
	c.ws = ws
	c.up.Unlock()
	if err != nil {
		session.End(err)
		return
	}
	if !s.add(c) {
		ws.CloseNow()
		session.End(link.GoingAway)
		return
	}
	session.Send(link.Out{Message: link.NewMessage(proto.Event{
		Name: proto.Connected, ID: session.ID(), Version: proto.Version, Limits: &s.cfg.Limits,
	})})
	s.readers.Go(c.read)
}

// offersOurs reports whether the client offers our subprotocol, or none at all.
func offersOurs(r *http.Request) bool {
	var offered []string
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(line, ",") {
			if p = strings.TrimSpace(p); p != "" {
				offered = append(offered, p)
			}
		}
	}
	return len(offered) == 0 || slices.Contains(offered, proto.Subprotocol)
}

// add takes a connection in for pings, unless the server is over.
func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	c.slot = s.next
	s.next = (s.next + 1) % len(s.slots)
	s.slots[c.slot][c] = struct{}{}
	return true
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.slots[c.slot], c)
}

// Run sends pings until the context ends, then drops what is still connected and returns when all readers have.
func (s *Server) Run(ctx context.Context) error {
	tick := time.NewTicker(s.second)
	defer tick.Stop()
	defer s.readers.Wait()
	for second := 0; ; second++ {
		select {
		case <-tick.C:
			for _, c := range s.slot(second - pongSeconds) {
				c.overdue()
			}
			for _, c := range s.slot(second) {
				c.ping()
			}
		case <-ctx.Done():
			for _, c := range s.end() {
				c.ws.CloseNow()
			}
			return nil
		}
	}
}

// slot lists the connections whose turn a second is.
func (s *Server) slot(second int) []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := (second%pingSeconds + pingSeconds) % pingSeconds
	list := make([]*conn, 0, len(s.slots[i]))
	for c := range s.slots[i] {
		list = append(list, c)
	}
	return list
}

// end lets nobody in any more and lists who is.
func (s *Server) end() []*conn {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	var all []*conn
	for i := range s.slots {
		all = append(all, s.slot(i)...)
	}
	return all
}
