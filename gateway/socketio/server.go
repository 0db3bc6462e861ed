package socketio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/parley-rtc/parley/gateway/link"
)

// errBound is wrapped when a session would be one too many.
var errBound = errors.New("too many sessions")

// Server serves /socket.io/.
type Server struct {
	// Set by New.
	cfg     Config
	log     *slog.Logger
	gateway uuid.UUID
	started time.Time

	wg sync.WaitGroup // what spawn started

	mu        sync.Mutex // guards the fields below; never held across I/O
	conns     map[string]*conn
	sessions  int            // in hand: conns, handshakes under way, and WebSockets carried for other gateways
	addresses map[string]int // the same by what counts as one address
	carriers  map[*carrier]struct{}
	draining  bool // nobody is let in
	stopped   bool // no goroutine is started
}

// New returns a server. It panics when the gateway's id is no UUID, which is a defect of the caller's.
func New(cfg Config, log *slog.Logger) *Server {
	cfg.setDefaults()
	return &Server{
		cfg: cfg, log: log, gateway: uuid.MustParse(string(cfg.Gateway)), started: time.Now(),
		conns: make(map[string]*conn), addresses: make(map[string]int), carriers: make(map[*carrier]struct{}),
	}
}

// now is the time since the server was made.
func (s *Server) now() time.Duration { return time.Since(s.started) }

// Run keeps the time for all sessions until ctx ends; then it ends those that are left, and returns when everything that
// the server started has ended.
func (s *Server) Run(ctx context.Context) error {
	const ticks = 20 // in the shorter of interval and time-out
	ticker := time.NewTicker(min(s.cfg.PingInterval, s.cfg.PingTimeout, ticks*time.Second) / ticks)
	defer ticker.Stop()
	var conns []*conn
	for {
		select {
		case <-ticker.C:
			conns = s.all(conns[:0])
			for _, c := range conns {
				c.tick(s.now())
			}
			clear(conns)
		case <-ctx.Done():
			s.stop()
			s.wg.Wait()
			return nil
		}
	}
}

// Drain lets nobody in any more. Connections whose client has not joined, and WebSockets carried for other gateways, are
// told that the gateway is going away; joined clients are their sessions' to close. It returns at once.
func (s *Server) Drain() {
	s.mu.Lock()
	s.draining = true
	carriers := slices.Collect(maps.Keys(s.carriers))
	s.mu.Unlock()
	for _, p := range carriers {
		s.spawn(func() { p.ws.Close(link.GoingAway.Code, link.GoingAway.Reason, closePatience) })
	}
	for _, c := range s.all(nil) {
		if !c.joined() {
			c.reject(link.GoingAway)
		}
	}
}

// stop ends every session that is left. Whoever could be told has been, by [Server.Drain] or its session.
func (s *Server) stop() {
	s.mu.Lock()
	s.draining, s.stopped = true, true
	carriers := slices.Collect(maps.Keys(s.carriers))
	s.mu.Unlock()
	for _, p := range carriers {
		p.ws.CloseNow()
	}
	for _, c := range s.all(nil) {
		c.end(link.GoingAway)
	}
}

// all appends the sessions of this moment.
func (s *Server) all(conns []*conn) []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	conns = slices.Grow(conns, len(s.conns))
	for _, c := range s.conns {
		conns = append(conns, c)
	}
	return conns
}

// spawn runs f in a goroutine that Run waits for. It reports false, and runs nothing, once the server has stopped.
func (s *Server) spawn(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.wg.Go(f)
	return true
}

// acquire counts a session for an address. The error wraps errBound or [link.ErrDraining]; without one the caller
// releases it.
func (s *Server) acquire(address string) error {
	address = s.cfg.Counted(address)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.draining:
		return link.ErrDraining
	case s.cfg.MaxSessions > 0 && s.sessions >= s.cfg.MaxSessions:
		return errBound
	case s.cfg.MaxSessionsPerAddress > 0 && s.addresses[address] >= s.cfg.MaxSessionsPerAddress:
		return fmt.Errorf("%w from one address", errBound)
	}
	s.sessions++
	s.addresses[address]++
	return nil
}

// release undoes acquire.
func (s *Server) release(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.releaseLocked(address)
}

// releaseLocked is release with mu held.
func (s *Server) releaseLocked(address string) {
	address = s.cfg.Counted(address)
	s.sessions--
	if s.addresses[address]--; s.addresses[address] == 0 {
		delete(s.addresses, address)
	}
}

// carry notes a WebSocket that is carried for another gateway, and returns what forgets it.
func (s *Server) carry(p *carrier) (forget func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.carriers[p] = struct{}{}
	if s.stopped {
		p.ws.CloseNow()
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.carriers, p)
		s.releaseLocked(p.req.Address)
	}
}

// open makes a session, for whose address the caller has acquired.
func (s *Server) open(revision int, m mode, address string, by opener) *conn {
	c := &conn{srv: s, sid: newSID(s.gateway), revision: revision, mode: m, address: address, opener: by}
	c.beat = newHeartbeat(revision, s.cfg.PingInterval, s.cfg.PingTimeout, s.now())
	if revision == revision3 && m == modeSocket {
		c.beat.unused = 0
	}
	c.outbox.queue(c.openPacket(m))
	s.mu.Lock()
	s.conns[c.sid] = c
	stopped := s.stopped
	s.mu.Unlock()
	if stopped {
		c.end(link.GoingAway)
	}
	return c
}

// lookup returns the session of an id, or nil.
func (s *Server) lookup(sid string) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns[sid]
}

// forget drops a session that has ended.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.conns[c.sid]; ok {
		delete(s.conns, c.sid)
		s.releaseLocked(c.address)
	}
}
