// Package porch is where connections stand that have not become clients yet. It counts every connection that a listener has
// accepted until it is closed, and bounds those that have said nothing yet, so that they take neither memory nor file
// descriptors without end: the journal, which may be in the same process, dies of a descriptor that it cannot have.
//
// A full porch does not stop accepting, since an honest newcomer would then wait behind those that keep silent. It closes
// one that has said nothing: of the address that has most of these the oldest, who had its chance. Who has spoken is never
// closed, neither between two requests.
package porch

import (
	"container/list"
	"math"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// Config is what a porch holds. In each, 0 is no bound.
type Config struct {
	Max                 int                        // connections in all
	MaxSilent           int                        // that have said nothing yet: whose first request has not come
	MaxPerAddress       int                        // of one address, but for those that were upgraded
	MaxSilentPerAddress int                        // of one address that have said nothing yet
	IPv6Prefix          int                        // of IPv6, the network of so many bits that counts as one address; 64
	Exempt              func(peer netip.Addr) bool // whose addresses are not bounded: proxies, which bring many; may be nil
	Note                func(connections int)      // hears how many there are, when that has changed; may be nil
	Dropped             func(why Reason)           // hears of each that was closed; may be nil
}

// Reason is why a porch closed a connection.
type Reason string

// Why a connection was closed.
const (
	Silent Reason = "silent" // it had said nothing, and its place was needed
	Full   Reason = "full"   // there was no place for it
)

// Porch is a listener whose connections are counted. Its ConnState has to be the server's.
type Porch struct {
	net.Listener
	cfg Config

	mu        sync.Mutex // guards the fields below and those of guests; never held across I/O
	open      int
	silent    int
	addresses map[netip.Prefix]*address
	crowds    crowds
}

// address is where guests come from: an IPv4 address, or a network of IPv6.
type address struct {
	key    netip.Prefix
	exempt bool
	guests int       // that were not upgraded
	silent list.List // of *guest, the oldest in front
	index  int       // in crowds
}

// New returns a porch in front of a listener.
func New(ln net.Listener, cfg Config) *Porch {
	for _, v := range []*int{&cfg.Max, &cfg.MaxSilent, &cfg.MaxPerAddress, &cfg.MaxSilentPerAddress} {
		if *v <= 0 {
			*v = math.MaxInt
		}
	}
	if cfg.IPv6Prefix <= 0 || cfg.IPv6Prefix > 128 {
		cfg.IPv6Prefix = 64 // what one client has
	}
	if cfg.Exempt == nil {
		cfg.Exempt = func(netip.Addr) bool { return false }
	}
	if cfg.Note == nil {
		cfg.Note = func(int) {}
	}
	if cfg.Dropped == nil {
		cfg.Dropped = func(Reason) {}
	}
	return &Porch{Listener: ln, cfg: cfg, addresses: make(map[netip.Prefix]*address)}
}

// Accept implements net.Listener. What has to go for the newcomer is closed before it returns.
func (p *Porch) Accept() (net.Conn, error) {
	for {
		conn, err := p.Listener.Accept()
		if err != nil {
			return nil, err // the server knows which errors pass
		}
		limitUnsent(conn)
		g := &guest{Conn: conn, p: p}
		stays := true
		for _, out := range p.enter(g) {
			_ = out.Conn.Close() // it is over either way
			if out == g {
				stays = false
				p.cfg.Dropped(Full)
			} else {
				p.cfg.Dropped(Silent)
			}
		}
		if stays {
			return g, nil
		}
	}
}

// enter counts a newcomer, and returns who has to go for it: perhaps itself.
func (p *Porch) enter(g *guest) (out []*guest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.cfg.Note(p.open) }()
	g.at = p.address(g.RemoteAddr())
	g.at.guests++
	p.open++
	p.hush(g)
	for {
		victim := p.victim(g.at)
		if victim == nil {
			return out
		}
		p.forget(victim)
		out = append(out, victim)
	}
}

// victim returns who has to go after somebody has come from an address, or nil. With mu held.
func (p *Porch) victim(at *address) *guest {
	crowded := !at.exempt && (at.guests > p.cfg.MaxPerAddress || at.silent.Len() > p.cfg.MaxSilentPerAddress)
	switch {
	case crowded && at.silent.Len() > 0:
		return at.oldest()
	case (p.open > p.cfg.Max || p.silent > p.cfg.MaxSilent) && len(p.crowds) > 0:
		return p.crowds[0].oldest()
	}
	return nil
}

// address returns the entry of a peer's address, made if need be. With mu held.
func (p *Porch) address(peer net.Addr) *address {
	ap, _ := netip.ParseAddrPort(peer.String()) // the zero one stands for all that are no IP addresses
	ip := ap.Addr().WithZone("").Unmap()
	bits, exempt := ip.BitLen(), p.cfg.Exempt(ip)
	if ip.Is6() && !exempt {
		bits = p.cfg.IPv6Prefix
	}
	key, _ := ip.Prefix(bits) // the zero one for the zero address
	a := p.addresses[key]
	if a == nil {
		a = &address{key: key, exempt: exempt, index: -1}
		p.addresses[key] = a
	}
	return a
}

// ConnState is for http.Server: it tells who has spoken, and who was upgraded. Over TLS it looks through to the connection that
// the porch has accepted.
func (p *Porch) ConnState(conn net.Conn, state http.ConnState) {
	if over, is := conn.(interface{ NetConn() net.Conn }); is { // a *tls.Conn
		conn = over.NetConn()
	}
	g, ok := conn.(*guest)
	if !ok || state != http.StateActive && state != http.StateHijacked {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if g.gone {
		return
	}
	p.speaks(g)
	if state == http.StateHijacked && !g.upgraded {
		g.upgraded = true
		g.at.guests--
		p.dropIfEmpty(g.at)
	}
}

// forget takes a guest out of all that is counted, once. With mu held.
func (p *Porch) forget(g *guest) {
	if g.gone {
		return
	}
	g.gone = true
	p.open--
	p.speaks(g)
	if !g.upgraded {
		g.at.guests--
	}
	p.dropIfEmpty(g.at)
}

// dropIfEmpty forgets an address of which nobody is counted. Who was upgraded may outlive its entry, and end when the address
// has another. With mu held.
func (p *Porch) dropIfEmpty(a *address) {
	if a.guests == 0 && p.addresses[a.key] == a {
		delete(p.addresses, a.key)
	}
}
