package relay

import (
	"net"
	"net/netip"
	"sync/atomic"
)

// rules say which peers a client may reach through the relay: others' relays here, and public addresses. Never another port of this host,
// and nothing that is not public, in whatever form it is written. They are asked for each packet.
type rules struct {
	public netip.Addr // by which the relays are reached
	own    atomic.Pointer[map[netip.Addr]struct{}]
	ports  [(1 << 16) / 32]atomic.Uint32 // a bit for each that is a relay's
}

func newRules(public netip.Addr) *rules {
	r := &rules{public: public}
	r.look()
	return r
}

// look finds this host's addresses, which may change.
func (r *rules) look() {
	all, err := net.InterfaceAddrs()
	if err != nil && r.own.Load() != nil {
		return // what was known goes on
	}
	own := map[netip.Addr]struct{}{r.public: {}}
	for _, a := range all {
		n, is := a.(*net.IPNet)
		if !is {
			continue
		}
		for _, one := range []net.IP{n.IP, n.IP.Mask(n.Mask), broadcast(n)} { // who answers to all in a network is this host, too
			if ip, ok := netip.AddrFromSlice(one); ok {
				own[ip.Unmap()] = struct{}{}
			}
		}
	}
	r.own.Store(&own)
}

// broadcast returns the address of all in an IPv4 network; nil: there is none.
func broadcast(n *net.IPNet) net.IP {
	ip, mask := n.IP.To4(), n.Mask
	if len(mask) == net.IPv6len {
		mask = mask[net.IPv6len-net.IPv4len:]
	}
	if ip == nil || len(mask) != net.IPv4len {
		return nil
	}
	all := make(net.IP, net.IPv4len)
	for i := range all {
		all[i] = ip[i] | ^mask[i]
	}
	return all
}

func (r *rules) opened(port uint16) { r.ports[port/32].Or(1 << (port % 32)) }

func (r *rules) closed(port uint16) { r.ports[port/32].And(^uint32(1 << (port % 32))) }

// isRelay reports whether a port of this host is a relay's.
func (r *rules) isRelay(port uint16) bool { return r.ports[port/32].Load()&(1<<(port%32)) != 0 }

// isOwn reports whether an address is this host's.
func (r *rules) isOwn(ip netip.Addr) bool {
	_, is := (*r.own.Load())[ip]
	return is || ip.IsLoopback()
}

// mayPermit reports whether a client may ask for packets from an address, whatever their port.
func (r *rules) mayPermit(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip == r.public || !r.isOwn(ip) && isPublic(ip)
}

// may reports whether packets may go to a peer, or come from it.
func (r *rules) may(peer netip.AddrPort) bool {
	ip := peer.Addr().Unmap()
	if r.isOwn(ip) {
		return ip == r.public && r.isRelay(peer.Port())
	}
	return peer.Port() != 0 && isPublic(ip)
}

// reserved are the networks that are not public, after IANA's registries of special purposes; and those in which an IPv4 address is hidden.
var reserved = func() []netip.Prefix {
	list := []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"168.63.129.16/32", // Azure's own services, on each of its machines
		"2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
	}
	out := make([]netip.Prefix, len(list))
	for i, text := range list {
		out[i] = netip.MustParsePrefix(text)
	}
	return out
}()

// global is the one part of IPv6 whose addresses are public. So those that are not (link-local, unique local, multicast, NAT64, mapped and
// compatible ones) need no list.
var global = netip.MustParsePrefix("2000::/3")

func isPublic(ip netip.Addr) bool {
	ip = ip.Unmap()
	if !ip.IsValid() || ip.Zone() != "" || ip.Is6() && !global.Contains(ip) {
		return false
	}
	if ip.Is4() && !suspect[ip.As4()[0]] {
		return true
	}
	for _, p := range reserved {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

// suspect are the first bytes of IPv4 addresses of which some are reserved.
var suspect = func() (out [256]bool) {
	for _, p := range reserved {
		if p.Addr().Is4() {
			first := int(p.Addr().As4()[0])
			for n := range 1 << max(0, 8-p.Bits()) {
				out[first+n] = true
			}
		}
	}
	return out
}()
