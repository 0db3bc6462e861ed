package gateway

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// Why a connection is refused: the values of the label reason.
const (
	reasonDraining = "draining"
	reasonLimit    = "limit"
	reasonOrigin   = "origin"
	reasonProxy    = "proxy" // it has to be known whose request it is, and no proxy says so that is trusted
)

// refused counts a connection that was.
func (g *Gateway) refused(transport, reason string) {
	g.metrics.connections.WithLabelValues(transport, "refused").Inc()
	g.metrics.refusals.WithLabelValues(reason).Inc()
}

// told is of what the log has told already.
type told struct {
	origins once // that were refused
	hosts   once // proxies that leave out the port
	proxies once // by which it is not known whose a request is
}

// mostTold bounds a once. Whoever makes up more is counted all the same, and fills neither memory nor log.
const mostTold = 256

// once lets each thing be told once.
type once struct {
	mu    sync.Mutex // guards the field below
	knows map[string]struct{}
}

// first reports whether something is to be told.
func (o *once) first(what string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, before := o.knows[what]; before || len(o.knows) >= mostTold {
		return false
	}
	if o.knows == nil {
		o.knows = make(map[string]struct{})
	}
	o.knows[what] = struct{}{}
	return true
}

// forbidden says why an origin was refused, and what to do.
func (g *Gateway) forbidden(r *http.Request) string {
	const enough = 200
	header, proxy := r.Header.Get("Origin"), peer(r).String()
	header = header[:min(len(header), enough)]
	o := parseOrigin(header)
	if host := g.nameOnly(r, o); host != "" {
		if g.told.hosts.first(proxy) {
			g.log.Warn("a page of the same host is refused: its requests come with a Host that has no port. The proxy has to pass "+
				"it on as it came (nginx: proxy_set_header Host $http_host), or --allow-origin has to name the page's origin",
				"proxy", proxy, "host", host, "origin", header)
		}
		return fmt.Sprintf("pages of %q may not connect, as the request came with the host %q, which has no port: the proxy has to "+
			"pass Host on as it came (nginx: proxy_set_header Host $http_host), or allow the pages with --allow-origin", header, host)
	}
	if g.told.origins.first(o.text) {
		g.log.Info("pages of another origin are refused: allow them with --allow-origin", "origin", header, "host", r.Host[:min(len(r.Host), enough)])
	}
	return fmt.Sprintf("pages of %q may not connect: allow them with --allow-origin", header)
}

// nameOnly returns the host that a request came to when it is the origin's, but for the port, which it lacks.
func (g *Gateway) nameOnly(r *http.Request, o origin) string {
	for _, host := range g.hosts(r) {
		if name, port := splitHost(strings.ToLower(host)); o.host != "" && name == o.host && port == "" {
			return host
		}
	}
	return ""
}

// unknown counts and says that a request was refused since it is not known whose it is, and what to do. It is asked about
// Socket.IO 2 only.
func (g *Gateway) unknown(r *http.Request) string {
	g.refused(transportSocketIO, reasonProxy)
	at, how := g.client(r)
	proxy := at.String()
	var what string
	switch how {
	case unnamedProxy:
		what = fmt.Sprintf("the proxy %s is not named with --trusted-proxy", proxy)
	case contradictions:
		what = fmt.Sprintf("what the trusted proxy %s passes on in X-Forwarded-For, Forwarded and X-Real-IP does not agree: "+
			"it has to set or drop each of them", proxy)
	case silentProxy, direct:
		what = fmt.Sprintf("the trusted proxy %s does not report a client's address: it has to set X-Forwarded-For, Forwarded "+
			"or X-Real-IP", proxy)
	}
	if g.told.proxies.first(proxy) {
		g.log.Warn("clients of Socket.IO 2 cannot poll, and so never connect: "+what, "proxy", proxy)
	}
	return "Engine.IO 3 is served by WebSocket only, since " + what
}
