package gateway

import (
	"errors"
	"fmt"
	"sync"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/session"
)

// door counts who is connected.
type door struct {
	mu         sync.Mutex // guards the fields below
	draining   bool
	num        uint64
	sessions   map[*session.Session]struct{}
	perAddress map[string]int // by what counts as one address
	closes     int            // connections that the gateway is closing
}

// open implements link.Opener.
func (g *Gateway) open(t link.Transport, about link.About) (link.Session, error) {
	s, err := g.door.enter(&g.host, t, about, g.counted(about.Address), g.limits)
	if err != nil {
		reason := reasonLimit
		if errors.Is(err, link.ErrDraining) {
			reason = reasonDraining
		}
		g.refused(about.Transport, reason)
		return nil, err
	}
	g.metrics.connections.WithLabelValues(about.Transport, "opened").Inc()
	g.metrics.sessions.WithLabelValues(about.Transport).Inc()
	g.dispatcher.post(command{register: true, session: s})
	g.log.Debug("session started", "client", s.ID(), "transport", about.Transport, "address", about.Address)
	return s, nil
}

func (d *door) enter(
	host *session.Host, t link.Transport, about link.About, counted string, limits Limits,
) (*session.Session, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.draining:
		return nil, link.ErrDraining
	case len(d.sessions) >= limits.MaxConns:
		return nil, fmt.Errorf("%w on this gateway", link.ErrFull)
	case d.perAddress[counted] >= limits.MaxConnsPerAddress:
		return nil, fmt.Errorf("%w from %s", link.ErrFull, counted)
	}
	d.num++
	s := host.New(d.num, t, about)
	d.sessions[s] = struct{}{}
	d.perAddress[counted]++
	return s, nil
}

func (d *door) leave(s *session.Session, counted string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.sessions, s)
	if d.perAddress[counted]--; d.perAddress[counted] <= 0 {
		delete(d.perAddress, counted)
	}
}

// shut lets nobody in any more, and lists who is.
func (d *door) shut() []*session.Session {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.draining = true
	list := make([]*session.Session, 0, len(d.sessions))
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

// exit is where sessions leave. It implements [session.Door].
type exit struct{ g *Gateway }

// Closing implements [session.Door].
func (x exit) Closing(by int) { x.g.door.close(by) }

// Left implements [session.Door].
func (x exit) Left(s *session.Session, cause error) {
	g := x.g
	g.door.leave(s, g.counted(s.About.Address))
	g.metrics.sessions.WithLabelValues(s.About.Transport).Dec()
	g.log.Debug("session ended", "client", s.ID(), "transport", s.About.Transport, "address", s.About.Address,
		"cause", cause.Error(), "seconds", s.Age().Seconds())
}
