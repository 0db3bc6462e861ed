package harness

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy is a TCP proxy of the test's own: it spreads connections over its targets in turn, and can be cut.
type Proxy struct {
	// Set by StartProxy.
	listener net.Listener
	wg       sync.WaitGroup // everything that the proxy started
	next     atomic.Uint64

	mu      sync.Mutex // guards the fields below
	targets []string
	conns   map[net.Conn]bool
	cut     bool          // new connections are closed at once
	stalled chan struct{} // not nil: nothing is passed on until it is closed
}

// StartProxy starts a proxy to addresses of the form host:port. It ends with the test.
func StartProxy(tb testing.TB, targets ...string) *Proxy {
	tb.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("harness: proxy: %v", err)
	}
	p := &Proxy{listener: l, targets: targets, conns: map[net.Conn]bool{}}
	p.wg.Go(p.accept)
	tb.Cleanup(func() {
		_ = l.Close()
		p.Heal()
		p.Cut()
		p.wg.Wait()
	})
	return p
}

// Addr returns where the proxy listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Lead has the connections that come from now on go to other targets.
func (p *Proxy) Lead(targets ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = targets
}

// Cut ends all connections and refuses new ones until [Proxy.Heal].
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	for c := range p.conns {
		_ = c.Close()
	}
}

// Stall keeps connections open and passes nothing on, like a network that drops every packet, until [Proxy.Heal].
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalled == nil {
		p.stalled = make(chan struct{})
	}
}

// Heal undoes Cut and Stall.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = false
	if p.stalled != nil {
		close(p.stalled)
		p.stalled = nil
	}
}

func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		target := p.targets[p.next.Add(1)%uint64(len(p.targets))]
		ok := p.keep(c)
		p.mu.Unlock()
		if ok {
			p.wg.Go(func() { p.serve(c, target) })
		}
	}
}

// keep is called with mu held. It remembers a connection, or closes it while the proxy is cut.
func (p *Proxy) keep(c net.Conn) bool {
	if p.cut {
		_ = c.Close()
		return false
	}
	p.conns[c] = true
	return true
}

func (p *Proxy) serve(in net.Conn, target string) {
	defer p.drop(in)
	out, err := net.Dial("tcp4", target)
	if err != nil {
		return
	}
	defer p.drop(out)
	p.mu.Lock()
	ok := p.keep(out)
	p.mu.Unlock()
	if !ok {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		p.pass(in, out)
		_ = in.Close()
	})
	p.pass(out, in)
	_ = out.Close()
	back.Wait()
}

// pass copies one direction until it ends.
func (p *Proxy) pass(to io.Writer, from io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		stalled := p.stalled
		p.mu.Unlock()
		if stalled != nil {
			<-stalled
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *Proxy) drop(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}
