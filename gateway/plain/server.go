// Package plain is the WebSocket transport of PROTOCOL.md section 2: text frames, each a JSON object with an event.
package plain

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/parley-rtc/parley/gateway/defect"
	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/tokens"
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
	Door        link.Door   // its place is given back for a connection without a key; the session of another keeps it, see link.About
	Open        link.Opener // may return a link.Close, with which the connection is closed as soon as it stands
	AllowOrigin func(r *http.Request) bool
	Forbidden   func(r *http.Request) string // says why AllowOrigin has turned a request away
	Address     func(r *http.Request) (address string, direct bool)
	MaxFrame    int               // bytes
	Limits      proto.Limits      // what clients are told of their limits
	ICE         []proto.ICEServer // told at once; nil: there are none
	Keep        int               // seconds that a session with a key outlives its connection at most
	// Check checks a client's token; nil: none is asked for. The text of its error is told.
	Check  func(ctx context.Context, token string) (*tokens.Token, error)
	Log    *slog.Logger    // nil: none
	Failed func(err error) // hears of a defect after which nothing goes on; nil: nobody does
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
	about, err := session(r, s.cfg.Keep)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if !wsconn.IsHandshake(r) { // before anything is opened, and counted
		_, _ = wsconn.Accept(w, r, wsconn.Options{}) // it says what is wrong
		return
	}
	about.Address, _ = s.cfg.Address(r)
	token, err := tokenOf(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := s.cfg.Door.Enter(about.Address); err != nil {
		refuse(w, err)
		return
	}
	c := &conn{server: s}
	if s.cfg.Check != nil {
		c.authorize(r.Context(), token, &about)
	}
	in, stays := false, false
	defer func() { // also after a defect
		if stays {
			return
		}
		c.drop()
		s.leave(c, about)
		if in {
			s.readers.Done()
		}
	}()
	if !c.open(w, r, about) {
		return
	}
	if in = s.add(c); !in {
		return
	}
	c.greet(about)
	stays = true
	go func() { // Run waits for it: add has counted it
		defer s.readers.Done()
		defer s.leave(c, about)
		c.serve()
	}()
}

// leave gives the place of a connection back, unless it is its session's: one with a key may outlive the connection.
func (s *Server) leave(c *conn, about link.About) {
	if about.Turn == 0 || c.session == nil {
		s.cfg.Door.Leave(about.Address)
	}
}

// refuse answers one who cannot be let in.
func refuse(w http.ResponseWriter, err error) {
	w.Header().Set("Retry-After", "5")
	http.Error(w, err.Error(), http.StatusServiceUnavailable)
}

// add takes a connection in for pings, and counts its reader, unless the server is over: whoever waits for readers counts on that.
func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	c.slot = s.next
	s.next = (s.next + 1) % len(s.slots)
	s.slots[c.slot][c] = struct{}{}
	s.readers.Add(1)
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
