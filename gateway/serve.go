package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// Serve is Run with an HTTP server of its own, which serves [Gateway.Handler] on a listener until the context ends.
func (g *Gateway) Serve(ctx context.Context, ln net.Listener) error {
	server, standing := g.server(), g.Porch(ln)
	server.ConnState = standing.ConnState
	group, inner := errgroup.WithContext(ctx)
	ran, over := context.WithCancel(context.Background())
	defer over()
	group.Go(func() error { defer over(); return g.Run(inner) })
	group.Go(func() error {
		select {
		case <-g.front.gate.opened: // so that no client is turned away while the gateway starts
		case <-ran.Done():
			return ln.Close() // it says what was done
		}
		// Connections are counted below TLS: a handshake that does not come counts as silence.
		if err := server.Serve(secured(standing, g.cfg.TLS)); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("gateway: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-inner.Done()
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.cfg.Drain)
		defer cancel()
		_ = server.Shutdown(within) // polls under way are answered; sockets are not its own any more
		<-ran.Done()
		_ = server.Close() // it is over either way
		return nil
	})
	return group.Wait() // each says what it did
}

func secured(ln net.Listener, cfg *tls.Config) net.Listener {
	if cfg == nil {
		return ln
	}
	return tls.NewListener(ln, cfg)
}

func (g *Gateway) server() *http.Server {
	return &http.Server{
		Handler: g.Handler(), ReadHeaderTimeout: headerPatience, IdleTimeout: g.cfg.IdleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelDebug), // what clients do wrong is no news
	}
}

// How HTTP is served. Who is silent for too long before the upgrade request has come is dropped.
const (
	headerPatience = 10 * time.Second
	maxHeader      = 16 << 10
)
