package gateway

import (
	"fmt"
	"sync"
	"time"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/rooms"
)

// door counts who is connected.
type door struct {
	mu         sync.Mutex // guards the fields below
	draining   bool
	num        uint64
	sessions   map[*session]struct{}
	perAddress map[string]int
	closes     int // connections that the gateway is closing
}

// open implements link.Opener.
func (g *Gateway) open(t link.Transport, about link.About) (link.Session, error) {
	s := &session{g: g, client: rooms.Client{ID: about.ID}, about: about, t: t, started: time.Now()}
	s.client.Peer = s
	if err := g.door.enter(s, g.limits); err != nil {
		g.metrics.connections.WithLabelValues(about.Transport, "refused").Inc()
		return nil, err
	}
	g.metrics.connections.WithLabelValues(about.Transport, "opened").Inc()
	g.metrics.sessions.WithLabelValues(about.Transport).Inc()
	g.dispatcher.post(command{register: true, session: s})
	g.log.Debug("session started", "client", s.client.ID, "transport", about.Transport, "address", about.Address)
	return s, nil
}

func (d *door) enter(s *session, limits Limits) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.draining:
		return link.ErrDraining
	case len(d.sessions) >= limits.MaxConns:
		return fmt.Errorf("%w on this gateway", link.ErrFull)
	case d.perAddress[s.about.Address] >= limits.MaxConnsPerAddress:
		return fmt.Errorf("%w from %s", link.ErrFull, s.about.Address)
	}
	d.num++
	s.num = d.num
	d.sessions[s] = struct{}{}
	d.perAddress[s.about.Address]++
	return nil
}

func (d *door) leave(s *session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.sessions, s)
	if d.perAddress[s.about.Address]--; d.perAddress[s.about.Address] <= 0 {
		delete(d.perAddress, s.about.Address)
	}
}

// shut lets nobody in any more, and lists who is.
func (d *door) shut() []*session {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.draining = true
	list := make([]*session, 0, len(d.sessions))
	for s := range d.sessions {
		list = append(list, s)
	}
	return list
}

// close counts the connections that the gateway is closing.
func (d *door) close(by int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closes += by
}

// isClosing reports whether a connection is being closed.
func (d *door) isClosing() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closes > 0
}

// count returns how many are connected.
func (d *door) count() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return uint64(len(d.sessions))
}

func (d *door) isDraining() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.draining
}

// closed notes that a session's connection is over. With the session's mu held.
func (g *Gateway) closed(s *session, cause error) {
	g.door.leave(s)
	g.metrics.sessions.WithLabelValues(s.about.Transport).Dec()
	g.log.Debug("session ended", "client", s.client.ID, "transport", s.about.Transport, "address", s.about.Address,
		"cause", cause.Error(), "seconds", time.Since(s.started).Seconds())
}
