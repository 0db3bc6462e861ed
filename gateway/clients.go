package gateway

import (
	"sync"
	"time"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/session"
)

// clients are those who are connected.
type clients struct {
	mu       sync.Mutex // guards the fields below
	shut     bool       // nobody becomes a client any more
	num      uint64     // of the last of them
	sessions map[*session.Session]struct{}
	sights   sightings
	closes   int // connections that the gateway is closing
}

// open implements link.Opener.
func (g *Gateway) open(t link.Transport, about link.About) (link.Session, error) {
	if !g.trust.users.enter(about.Token, about.ID) {
		g.metrics.refused(about.Transport, reasonLimit)
		return nil, link.TooManyOfUser
	}
	s, err := g.clients.add(&g.host, t, about)
	if err != nil {
		g.trust.users.leave(about.Token, about.ID, time.Now())
		g.metrics.refused(about.Transport, reasonOf(err))
		return nil, err
	}
	g.metrics.connections.WithLabelValues(about.Transport, "opened").Inc()
	g.metrics.sessions.WithLabelValues(about.Transport).Inc()
	g.dispatcher.post(command{register: true, session: s})
	g.log.Debug("session started", "client", s.ID(), "transport", about.Transport, "address", about.Address)
	return s, nil
}

// add makes the session of a connection.
func (c *clients) add(host *session.Host, t link.Transport, about link.About) (*session.Session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut {
		return nil, link.ErrDraining
	}
	if about.Turn > 0 {
		if err := c.sights.enter(about.ID, about.Turn, time.Now()); err != nil {
			return nil, err // it says what the client is told
		}
	}
	c.num++
	s := host.New(c.num, t, about)
	if c.sessions == nil {
		c.sessions = make(map[*session.Session]struct{})
	}
	c.sessions[s] = struct{}{}
	return s, nil
}

func (c *clients) remove(s *session.Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, s)
}

// over ends what a session with a key has at the gateway beside its connection: it has left its rooms.
func (g *Gateway) over(s *session.Session) {
	if s.About.Turn == 0 {
		return
	}
	g.front.door.Leave(s.About.Address)
	g.clients.mu.Lock()
	defer g.clients.mu.Unlock()
	g.clients.sights.leave(s.ID(), time.Now())
}

// end lets nobody become a client any more, and lists who is one.
func (c *clients) end() []*session.Session {
	c.mu.Lock()
	c.shut = true
	c.mu.Unlock()
	return c.all()
}

// all lists who is connected.
func (c *clients) all() []*session.Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]*session.Session, 0, len(c.sessions))
	for s := range c.sessions {
		list = append(list, s)
	}
	return list
}

// close counts the connections that the gateway is closing.
func (c *clients) close(by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closes += by
}

// isClosing reports whether a connection is being closed.
func (c *clients) isClosing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closes > 0
}

// count returns how many are connected.
func (c *clients) count() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return uint64(len(c.sessions))
}

// exit is where sessions leave. It implements [session.Door].
type exit struct{ g *Gateway }

// Closing implements [session.Door].
func (x exit) Closing(by int) { x.g.clients.close(by) }

// Left implements [session.Door].
func (x exit) Left(s *session.Session, cause error) {
	g := x.g
	g.clients.remove(s)
	g.trust.users.leave(s.About.Token, s.ID(), time.Now())
	g.metrics.sessions.WithLabelValues(s.About.Transport).Dec()
	g.log.Debug("session ended", "client", s.ID(), "transport", s.About.Transport, "address", s.About.Address,
		"cause", cause.Error(), "seconds", s.Age().Seconds(), "keep", s.Keep().Seconds())
}
