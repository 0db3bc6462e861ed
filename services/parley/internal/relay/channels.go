package relay

import (
	"encoding/binary"
	"net/netip"
	"sync"
)

// channels are those of an allocation, both ways.
type channels struct {
	mu      sync.RWMutex // guards the fields below
	peers   map[uint16]netip.AddrPort
	numbers map[netip.AddrPort]uint16
}

func (c *channels) number(peer netip.AddrPort) (uint16, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	number, is := c.numbers[peer]
	return number, is
}

func (c *channels) peer(number uint16) (netip.AddrPort, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	peer, is := c.peers[number]
	return peer, is
}

// bound is told that a channel leads to a peer.
func (c *channels) bound(number uint16, peer netip.AddrPort) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.peers == nil {
		c.peers, c.numbers = map[uint16]netip.AddrPort{}, map[netip.AddrPort]uint16{}
	}
	c.peers[number], c.numbers[peer] = peer, number
}

// unbound is told that a channel is no more.
func (c *channels) unbound(number uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.numbers, c.peers[number])
	delete(c.peers, number)
}

// header is that of a packet that goes by a channel: its number, and the length of what follows (RFC 8656, 12.4).
const header = 4

// passes sends a client's packet on to the peer of its channel, or reports that it is for none.
func (c *conn) passes(b []byte) bool {
	if len(b) < header || b[0]>>6 != 1 {
		return false
	}
	peer, is := c.channels.peer(binary.BigEndian.Uint16(b))
	end := header + int(binary.BigEndian.Uint16(b[2:]))
	if !is || end > len(b) {
		return false
	}
	_ = c.send(b[header:end], peer)
	return true
}
