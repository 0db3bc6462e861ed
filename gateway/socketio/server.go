package socketio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	addresses map[string]int // the same by address
	stopped   bool           // nothing new begins
}

// New returns a server. It panics when the gateway's id is no UUID, which is a defect of the caller's.
func New(cfg Config, log *slog.Logger) *Server {
	cfg.setDefaults()
	return &Server{
		cfg: cfg, log: log, gateway: uuid.MustParse(string(cfg.Gateway)), started: time.Now(),
		conns: make(map[string]*conn), addresses: make(map[string]int),
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

// stop ends every session.
func (s *Server) stop() {
	var closing sync.WaitGroup
	for _, c := range s.all(nil) {
		closing.Go(func() { c.shut(link.GoingAway) })
	}
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	closing.Wait()
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
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopped:
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

func (s *Server) releaseLocked(address string) {
	s.sessions--
	if s.addresses[address]--; s.addresses[address] == 0 {
		delete(s.addresses, address)
	}
}

// open makes a session, for whose address the caller has acquired.
func (s *Server) open(revision int, m mode, address, agent string) *conn {
	c := &conn{srv: s, sid: newSID(s.gateway), revision: revision, mode: m, address: address}
	if revision == revision3 {
		c.agent = agent
	}
	c.beat = newHeartbeat(revision, s.cfg.PingInterval, s.cfg.PingTimeout, s.now())
	if revision == revision3 && m == modeSocket {
		c.beat.unused = 0
	}
	c.outbox.control = [][]byte{c.openPacket(m)}
	s.mu.Lock()
	s.conns[c.sid] = c
	s.mu.Unlock()
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
