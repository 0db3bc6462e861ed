package gateway_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-rtc/parley/gateway"
	"github.com/parley-rtc/parley/gateway/internal/inside"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// wrapped is what middleware makes of a ResponseWriter.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// guest is a gateway in a server that is somebody else's: over TLS, under a prefix, behind middleware, with time-outs.
type guest struct {
	t       *testing.T
	g       *gateway.Gateway
	reg     *prometheus.Registry
	server  *httptest.Server
	leave   context.CancelFunc
	done    chan struct{}
	err     error // of Run, valid once done
	running sync.WaitGroup
}

// strict is how long the server lets a request and its answer take, and a TLS handshake.
const strict = time.Second

func newGuest(t *testing.T) *guest {
	t.Helper()
	n := testkit.StartNATS(t)
	x := &guest{t: t, reg: prometheus.NewRegistry(), done: make(chan struct{})}
	var err error
	x.g, err = gateway.New(gateway.Config{
		Servers: n.URL(), Options: n.Options(), Drain: 2 * time.Second,
		Home: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "home") }),
	}, nil, x.reg)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/rtc/", http.StripPrefix("/rtc", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x.g.Handler().ServeHTTP(wrapped{w}, r)
	})))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "somebody else's") })
	x.server = httptest.NewUnstartedServer(mux)
	x.server.EnableHTTP2 = true
	x.server.Config.ReadTimeout, x.server.Config.WriteTimeout = strict, strict
	standing := x.g.Porch(x.server.Listener)
	x.server.Listener, x.server.Config.ConnState = standing, standing.ConnState
	x.server.StartTLS()
	t.Cleanup(x.server.Close)
	return x
}

// run runs the gateway until leave is called, or the test ends.
func (x *guest) run() {
	x.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	x.leave = cancel
	x.running.Go(func() { defer close(x.done); x.err = x.g.Run(ctx) })
	x.t.Cleanup(func() { cancel(); x.running.Wait() })
	testkit.WaitFor(x.t, "the gateway", inside.Of(x.g).Up)
}

func (x *guest) get(path string) httpReply {
	x.t.Helper()
	got, err := x.tryGet(path)
	if err != nil {
		x.t.Fatal(err)
	}
	return got
}

func (x *guest) tryGet(path string) (httpReply, error) {
	r, err := http.NewRequestWithContext(x.t.Context(), http.MethodGet, x.server.URL+path, nil)
	if err != nil {
		return httpReply{}, err
	}
	res, err := x.server.Client().Do(r)
	if err != nil {
		return httpReply{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return httpReply{res.StatusCode, string(b)}, err
}

// dial opens a plain socket. Its server speaks HTTP/2 too, which a browser does not choose for a WebSocket.
func (x *guest) dial() (*websocket.Conn, int) {
	x.t.Helper()
	tls := x.server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	tls.NextProtos = []string{"http/1.1"}
	transport := &http.Transport{TLSClientConfig: tls}
	x.t.Cleanup(transport.CloseIdleConnections)
	ws, res, err := websocket.Dial(x.t.Context(), strings.Replace(x.server.URL, "https", "wss", 1)+"/rtc/ws", &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport},
	})
	if res == nil {
		x.t.Fatal(err)
	}
	if err != nil {
		return nil, res.StatusCode
	}
	x.t.Cleanup(func() { _ = ws.CloseNow() })
	return ws, res.StatusCode
}

// TestAGatewayServesInSomebodysOwnServer: in its mux, under a prefix, over TLS and HTTP/2, behind middleware.
func TestAGatewayServesInSomebodysOwnServer(t *testing.T) {
	t.Parallel()
	x := newGuest(t)
	const poll = "/rtc/socket.io/?EIO=4&transport=polling"
	if _, status := x.dial(); status != http.StatusServiceUnavailable {
		t.Errorf("before Run a socket was answered %d", status)
	}
	if got := x.get(poll); got.status != http.StatusServiceUnavailable {
		t.Errorf("before Run a poll was answered %+v", got)
	}
	x.run()
	if got := x.get("/rtc/"); got.body != "home" {
		t.Errorf("the page is %+v", got)
	}
	if got := x.get("/"); got.body != "somebody else's" {
		t.Errorf("beside the gateway stands %+v", got)
	}
	ws, _ := x.dial()
	if ws == nil {
		t.Fatal("a socket is not let in")
	}
	if _, b, err := ws.Read(t.Context()); err != nil || !strings.Contains(string(b), string(proto.Connected)) {
		t.Fatalf("heard %s, %v", b, err)
	}
	_, rest, _ := strings.Cut(x.get(poll).body, `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	if sid == "" {
		t.Fatal("a poll is not let in")
	}
	type result struct {
		httpReply
		err error
	}
	polled := make(chan result, 1)
	x.running.Go(func() {
		got, err := x.tryGet(poll + "&sid=" + sid)
		polled <- result{got, err}
	})
	testkit.WaitFor(t, "a poll to wait", func() bool { return inside.Of(x.g).Requests() == 1 })
	select {
	case got := <-polled:
		t.Fatalf("the poll ended: %+v", got)
	case <-time.After(2 * strict): // a heartbeat later than the server's own time-outs, made short
	}

	x.leave()
	if _, _, err := ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the socket ended with %v", err)
	}
	if got := <-polled; got.err != nil || got.status != http.StatusOK || got.body != "1" {
		t.Errorf("the poll was answered %+v", got)
	}
	<-x.done
	if x.err != nil {
		t.Errorf("Run ended with %v", x.err)
	}
	if _, status := x.dial(); status != http.StatusServiceUnavailable {
		t.Errorf("after Run a socket was answered %d", status)
	}
	if got := x.get("/"); got.body != "somebody else's" {
		t.Errorf("the server itself answers %+v", got)
	}
}
