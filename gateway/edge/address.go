package edge

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// way is how a request came, and so whether it is known whose it is.
type way int

const (
	direct         way = iota // or through trusted proxies, which say whose it is
	unnamedProxy              // it came through a proxy that is not trusted
	silentProxy               // a trusted proxy does not say from whom it has it
	contradictions            // trusted proxies do not agree: one header is the client's own, perhaps
)

// Proxies are the networks of those whose word on a client's address, and on the host that it asked for, counts.
type Proxies []netip.Prefix

// ParseProxies reads addresses and networks.
func ParseProxies(list []string) (Proxies, error) {
	var p Proxies
	for _, text := range list {
		network, err := parseProxy(text)
		if err != nil {
			return nil, fmt.Errorf("trusted proxy %q: an address or a network, such as 10.0.0.0/8, is needed", text)
		}
		p = append(p, network)
	}
	return p, nil
}

// Address returns a client's address: the peer's, or behind trusted proxies the one that they report. Where that is not
// known, it is that of the nearest proxy which may have it from anybody.
func (p Proxies) Address(r *http.Request) (address string, known bool) {
	at, how := p.client(r)
	return at.String(), how == direct
}

// client finds the client's address. A trusted proxy reports it in X-Forwarded-For, Forwarded or X-Real-IP, and may pass on
// what the client itself has put into those that it does not set. So all that are there have to agree.
func (p Proxies) client(r *http.Request) (netip.Addr, way) {
	nearest := peer(r)
	switch {
	case !p.Trust(nearest) && proxied(r):
		return nearest, unnamedProxy
	case !p.Trust(nearest):
		return nearest, direct
	}
	at, how := nearest, silentProxy
	var passed []netip.Addr // who is named on the way there
	listed := false
	for _, hops := range [][]string{forwardedFor(r), forwarded(r, "for")} {
		if len(hops) == 0 {
			continue
		}
		to, through, so := p.follow(nearest, hops)
		switch {
		case !listed:
			at, how, listed = to, so, true
		case to != at:
			return nearest, contradictions
		default:
			how = max(how, so)
		}
		passed = append(passed, through...)
	}
	shown, there, ok := realIP(r)
	switch {
	case !there:
		return at, how
	case !ok:
		return nearest, contradictions
	case !listed:
		return shown, direct
	case !slices.Contains(passed, shown): // the nearest proxy shows its peer, or the client
		return nearest, contradictions
	}
	return at, how
}

// follow goes from the nearest proxy back over the hops that are reported, as long as who reports them is trusted.
func (p Proxies) follow(nearest netip.Addr, hops []string) (at netip.Addr, passed []netip.Addr, how way) {
	at = nearest
	for _, hop := range slices.Backward(hops) {
		if !p.Trust(at) {
			return at, passed, unnamedProxy
		}
		next, err := netip.ParseAddr(hop)
		if err != nil {
			return at, passed, silentProxy
		}
		at = next.Unmap()
		passed = append(passed, at)
	}
	return at, passed, direct
}

// proxied reports whether a proxy shows in what it adds: the client's address, or something beside it.
func proxied(r *http.Request) bool {
	for name := range r.Header {
		switch name {
		case "Via", "Forwarded", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip", "Cdn-Loop",
			"Cf-Connecting-Ip", "Fastly-Client-Ip", "X-Envoy-External-Address", "X-Original-Forwarded-For":
			return true
		}
		if strings.HasPrefix(name, "X-Forwarded-") {
			return true
		}
	}
	return false
}

// forwardedFor lists the addresses in X-Forwarded-For, the client's own first.
func forwardedFor(r *http.Request) []string {
	var hops []string
	for _, line := range r.Header.Values("X-Forwarded-For") {
		for hop := range strings.SplitSeq(line, ",") {
			hops = append(hops, stripPort(strings.TrimSpace(hop)))
		}
	}
	return hops
}

// forwarded lists what the elements of the header Forwarded say under a name (RFC 7239), the one nearest to the client
// first: without a port where that is for. It is nil when none says anything, and else empty for those that do not.
func forwarded(r *http.Request, name string) []string {
	var values []string
	said := false
	for _, line := range r.Header.Values("Forwarded") {
		for element := range strings.SplitSeq(line, ",") {
			value := ""
			for pair := range strings.SplitSeq(element, ";") {
				key, v, _ := strings.Cut(strings.TrimSpace(pair), "=")
				if strings.EqualFold(strings.TrimSpace(key), name) {
					value, said = strings.Trim(strings.TrimSpace(v), `"`), true
				}
			}
			if name == "for" {
				value = stripPort(value)
			}
			values = append(values, value)
		}
	}
	if !said {
		return nil
	}
	return values
}

// realIP returns the address in X-Real-IP. It is not ok when that is none, or stands there twice and differs.
func realIP(r *http.Request) (at netip.Addr, there, ok bool) {
	for _, line := range r.Header.Values("X-Real-Ip") {
		a, err := netip.ParseAddr(stripPort(strings.TrimSpace(line)))
		if err != nil || there && a.Unmap() != at {
			return netip.Addr{}, true, false
		}
		at, there = a.Unmap(), true
	}
	return at, there, true
}

// stripPort returns the address of "192.0.2.1:80" or "[2001:db8::1]:80".
func stripPort(s string) string {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().String()
	}
	return strings.Trim(s, "[]")
}

// peer returns the address at the other end of the connection.
func peer(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

// Trust reports whether an address is a trusted proxy's. A zone is left out of account: it names an interface
// of this machine, which a network that is set does not.
func (p Proxies) Trust(a netip.Addr) bool {
	a = a.WithZone("")
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(a) })
}

// parseProxy reads an address or a network. IPv4 within IPv6 is IPv4, as peers are.
func parseProxy(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if a := p.Addr(); err == nil && a.Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(a.Unmap(), p.Bits()-96), nil
	}
	return p, err // the caller says what is wanted
}

// embedded is where IPv4 addresses stand in IPv6 that a translator made (RFC 6052): each is a client of its own.
var embedded = netip.MustParsePrefix("64:ff9b::/96")

// counted returns what an address counts as for the limit of connections: of IPv6 the network in which one client has all
// addresses, as a rule a /64. Link-local addresses share one though they are of many machines.
func (l Limits) counted(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Is4() || a.IsLoopback() || a.IsLinkLocalUnicast() || embedded.Contains(a) {
		return address
	}
	network, err := a.WithZone("").Prefix(min(l.IPv6Prefix, a.BitLen()))
	if err != nil {
		return address
	}
	return network.String()
}
