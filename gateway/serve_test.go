package gateway

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestOneWhoSendsNoUpgradeRequestIsDropped(t *testing.T) {
	t.Parallel()
	g, err := New(Config{}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	if s := g.server(); s.ReadHeaderTimeout != 10*time.Second || s.MaxHeaderBytes > 64<<10 || s.IdleTimeout == 0 {
		t.Errorf("the HTTP server waits %v for a header of %d bytes, idle %v", s.ReadHeaderTimeout, s.MaxHeaderBytes, s.IdleTimeout)
	}
}

// A balancer keeps unused connections for 60 s, or 75 as nginx. A request that it sends as the server closes is lost.
func TestAnUnusedHTTPConnectionStandsForLongerThanABalancerUsesIt(t *testing.T) {
	t.Parallel()
	for setting, want := range map[time.Duration]time.Duration{0: 90 * time.Second, 11 * time.Minute: 11 * time.Minute} {
		g, err := New(Config{IdleTimeout: setting}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		if got := g.server().IdleTimeout; got != want {
			t.Errorf("set to %v it is %v", setting, got)
		}
	}
}

// TestSocketIOIsFoundWithoutItsLastSlash: clients leave it off when told to, and follow no redirection.
func TestSocketIOIsFoundWithoutItsLastSlash(t *testing.T) {
	t.Parallel()
	g, err := New(Config{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	g.front.gate.open() // as Run does
	handler := g.Handler()
	for _, path := range []string{"/socket.io", "/socket.io/"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path+"?EIO=4&transport=none", nil))
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "Transport unknown") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
