package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/parley-rtc/parley/gateway"
)

// logbook keeps what is logged from info on.
type logbook struct {
	mu   sync.Mutex // guards the field below
	text bytes.Buffer
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// lines returns those with a text in them.
func (l *logbook) lines(with string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, with) {
			found = append(found, line)
		}
	}
	return found
}

// newLoggedWorld is newWorld with a log.
func newLoggedWorld(t *testing.T, cfg gateway.Config) (*world, *logbook) {
	t.Helper()
	l := &logbook{}
	w := newWorld(t, worldOptions{config: cfg, log: slog.New(slog.NewTextHandler(l, nil))})
	return w, l
}

// httpReply is the answer to a request over HTTP.
type httpReply struct {
	status int
	body   string
}

// asks sends a GET. A header "Host" is the request's.
func (w *world) asks(path string, header http.Header) httpReply {
	w.t.Helper()
	return w.sends(http.MethodGet, path, header, "")
}

func (w *world) sends(method, path string, header http.Header, body string) httpReply {
	w.t.Helper()
	base := "http" + strings.TrimSuffix(strings.TrimPrefix(w.url, "ws"), "/ws")
	r, err := http.NewRequestWithContext(w.t.Context(), method, base+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	r.Host = r.Header.Get("Host")
	r.Close = true
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return httpReply{res.StatusCode, string(b)}
}

// polled opens a Socket.IO session by polling.
func (w *world) polled(query string, header http.Header) httpReply {
	w.t.Helper()
	return w.asks("/socket.io/?transport=polling&"+query, header)
}

func TestAProxyByWhichClientsOfSocketIO2CannotConnectIsToldOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg    gateway.Config
		header http.Header
		says   []string
	}{
		"not named": {
			gateway.Config{}, http.Header{"X-Forwarded-For": {"203.0.113.5"}}, []string{"proxy 127.0.0.1 ", "--trusted-proxy"},
		},
		"silent": {
			gateway.Config{TrustedProxies: []string{"127.0.0.1"}}, http.Header{}, []string{"proxy 127.0.0.1 ", "X-Forwarded-For"},
		},
		"another behind it": {
			gateway.Config{TrustedProxies: []string{"127.0.0.1"}},
			http.Header{"X-Forwarded-For": {"203.0.113.5, 198.51.100.7"}},
			[]string{"proxy 198.51.100.7 ", "--trusted-proxy"},
		},
		"two that differ": {
			gateway.Config{TrustedProxies: []string{"127.0.0.1"}},
			http.Header{"X-Forwarded-For": {"203.0.113.5"}, "X-Real-Ip": {"203.0.113.6"}},
			[]string{"proxy 127.0.0.1 ", "X-Real-IP"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, log := newLoggedWorld(t, c.cfg)
			for range 3 {
				got := w.polled("EIO=3", c.header.Clone())
				if got.status != 400 || !strings.HasPrefix(got.body, `{"code":0,"message":"Transport unknown: `) {
					t.Fatalf("answered %+v", got)
				}
				for _, part := range c.says {
					if !strings.Contains(got.body, part) {
						t.Errorf("the answer %q does not say %q", got.body, part)
					}
				}
			}
			lines := log.lines("Socket.IO 2")
			if len(lines) != 1 || !strings.Contains(lines[0], "level=WARN") {
				t.Fatalf("logged %q", lines)
			}
			for _, part := range c.says {
				if !strings.Contains(lines[0], part) {
					t.Errorf("the log's %q does not say %q", lines[0], part)
				}
			}
			if w.count("parley_gateway_refusals_total") != 3 || w.count("parley_gateway_connections_total") != 3 {
				t.Errorf("counted %v and %v", w.count("parley_gateway_refusals_total"), w.count("parley_gateway_connections_total"))
			}
			if got := w.polled("EIO=4", c.header.Clone()); got.status != 200 {
				t.Errorf("a client 4 was answered %+v", got)
			}
		})
	}
}

