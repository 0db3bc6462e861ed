// Package plain is the WebSocket transport of PROTOCOL.md section 2: text frames, each a JSON object with an event.
package plain

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-rtc/parley/gateway/defect"
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
	Door        link.Door
	Open        link.Opener
	AllowOrigin func(r *http.Request) bool
	Forbidden   func(r *http.Request) string // says why AllowOrigin has turned a request away
	Address     func(r *http.Request) (address string, direct bool)
	MaxFrame    int             // bytes
	Limits      proto.Limits    // what clients are told of their limits
	Log         *slog.Logger    // nil: none
	Failed      func(err error) // hears of a defect after which nothing goes on; nil: nobody does
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
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Failed == nil {
		cfg.Failed = func(error) {}
	}
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
	address, _ := s.cfg.Address(r)
	if err := s.cfg.Door.Enter(address); err != nil {
		refuse(w, err)
		return
	}
	c := &conn{server: s}
	stays := false
	defer func() { // also after a defect
		if !stays {
			c.drop()
			s.cfg.Door.Leave(address)
		}
	}()
	if !c.open(w, r, address) || !s.add(c) {
		return
	}
	c.session.Send(link.Out{Message: link.NewMessage(proto.Event{
		Name: proto.Connected, ID: c.session.ID(), Version: proto.Version, Limits: &s.cfg.Limits,
	})})
	stays = true
	s.readers.Go(func() {
		defer s.cfg.Door.Leave(address)
		c.read()
	})
}

// refuse answers one who cannot be let in.
func refuse(w http.ResponseWriter, err error) {
	w.Header().Set("Retry-After", "5")
	http.Error(w, err.Error(), http.StatusServiceUnavailable)
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
	if err := s.sendPings(ctx); err != nil { // a defect: nobody is pinged any more, and who is connected is told to go
		defect.Log(s.cfg.Log, err)
		s.cfg.Failed(err)
		<-ctx.Done()
	}
	for _, c := range s.end() {
		c.ws.CloseNow()
	}
	s.readers.Wait()
	return nil
}

// sendPings sends pings until the context ends.
func (s *Server) sendPings(ctx context.Context) (err error) {
	defer defect.Catch("the pings of plain sockets", &err)
	tick := time.NewTicker(s.second)
	defer tick.Stop()
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
