package socketio

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/parley-rtc/parley/gateway/edge"
	"github.com/parley-rtc/parley/proto"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a server under test, and the clients that tests speak to it with.
type world struct {
	t     *testing.T
	srv   *Server
	rooms *rooms
	url   string
	http  *http.Client
	addr  *addresses
}

// addresses lets a test say where requests come from.
type addresses struct {
	mu       sync.Mutex
	address  string
	indirect bool
}

func (a *addresses) of(*http.Request) (string, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.address, !a.indirect
}

func (a *addresses) set(address string, direct bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.address, a.indirect = address, !direct
}

func newWorld(t *testing.T, cfg Config) *world {
	t.Helper()
	return newWorldOn(t, cfg, newRooms())
}

func newWorldOn(t *testing.T, cfg Config, r *rooms) *world {
	t.Helper()
	w := &world{t: t, rooms: r, addr: &addresses{address: "192.0.2.1"}}
	cfg.Open = r.open
	if cfg.Door == nil {
		cfg.Door = unbounded()
	}
	if cfg.Gateway == "" {
		cfg.Gateway = proto.NewGatewayID()
	}
	if cfg.Address == nil {
		cfg.Address = w.addr.of
	}
	w.srv = New(cfg, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = w.srv.Run(ctx) })
	web := httptest.NewServer(w.srv)
	w.url = web.URL
	transport := &http.Transport{}
	w.http = &http.Client{Transport: transport}
	t.Cleanup(func() {
		cancel()
		running.Wait()
		transport.CloseIdleConnections()
		web.Close()
		r.wg.Wait()
	})
	return w
}

func unbounded() *edge.Door { return bounded(edge.None, edge.None) }

// bounded is a door for so many connections, and so many from one address.
func bounded(all, address int) *edge.Door {
	return edge.NewDoor(edge.Limits{MaxConns: all, MaxConnsPerAddress: address, IPv6Prefix: 64})
}

// reply is the answer to an HTTP request.
type reply struct {
	status int
	kind   string
	body   string
	header http.Header
}

func (w *world) do(ctx context.Context, method, query, body string, header http.Header) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, method, w.url+"/socket.io/?"+query, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if header != nil {
		req.Header = header
	}
	if method == http.MethodPost && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	}
	res, err := w.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header.Get("Content-Type"), string(b), res.Header}, err
}

func (w *world) get(query string) reply {
	w.t.Helper()
	return w.must(http.MethodGet, query, "", nil)
}

func (w *world) post(query, body string) reply {
	w.t.Helper()
	return w.must(http.MethodPost, query, body, nil)
}

func (w *world) must(method, query, body string, header http.Header) reply {
	w.t.Helper()
	got, err := w.do(w.t.Context(), method, query, body, header)
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

// want fails the test unless the answer is that one.
func (r reply) want(t *testing.T, status int, body string) {
	t.Helper()
	if r.status != status || r.body != body {
		t.Fatalf("got %d %q, want %d %q", r.status, r.body, status, body)
	}
}

// open opens a session on polling and returns its query; of revision 4 its client is not yet connected.
func (w *world) open(revision string) (query string) {
	w.t.Helper()
	return w.openWith(revision, nil)
}

func (w *world) openWith(revision string, header http.Header) (query string) {
	w.t.Helper()
	got := w.must(http.MethodGet, "EIO="+revision+"&transport=polling", "", header)
	_, rest, ok := strings.Cut(got.body, `{"sid":"`)
	if got.status != http.StatusOK || !ok {
		w.t.Fatalf("open: %d %q", got.status, got.body)
	}
	sid, _, _ := strings.Cut(rest, `"`)
	return "EIO=" + revision + "&transport=polling&sid=" + sid
}

// join opens a session of revision 4 on polling whose client is connected.
func (w *world) join() (query string) {
	w.t.Helper()
	query = w.open("4")
	w.post(query, "40").want(w.t, http.StatusOK, "ok")
	if got := w.get(query); !strings.HasPrefix(got.body, `40{"sid":"`) {
		w.t.Fatalf("connect: %q", got.body)
	}
	return query
}

// socket is a client's end of a WebSocket.
type socket struct {
	t  *testing.T
	ws *websocket.Conn
}

func (w *world) dial(query string) *socket {
	w.t.Helper()
	s, res, err := w.tryDial(query)
	if err != nil {
		w.t.Fatal(err, res)
	}
	return s
}

func (w *world) tryDial(query string) (*socket, reply, error) {
	ws, res, err := websocket.Dial(w.t.Context(), w.url+"/socket.io/?"+query, &websocket.DialOptions{HTTPClient: w.http})
	if err != nil {
		if res == nil {
			return nil, reply{}, err
		}
		b, _ := io.ReadAll(res.Body)
		return nil, reply{status: res.StatusCode, body: string(b)}, err
	}
	ws.SetReadLimit(-1)
	w.t.Cleanup(func() { _ = ws.CloseNow() })
	return &socket{w.t, ws}, reply{}, nil
}

// joinSocket opens a session of revision 4 on a WebSocket whose client is connected.
func (w *world) joinSocket() *socket {
	w.t.Helper()
	s := w.dial("EIO=4&transport=websocket")
	s.wantPrefix(`0{"sid":"`)
	s.send("40")
	s.wantPrefix(`40{"sid":"`)
	return s
}

func (s *socket) send(text string) {
	s.t.Helper()
	if err := s.ws.Write(s.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		s.t.Fatal(err)
	}
}

// sendBinary sends a binary message.
func (s *socket) sendBinary(b []byte) {
	s.t.Helper()
	if err := s.ws.Write(s.t.Context(), websocket.MessageBinary, b); err != nil {
		s.t.Fatal(err)
	}
}

func (s *socket) next() (string, error) {
	_, b, err := s.ws.Read(s.t.Context())
	return string(b), err
}

func (s *socket) want(text string) {
	s.t.Helper()
	got, err := s.next()
	if err != nil || got != text {
		s.t.Fatalf("got %q, %v; want %q", got, err, text)
	}
}

func (s *socket) wantPrefix(text string) string {
	s.t.Helper()
	got, err := s.next()
	if err != nil || !strings.HasPrefix(got, text) {
		s.t.Fatalf("got %q, %v; want %q…", got, err, text)
	}
	return got
}

// wantClosed fails the test unless the server closes the connection with that code.
func (s *socket) wantClosed(code websocket.StatusCode, reason string) {
	s.t.Helper()
	for {
		_, err := s.next()
		if err == nil {
			continue
		}
		if got := websocket.CloseStatus(err); got != code || !strings.Contains(err.Error(), reason) {
			s.t.Fatalf("closed with %d (%v), want %d %q", got, err, code, reason)
		}
		return
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("never: " + what)
		}
	}
}