func TestAHostWithoutItsPortIsSaidWhereItIsRefused(t *testing.T) {
	t.Parallel()
	w, log := newLoggedWorld(t, gateway.Config{})
	header := func() http.Header {
		return http.Header{"Host": {"app.example"}, "Origin": {"http://app.example:8080"}}
	}
	for range 2 {
		for path, prefix := range map[string]string{"/ws": "pages", "/socket.io/?EIO=4&transport=polling": `{"code":4,"message":"Forbidden: pages`} {
			got := w.asks(path, header())
			if got.status != 403 || !strings.HasPrefix(got.body, prefix) || !strings.Contains(got.body, "$http_host") ||
				!strings.Contains(got.body, "app.example") {
				t.Errorf("%s: %+v", path, got)
			}
		}
	}
	if lines := log.lines("$http_host"); len(lines) != 1 || !strings.Contains(lines[0], "proxy=127.0.0.1") {
		t.Errorf("logged %q", lines)
	}
	for _, host := range []string{"app.example:81", "other.example"} {
		h := header()
		h.Set("Host", host)
		if got := w.asks("/ws", h); got.status != 403 || strings.Contains(got.body, "$http_host") || !strings.Contains(got.body, "--allow-origin") {
			t.Errorf("%s: %+v", host, got)
		}
	}
	if w.count("parley_gateway_refusals_total") != 6 {
		t.Errorf("%v refusals are counted", w.count("parley_gateway_refusals_total"))
	}
}

// mostNotices is how many origins are named in the log at most.
const mostNotices = 256

// TestWhatIsMadeUpFillsNoLog: anybody may send any Origin.
func TestWhatIsMadeUpFillsNoLog(t *testing.T) {
	t.Parallel()
	w, log := newLoggedWorld(t, gateway.Config{})
	for i := range mostNotices + 50 {
		w.asks("/ws", http.Header{"Origin": {fmt.Sprintf("https://%d.example/%s", i, strings.Repeat("x", 8000))}})
	}
	lines := log.lines("pages of another origin")
	if len(lines) != mostNotices {
		t.Errorf("%d lines were logged", len(lines))
	}
	for _, line := range lines {
		if len(line) > 1000 {
			t.Fatalf("a line of %d bytes", len(line))
		}
	}
	w.polled("EIO=3", http.Header{"Via": {"x"}})
	if len(log.lines("Socket.IO 2")) != 1 {
		t.Error("what was made up hides a proxy")
	}
}

// TestClientsBehindAProxyAreToldApart: by X-Real-IP as by X-Forwarded-For, and who is not reported has no say
// about sessions of revision 3.
func TestClientsBehindAProxyAreToldApart(t *testing.T) {
	t.Parallel()
	w, _ := newLoggedWorld(t, gateway.Config{TrustedProxies: []string{"127.0.0.1"}})
	for _, name := range []string{"X-Real-Ip", "X-Forwarded-For"} {
		own, other := http.Header{name: {"203.0.113.5"}}, http.Header{name: {"203.0.113.6"}}
		got := w.polled("EIO=3", own.Clone())
		_, rest, _ := strings.Cut(got.body, `"sid":"`)
		sid, _, _ := strings.Cut(rest, `"`)
		if got.status != 200 || sid == "" {
			t.Fatalf("%s: %+v", name, got)
		}
		post := func(header http.Header) httpReply {
			return w.sends(http.MethodPost, "/socket.io/?transport=polling&EIO=3&sid="+sid, header.Clone(), "1:2")
		}
		for _, header := range []http.Header{other, {}, {name: {"rubbish"}}, {"X-Real-Ip": {"203.0.113.5"}, "X-Forwarded-For": {"203.0.113.6"}}} {
			if got := post(header); got.status != 400 {
				t.Errorf("%s: a post with %v was answered %+v", name, header, got)
			}
			if got := w.polled("EIO=3&sid="+sid, header.Clone()); got.status != 400 {
				t.Errorf("%s: a poll with %v was answered %+v", name, header, got)
			}
		}
		if got := post(own); got.status != 200 {
			t.Errorf("%s: its own post was answered %+v", name, got)
		}
	}
}
