// Package ops serves what operators and orchestrators ask a process: whether it lives, whether it is ready, its metrics.
package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/errgroup"

	"github.com/parley-rtc/parley/services/internal/version"
)

// Registry returns a registry with what every Go process tells of itself, and its version.
func Registry() *prometheus.Registry {
	reg := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "parley_build_info", Help: "1, with the version as a label.", ConstLabels: prometheus.Labels{"version": version.Number},
	})
	build.Set(1)
	reg.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg
}

// Handler serves /healthz (200 as long as the process runs), /readyz (200 when ready returns nil, else 503 and why) and
// /metrics.
func Handler(ready func() error, metrics prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := ready(); err != nil {
			say(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		say(w, http.StatusOK, "ready")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	return mux
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // whoever asked has gone
}

// MaxConns is how many connections operators may have at once where nothing says that it has to be fewer: descriptors are for
// clients and the journal. Others wait, until a silent one is dropped after ReadHeaderTimeout.
const MaxConns = 64

// closing is how long requests under way may take at the end.
const closing = time.Second

// Serve serves a handler, over so many connections at once, until ctx ends, and returns when it has stopped.
func Serve(ctx context.Context, ln net.Listener, conns int, h http.Handler, log *slog.Logger) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       90 * time.Second, // longer than who asks once a minute keeps a connection
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what askers do wrong is no news
	}
	g, inner := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := srv.Serve(netutil.LimitListener(ln, conns)); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("ops server: %w", err)
		}
		return nil
	})
	g.Go(func() error {
		<-inner.Done()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
		defer cancel()
		if srv.Shutdown(ctx) != nil {
			_ = srv.Close() // whoever still asks is cut off
		}
		return nil
	})
	return g.Wait() // wrapped above
}
