package relay

import (
	"encoding/binary"
	"maps"
	"net/netip"
)

// channels are those of an allocation, both ways. They are not changed, but replaced.
type channels struct {
	peers   map[uint16]netip.AddrPort
	numbers map[netip.AddrPort]uint16
}

// header is that of a packet that goes by a channel: its number, and the length of what follows (RFC 8656, 12.4).
const header = 4

// bound is told that a channel leads to a peer; pion holds a lock, so no two are told at the same time.
func (c *conn) bound(number uint16, peer netip.AddrPort) {
	now := c.channels.Load()
	next := &channels{maps.Clone(now.peers), maps.Clone(now.numbers)}
	if next.peers == nil {
		next.peers, next.numbers = map[uint16]netip.AddrPort{}, map[netip.AddrPort]uint16{}
	}
	next.peers[number], next.numbers[peer] = peer, number
	c.channels.Store(next)
}

// unbound is told that a channel is no more.
func (c *conn) unbound(number uint16) {
	now := c.channels.Load()
	next := &channels{maps.Clone(now.peers), maps.Clone(now.numbers)}
	delete(next.numbers, now.peers[number])
	delete(next.peers, number)
	c.channels.Store(next)
}

// passes sends a client's packet on to the peer of its channel, or reports that it is for none.
func (c *conn) passes(b []byte) bool {
	if len(b) < header || b[0]>>6 != 1 {
		return false
	}
	peer, is := c.channels.Load().peers[binary.BigEndian.Uint16(b)]
	end := header + int(binary.BigEndian.Uint16(b[2:]))
	if !is || end > len(b) {
		return false
	}
	_ = c.send(b[header:end], peer)
	return true
}
