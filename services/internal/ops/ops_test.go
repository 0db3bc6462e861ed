package ops

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/parley-rtc/parley/services/internal/settings"
)

// serve runs an ops server until the test ends and returns its address.
func serve(t *testing.T, ready func() error) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, ln, MaxConns, Handler(ready, Registry()), slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the ops server ended with %v", err)
		}
	})
	return ln.Addr().String()
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestReadinessIsWhatTheProgramSays(t *testing.T) {
	t.Parallel()
	var up atomic.Bool
	addr := serve(t, func() error {
		if up.Load() {
			return nil
		}
		return errors.New("NATS is not reached")
	})
	if code, body := get(t, "http://"+addr+"/readyz"); code != 503 || body != "NATS is not reached\n" {
		t.Errorf("%d %q", code, body)
	}
	if code, body := get(t, "http://"+addr+"/healthz"); code != 200 || body != "ok\n" {
		t.Errorf("%d %q", code, body)
	}
	if err := Health(t.Context(), addr); err == nil || !strings.Contains(err.Error(), "NATS is not reached") {
		t.Errorf("health: %v", err)
	}
	up.Store(true)
	if code, body := get(t, "http://"+addr+"/readyz"); code != 200 || body != "ready\n" {
		t.Errorf("%d %q", code, body)
	}
	if err := Health(t.Context(), addr); err != nil {
		t.Errorf("health: %v", err)
	}
	_, port, _ := net.SplitHostPort(addr)
	for _, any := range []string{":" + port, "0.0.0.0:" + port} {
		if err := Health(t.Context(), any); err != nil {
			t.Errorf("health at %s: %v", any, err)
		}
	}
	if code, body := get(t, "http://"+addr+"/metrics"); code != 200 || !strings.Contains(body, "parley_build_info{") {
		t.Errorf("%d %.200s", code, body)
	}
	if code, _ := get(t, "http://"+addr+"/"); code != 404 {
		t.Errorf("/ is %d", code)
	}
}

func TestHealthSaysWhatIsWrongWithItsAddress(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"nowhere", ":0"} {
		if err := Health(t.Context(), addr); !errors.Is(err, settings.ErrSetting) {
			t.Errorf("%s: %v", addr, err)
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	if err := Health(t.Context(), addr); err == nil || errors.Is(err, settings.ErrSetting) {
		t.Errorf("nothing listens: %v", err)
	}
}
