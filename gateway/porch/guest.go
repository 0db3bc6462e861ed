package porch

import (
	"container/heap"
	"container/list"
	"errors"
	"net"
)

// guest is a connection that is counted.
type guest struct {
	net.Conn
	p *Porch

	// Guarded by the porch's mu.
	at       *address
	place    *list.Element // among the silent of its address; nil once it has spoken
	upgraded bool          // it is a WebSocket
	gone     bool          // it is counted no more
}

// Close implements net.Conn. Its descriptor is free when it no longer counts.
func (g *guest) Close() error {
	err := g.Conn.Close()
	g.p.mu.Lock()
	defer g.p.mu.Unlock()
	if !g.gone {
		g.p.forget(g)
		g.p.cfg.Note(g.p.open)
	}
	return err // the connection's own
}

// CloseWrite says that nothing more is sent, where the connection can say so: a close frame is to arrive, though what the
// peer still sends is not read.
func (g *guest) CloseWrite() error {
	if half, ok := g.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite() // the connection's own
	}
	return errors.ErrUnsupported
}

// hush puts a newcomer among the silent. With mu held.
func (p *Porch) hush(g *guest) {
	g.place = g.at.silent.PushBack(g)
	p.silent++
	if g.at.index < 0 {
		heap.Push(&p.crowds, g.at)
	} else {
		heap.Fix(&p.crowds, g.at.index)
	}
}

// speaks takes a guest out of the silent, if it is among them. With mu held.
func (p *Porch) speaks(g *guest) {
	if g.place == nil {
		return
	}
	g.at.silent.Remove(g.place)
	g.place = nil
	p.silent--
	if g.at.silent.Len() == 0 {
		heap.Remove(&p.crowds, g.at.index)
	} else {
		heap.Fix(&p.crowds, g.at.index)
	}
}

// oldest returns the guest that has been silent longest.
func (a *address) oldest() *guest {
	g, _ := a.silent.Front().Value.(*guest)
	return g
}

// crowds are the addresses of which somebody is silent, that with the most first: a container/heap.
type crowds []*address

// Len implements heap.Interface.
func (c crowds) Len() int { return len(c) }

// Less implements heap.Interface.
func (c crowds) Less(i, j int) bool { return c[i].silent.Len() > c[j].silent.Len() }

// Swap implements heap.Interface.
func (c crowds) Swap(i, j int) {
	c[i], c[j] = c[j], c[i]
	c[i].index, c[j].index = i, j
}

// Push implements heap.Interface.
func (c *crowds) Push(x any) {
	a, _ := x.(*address)
	a.index = len(*c)
	*c = append(*c, a)
}

// Pop implements heap.Interface.
func (c *crowds) Pop() any {
	last := len(*c) - 1
	a := (*c)[last]
	(*c)[last] = nil
	*c = (*c)[:last]
	a.index = -1
	return a
}
