package edge

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Origins judges from which pages a request may come: from the same host, from an allowed pattern, or from no page at all.
type Origins struct {
	proxies Proxies
	allowed []pattern
}

// ParseOrigins reads patterns: hosts or origins, as [path.Match] has them. Proxies say which host a client has asked for.
func ParseOrigins(patterns []string, proxies Proxies) (Origins, error) {
	o := Origins{proxies: proxies}
	for _, text := range patterns {
		p, err := parsePattern(text)
		if err != nil {
			return Origins{}, fmt.Errorf("allowed origin %q %w", text, err)
		}
		o.allowed = append(o.allowed, p)
	}
	return o, nil
}

// Allow reports whether a request may come from where its header Origin says.
func (o Origins) Allow(r *http.Request) bool {
	header := r.Header.Get("Origin")
	if header == "" {
		return true
	}
	from := parseOrigin(header)
	return slices.ContainsFunc(o.proxies.hosts(r), from.of) ||
		slices.ContainsFunc(o.allowed, func(p pattern) bool { return p.matches(from) })
}

// nameOnly returns the host that a request came to when it is the origin's, but for the port, which it lacks.
func (o Origins) nameOnly(r *http.Request, from origin) string {
	for _, host := range o.proxies.hosts(r) {
		if name, port := splitHost(strings.ToLower(host)); from.host != "" && name == from.host && port == "" {
			return host
		}
	}
	return ""
}

// hosts lists what the client may have asked for: the host that has arrived and, from a trusted proxy, those that it
// reports, each with the port that it reports when it has none. Of a list the first is the one that the client used.
func (p Proxies) hosts(r *http.Request) []string {
	hosts := []string{r.Host}
	if !p.Trust(peer(r)) {
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
