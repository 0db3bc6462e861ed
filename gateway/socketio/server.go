package socketio

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/parley-rtc/parley/gateway/defect"
	"github.com/parley-rtc/parley/gateway/link"
)

// Server serves /socket.io/.
type Server struct {
	// Set by New.
	cfg     Config
	log     *slog.Logger
	gateway uuid.UUID
	started time.Time

	wg sync.WaitGroup // what spawn started

	mu       sync.Mutex // guards the fields below; never held across I/O
	conns    map[string]*conn
	carriers map[*carrier]struct{}
	stopped  bool // no goroutine is started
}

// New returns a server. It panics when the gateway's id is no UUID, which is a defect of the caller's.
func New(cfg Config, log *slog.Logger) *Server {
	cfg.setDefaults()
	return &Server{
		cfg: cfg, log: log, gateway: uuid.MustParse(string(cfg.Gateway)), started: time.Now(),
		conns: make(map[string]*conn), carriers: make(map[*carrier]struct{}),
	}
}

// now is the time since the server was made.
func (s *Server) now() time.Duration { return time.Since(s.started) }

// Run keeps the time for all sessions until ctx ends; then it ends those that are left, and returns when everything that
// the server started has ended.
func (s *Server) Run(ctx context.Context) error {
	if err := s.keepTime(ctx); err != nil { // a defect: who is connected is told to go
		s.failed(err)
		<-ctx.Done()
	}
	s.stop()
	s.wg.Wait()
	return nil
}

// keepTime does what is due in each session, until ctx ends.
func (s *Server) keepTime(ctx context.Context) (err error) {
	defer defect.Catch("the heartbeats of Socket.IO", &err)
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
			return nil
		}
	}
}

// failed tells the gateway of a defect in what is not one client's.
func (s *Server) failed(err error) {
	defect.Log(s.log, err)
	s.cfg.Failed(err)
}

// Drain tells connections whose client has not joined, and WebSockets carried for other gateways, that the gateway is going
// away; joined clients are their sessions' to close. The door is shut already. It returns at once.
func (s *Server) Drain() {
	s.mu.Lock()
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
	s.stopped = true
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

// spawn runs f in a goroutine that Run waits for. A defect in it ends the gateway. It reports false, and runs nothing, once the server has stopped.
func (s *Server) spawn(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.wg.Go(func() {
		if err := defect.Guard("a task of Socket.IO", f); err != nil {
			s.failed(err)
		}
	})
	return true
}

// carry notes a WebSocket that is carried for another gateway, and returns what forgets it.
func (s *Server) carry(p *carrier) (forget func()) {
	s.mu.Lock()
	s.carriers[p] = struct{}{}
	stopped := s.stopped
	s.mu.Unlock()
	if stopped {
		p.ws.CloseNow()
	}
	return func() {
		s.mu.Lock()
		delete(s.carriers, p)
		s.mu.Unlock()
		s.cfg.Door.Leave(p.req.Address)
	}
}

// open makes a session, whose place the caller has taken.
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
	_, ok := s.conns[c.sid]
	delete(s.conns, c.sid)
	s.mu.Unlock()
	if ok {
		s.cfg.Door.Leave(c.address)
	}
}
