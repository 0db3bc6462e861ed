package gateway

import (
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
)

// admits returns originAllowed for a transport, which counts whom it turns away.
func (g *Gateway) admits(transport string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		allowed := g.originAllowed(r)
		if !allowed {
			g.metrics.connections.WithLabelValues(transport, "refused").Inc()
		}
		return allowed
	}
}

// originAllowed reports whether a request may come from where it says: from the same host, from an allowed pattern, or
// from no page at all.
func (g *Gateway) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	if sameHost(u, r.Host) {
		return true
	}
	if forwarded := r.Header.Get("X-Forwarded-Host"); forwarded != "" && g.trusted(peer(r)) && sameHost(u, forwarded) {
		return true
	}
	for _, pattern := range g.cfg.AllowOrigins {
		subject := u.Host
		if strings.Contains(pattern, "://") || u.Host == "" {
			subject = origin
		}
		if ok, _ := path.Match(strings.ToLower(pattern), strings.ToLower(subject)); ok {
			return true
		}
	}
	return false
}

// sameHost reports whether an origin is of that host and port. Browsers leave out the port that a scheme has anyway; some
// proxies write it.
func sameHost(origin *url.URL, host string) bool {
	standard := map[string]string{"http": ":80", "https": ":443"}[origin.Scheme]
	return origin.Host != "" &&
		strings.EqualFold(strings.TrimSuffix(origin.Host, standard), strings.TrimSuffix(host, standard))
}

// address returns the client's address: the peer's, or behind trusted proxies the one that they report. It is direct
// unless it came through a proxy whose word does not count.
func (g *Gateway) address(r *http.Request) (address string, direct bool) {
	at := peer(r)
	hops := forwardedFor(r)
	if len(hops) == 0 && proxied(r) && !g.trusted(at) {
		return at.String(), false
	}
	for _, hop := range slices.Backward(hops) {
		if !g.trusted(at) {
			return at.String(), false
		}
		next, err := netip.ParseAddr(hop)
		if err != nil {
			return at.String(), false
		}
		at = next.Unmap()
	}
	return at.String(), true
}

// proxied reports whether a proxy shows in what it adds beside the client's address, or instead of it.
func proxied(r *http.Request) bool {
	for name := range r.Header {
		switch name {
		case "Via", "Forwarded", "X-Real-Ip":
			return true
		}
		if strings.HasPrefix(name, "X-Forwarded-") {
			return true
		}
	}
	return false
}

// forwardedFor lists the addresses that proxies have reported, the client's own first.
func forwardedFor(r *http.Request) []string {
	var hops []string
	for _, line := range r.Header.Values("X-Forwarded-For") {
		for hop := range strings.SplitSeq(line, ",") {
			hops = append(hops, stripPort(strings.TrimSpace(hop)))
		}
	}
	if len(hops) > 0 {
		return hops
	}
	for _, line := range r.Header.Values("Forwarded") {
		for element := range strings.SplitSeq(line, ",") {
			for pair := range strings.SplitSeq(element, ";") {
				name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
				if strings.EqualFold(name, "for") {
					hops = append(hops, stripPort(strings.Trim(value, `"`)))
				}
			}
		}
	}
	return hops
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

func (g *Gateway) trusted(a netip.Addr) bool {
	for _, p := range g.proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
