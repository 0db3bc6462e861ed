package gateway

import (
	"net/http"
	"slices"
	"strings"
)

// admits returns originAllowed for a transport, which counts whom it turns away.
func (g *Gateway) admits(transport string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		allowed := g.originAllowed(r)
		if !allowed {
			g.refused(transport, reasonOrigin)
		}
		return allowed
	}
}

// originAllowed reports whether a request may come from where it says: from the same host, from an allowed pattern, or
// from no page at all.
func (g *Gateway) originAllowed(r *http.Request) bool {
	header := r.Header.Get("Origin")
	if header == "" {
		return true
	}
	o := parseOrigin(header)
	return slices.ContainsFunc(g.hosts(r), o.of) ||
		slices.ContainsFunc(g.origins, func(p pattern) bool { return p.matches(o) })
}

// hosts lists what the client may have asked for: the host that has arrived and, from a trusted proxy, those that it
// reports, each with the port that it reports when it has none. Of a list the first is the one that the client used.
func (g *Gateway) hosts(r *http.Request) []string {
	hosts := []string{r.Host}
	if !g.trusted(peer(r)) {
		return hosts
	}
	if first := firstOf(r.Header.Get("X-Forwarded-Host")); first != "" {
		hosts = append(hosts, first)
	}
	for _, host := range forwarded(r, "host") {
		if host != "" {
			hosts = append(hosts, host)
			break
		}
	}
	port := firstOf(r.Header.Get("X-Forwarded-Port"))
	if port == "" {
		return hosts
	}
	for _, host := range hosts {
		if _, has := splitHost(host); has == "" {
			hosts = append(hosts, host+":"+port)
		}
	}
	return hosts
}

// firstOf returns the first of a list with commas.
func firstOf(list string) string {
	first, _, _ := strings.Cut(list, ",")
	return strings.TrimSpace(first)
}
