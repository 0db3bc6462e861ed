package edge

import (
	"fmt"
	"log/slog"
	"net/http"
	"sync"
)

// Notices says to whom is refused why, and what to do, and to the log once of each.
type Notices struct {
	// Set by NewNotices.
	origins Origins
	log     *slog.Logger

	pages   once // origins that were refused
	hosts   once // proxies that leave out the port
	proxies once // proxies by which it is not known whose a request is
}

// NewNotices returns notices about those whom origins refuses, or whose proxies say nothing of them.
func NewNotices(origins Origins, log *slog.Logger) *Notices {
	return &Notices{origins: origins, log: log}
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

// Forbidden says why an origin was refused, and what to do.
func (n *Notices) Forbidden(r *http.Request) string {
	const enough = 200
	header, proxy := r.Header.Get("Origin"), peer(r).String()
	header = header[:min(len(header), enough)]
	o := parseOrigin(header)
	if host := n.origins.nameOnly(r, o); host != "" {
		if n.hosts.first(proxy) {
			n.log.Warn("a page of the same host is refused: its requests come with a Host that has no port. The proxy has to pass "+
				"it on as it came (nginx: proxy_set_header Host $http_host), or --allow-origin has to name the page's origin",
				"proxy", proxy, "host", host, "origin", header)
		}
		return fmt.Sprintf("pages of %q may not connect, as the request came with the host %q, which has no port: the proxy has to "+
			"pass Host on as it came (nginx: proxy_set_header Host $http_host), or allow the pages with --allow-origin", header, host)
	}
	if n.pages.first(o.text) {
		n.log.Info("pages of another origin are refused: allow them with --allow-origin", "origin", header, "host", r.Host[:min(len(r.Host), enough)])
	}
	return fmt.Sprintf("pages of %q may not connect: allow them with --allow-origin", header)
}

// Unknown says that a request was refused since it is not known whose it is, and what to do. It is asked about Socket.IO 2
// only.
func (n *Notices) Unknown(r *http.Request) string {
	at, how := n.origins.proxies.client(r)
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
	if n.proxies.first(proxy) {
		n.log.Warn("clients of Socket.IO 2 cannot poll, and so never connect: "+what, "proxy", proxy)
	}
	return "Engine.IO 3 is served by WebSocket only, since " + what
}
