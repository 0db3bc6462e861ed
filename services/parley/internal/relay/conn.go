package relay

import (
	"net"
	"net/netip"
	"time"

	"golang.org/x/time/rate"
)

// conn is a relay's socket. What may not pass is dropped, as the net drops packets.
type conn struct {
	net.PacketConn
	server *Server
	port   uint16
	share  *rate.Limiter // of bytes; nil: no limit
}

// WriteTo implements [net.PacketConn]: a packet of the client's, to a peer.
func (c *conn) WriteTo(b []byte, to net.Addr) (int, error) {
	peer := addrPort(to)
	switch {
	case !c.server.rules.may(peer):
		c.server.metrics.dropped("address")
		return len(b), nil
	case !c.mayTake(len(b)):
		return len(b), nil
	}
	if peer.Addr().Unmap() == c.server.rules.public { // another relay of this host: however its public address is routed
		to = net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, peer.Port()))
	}
	c.server.metrics.relayed(len(b))
	return c.PacketConn.WriteTo(b, to) //nolint:wrapcheck // a socket's error is its own
}

// ReadFrom implements [net.PacketConn]: a packet of a peer's, to the client.
func (c *conn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(b)
		if err != nil {
			return n, from, err //nolint:wrapcheck // a socket's error is its own
		}
		peer := addrPort(from)
		if ip := peer.Addr().Unmap(); c.server.rules.isOwn(ip) {
			peer = netip.AddrPortFrom(c.server.rules.public, peer.Port()) // a relay of this host, or nobody that may
			from = net.UDPAddrFromAddrPort(peer)
		}
		switch {
		case !c.server.rules.may(peer):
			c.server.metrics.dropped("address")
		case c.mayTake(n):
			c.server.metrics.relayed(n)
			return n, from, nil
		}
	}
}

// mayTake reports whether the client's share has room for so many bytes.
func (c *conn) mayTake(n int) bool {
	if c.share == nil || c.share.AllowN(time.Now(), n) {
		return true
	}
	c.server.metrics.dropped("rate")
	return false
}

// Close implements [net.PacketConn].
func (c *conn) Close() error {
	c.server.rules.closed(c.port)
	return c.PacketConn.Close() //nolint:wrapcheck // a socket's error is its own
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
