package relay

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// conn is a relay's socket. What may not pass is dropped, as the net drops packets.
type conn struct {
	*net.UDPConn
	server *Server
	user   string
	port   uint16
	share  *rate.Limiter // of bytes; nil: no limit
	once   sync.Once

	peers    *rate.Limiter  // of peers that are let in
	client   netip.AddrPort // over UDP; none over TCP. Set before anything is read
	caller   *caller        // over TCP; guarded by the callers' mutex
	channels channels

	heard  netip.AddrPort // the peer of the last packet, and the same as pion has it; of the goroutine that reads
	heardA net.Addr
}

func newConn(s *Server, socket *net.UDPConn, user string) *conn {
	c := &conn{UDPConn: socket, server: s, user: user, peers: rate.NewLimiter(peersRate, peersAtOnce), port: addrPort(socket.LocalAddr()).Port()}
	if s.cfg.Bits > 0 {
		most := max(s.cfg.Bits/8, burst)
		c.share = rate.NewLimiter(rate.Limit(s.cfg.Bits/8), most) // a second's worth at once,
		c.share.AllowN(time.Now(), most-burst)                    // but not at the beginning: another allocation is made soon
	}
	s.rules.opened(c.port)
	return c
}

// WriteTo implements [net.PacketConn]: a packet of the client's, to a peer.
func (c *conn) WriteTo(b []byte, to net.Addr) (int, error) {
	return len(b), c.send(b, addrPort(to))
}

func (c *conn) send(b []byte, peer netip.AddrPort) error {
	switch {
	case !c.server.rules.may(peer):
		c.server.metrics.dropped("address")
		return nil
	case !c.mayTake(len(b)):
		return nil
	}
	if peer.Addr() == c.server.rules.public { // another relay of this host: however its public address is routed
		peer = netip.AddrPortFrom(loopback, peer.Port())
	}
	c.server.metrics.relayed(len(b))
	_, err := c.WriteToUDPAddrPort(b, peer)
	return err //nolint:wrapcheck // a socket's error is its own
}

// ReadFrom implements [net.PacketConn]: a packet of a peer's, to the client. What comes by a channel goes on at once, and pion sees the rest.
func (c *conn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, peer, err := c.ReadFromUDPAddrPort(b[header:])
		if err != nil {
			return n, nil, err //nolint:wrapcheck // a socket's error is its own
		}
		if c.server.rules.isOwn(peer.Addr()) {
			peer = netip.AddrPortFrom(c.server.rules.public, peer.Port()) // a relay of this host, or nobody that may
		}
		switch {
		case !c.server.rules.may(peer):
			c.server.metrics.dropped("address")
			continue
		case n == len(b)-header || !c.mayTake(n): // it may have been longer
			continue
		}
		c.server.metrics.relayed(n)
		if number, is := c.channels.number(peer); is && c.client.IsValid() {
			binary.BigEndian.PutUint16(b, number)
			binary.BigEndian.PutUint16(b[2:], uint16(n)) //nolint:gosec // a datagram is shorter
			_, _ = c.server.front.WriteToUDPAddrPort(b[:header+n], c.client)
			continue
		}
		if peer != c.heard {
			c.heard, c.heardA = peer, net.UDPAddrFromAddrPort(peer)
		}
		return copy(b, b[header:header+n]), c.heardA, nil
	}
}

// around is what IP and UDP put around a packet's bytes: an empty packet is not free.
const around = 28

// mayTake reports whether the client's share has room for so many bytes.
func (c *conn) mayTake(n int) bool {
	if c.share == nil || c.share.AllowN(time.Now(), n+around) {
		return true
	}
	c.server.metrics.dropped("rate")
	return false
}

// Close implements [net.PacketConn].
func (c *conn) Close() error {
	c.once.Do(func() {
		c.server.rules.closed(c.port)
		c.server.callers.closed(c)
		c.server.quotas.closes(c.user)
		c.server.metrics.allocations.Dec()
	})
	return c.UDPConn.Close() //nolint:wrapcheck // a socket's error is its own
}

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

func addrPort(a net.Addr) netip.AddrPort {
	if u, is := a.(*net.UDPAddr); is {
		ap := u.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	ap, _ := netip.ParseAddrPort(a.String())
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// front is the socket at which clients over UDP are. It passes on itself what comes by a channel, which is all of a call; pion sees the rest.
type front struct {
	*net.UDPConn
	callers *callers
}

// ReadFrom implements [net.PacketConn]. One goroutine reads.
func (f *front) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := f.ReadFromUDPAddrPort(b)
		if err != nil {
			return n, nil, err //nolint:wrapcheck // a socket's error is its own
		}
		addr, relay := f.callers.known(netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		if relay == nil || !relay.passes(b[:n]) {
			return n, addr, nil
		}
	}
}
