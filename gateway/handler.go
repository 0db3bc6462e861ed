package gateway

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/parley-rtc/parley/gateway/client"
	"github.com/parley-rtc/parley/gateway/defect"
)

// Handler returns what serves clients over HTTP: /ws, /socket.io/, /parley.js and, where the settings have one, Home at /. It may stand in
// a mux of the caller's, behind middleware that lets connections be hijacked ([http.ResponseController]), over TLS, and under a
// prefix that [http.StripPrefix] takes off. It answers 503 before [Gateway.Run] has reached its work, and after it has ended.
//
// Whoever owns the server
//
//   - sets its ReadHeaderTimeout and IdleTimeout: what is silent before its first request, or between two of them, is not the
//     handler's. ReadTimeout and WriteTimeout do no harm: the handler puts deadlines of its own in their place;
//   - lets it go on until Run has returned, which closes the sockets and answers the polls, and shuts it down then. Shutdown
//     alone knows nothing of WebSockets;
//   - puts [Gateway.Porch] in front of its listener, and ConnState into the server, to bound connections that say nothing.
func (g *Gateway) Handler() http.Handler { return g.front.handler }

func (g *Gateway) newHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/ws", unhurried(g.front.plain))
	mux.Handle("/socket.io/", unhurried(g.front.engine))
	mux.Handle("/socket.io", unhurried(g.front.engine)) // clients with addTrailingSlash: false
	mux.Handle(client.Path, client.Handler())
	if g.cfg.Home != nil {
		mux.Handle("/", g.cfg.Home)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.front.gate.enter() {
			w.Header().Set("Retry-After", "5")
			http.Error(w, "the gateway is not running", http.StatusServiceUnavailable)
			return
		}
		defer g.front.gate.leave()
		defer g.answerDefect(w)
		g.timely(mux).ServeHTTP(w, r)
	})
}

// answerDefect, deferred, answers a request that came upon a defect. It ends that request, and no more.
func (g *Gateway) answerDefect(w http.ResponseWriter) {
	switch p := recover(); p {
	case nil:
	case http.ErrAbortHandler:
		panic(p) // net/http's way to drop a connection
	default:
		err := defect.New("a request over HTTP", p)
		defect.Log(g.log, err)
		http.Error(w, err.Error(), http.StatusInternalServerError) // nothing where the connection was hijacked
	}
}

// unhurried takes away the deadlines that the server may have set: polls are held for as long as a heartbeat.
func unhurried(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.SetWriteDeadline(time.Time{})
		if r.ContentLength == 0 {
			_ = control.SetReadDeadline(time.Time{})
		}
		h.ServeHTTP(w, r)
	})
}

// timely drops who announces a body and does not send it: net/http waits for bodies that a handler leaves unread, for
// ever. A handler that reads one may set a deadline of its own; an upgrade ends this one.
func (g *Gateway) timely(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(g.timing.Body))
		}
		h.ServeHTTP(w, r)
	})
}

// gate lets requests in while the gateway runs, and knows how many are under way.
type gate struct {
	opened chan struct{} // closed once it has been opened

	mu     sync.Mutex // guards the fields below
	isOpen bool
	inside int
	empty  chan struct{} // made by who waits; closed when nobody is inside
}

func newGate() *gate { return &gate{opened: make(chan struct{})} }

// open lets requests in from now on.
func (t *gate) open() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.isOpen = true
	close(t.opened)
}

// enter lets one in, unless the gateway does not run.
func (t *gate) enter() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.isOpen {
		t.inside++
	}
	return t.isOpen
}

func (t *gate) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.inside--; t.inside == 0 && t.empty != nil {
		close(t.empty)
		t.empty = nil
	}
}

// close waits until those who are inside have left, or the context ends, and lets nobody in any more.
func (t *gate) close(ctx context.Context) {
	for {
		t.mu.Lock()
		if t.inside == 0 || ctx.Err() != nil {
			t.isOpen = false
			t.mu.Unlock()
			return
		}
		if t.empty == nil {
			t.empty = make(chan struct{})
		}
		empty := t.empty
		t.mu.Unlock()
		select {
		case <-empty:
		case <-ctx.Done():
		}
	}
}
