// Package broker is the NATS server that parley has inside: in memory or on files, for parley's own parts over
// connections in the process, and for other services where it listens.
package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/gateway/porch"
	"github.com/parley-rtc/parley/services/internal/listen"
	"github.com/parley-rtc/parley/services/internal/settings"
)

const (
	// startTimeout is what recovering a large journal may take.
	startTimeout = 2 * time.Minute
	// syncEvery is how often what was written to files is forced to the disk. The death of the process loses nothing
	// of it; the machine's, at most this much.
	syncEvery = time.Second
)

// maxConns is how many connections the server takes, parley's own included, where the process has descriptors for so many:
// its files need some too.
const maxConns = 256

// Config says what the server is to be.
type Config struct {
	Listen  string // host:port for other services; empty: nowhere
	DataDir string // of the journal; empty: in memory
	Stream  string // the journal's name, to see whether it could be recovered
}

// Broker is the running server.
type Broker struct {
	// Set by Start.
	srv  *server.Server
	log  *logger
	addr net.Addr
	free func() error // gives back the directory
}

// Start starts the server and returns when it takes connections. An error says in words what to do; one that wraps
// [settings.ErrSetting] is a setting's.
func Start(ctx context.Context, cfg Config, log *slog.Logger) (*Broker, error) {
	opts := &server.Options{
		ServerName: "parley",
		DontListen: cfg.Listen == "",
		JetStream:  true,
		NoSigs:     true,
		NoLog:      true, // SetLoggerV2 below
	}
	if err := address(ctx, cfg.Listen, opts); err != nil {
		return nil, err
	}
	dir, free, err := directory(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	opts.StoreDir = dir
	opts.SyncInterval = syncEvery
	opts.MaxConn = porch.Share(maxConns)
	b := &Broker{log: newLogger(log), free: free}
	if err := b.start(ctx, cfg, opts); err != nil {
		return nil, errors.Join(err, b.stop())
	}
	return b, nil
}

// address fills in where the server listens, having seen that it can.
func address(ctx context.Context, at string, opts *server.Options) error {
	if at == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(at)
	n, numErr := strconv.ParseUint(port, 10, 16)
	if err != nil || numErr != nil {
		return settings.Errorf("--nats-listen %q is no address: set it to host:port, or to nothing to listen nowhere", at)
	}
	ln, err := listen.TCP(ctx, "--nats-listen", at)
	if err != nil {
		return err //nolint:wrapcheck // it is a sentence
	}
	if err := ln.Close(); err != nil {
		return fmt.Errorf("--nats-listen %s: %w", at, err)
	}
	opts.Host, opts.Port = host, int(n)
	if n == 0 {
		opts.Port = server.RANDOM_PORT
	}
	return nil
}

func (b *Broker) start(ctx context.Context, cfg Config, opts *server.Options) error {
	srv, err := server.NewServer(opts)
	if err != nil {
		return fmt.Errorf("the NATS server cannot be set up: %w", err)
	}
	srv.SetLoggerV2(b.log, false, false, false)
	b.srv = srv
	srv.Start()
	if fatal := b.log.fatal(); fatal != "" || !srv.ReadyForConnections(startTimeout) {
		return fmt.Errorf("the NATS server does not start: %s; %s", fatal, b.remedy(cfg))
	}
	if addr := srv.Addr(); cfg.Listen != "" && addr != nil {
		b.addr = addr
	}
	return b.recovered(ctx, cfg)
}

// remedy says what somebody can do about a journal that cannot be used.
func (b *Broker) remedy(cfg Config) string {
	if cfg.DataDir == "" {
		return "look at the memory and at the directory for temporary files, or set --data-dir"
	}
	return "bring back a backup of " + cfg.DataDir + ", or move it away to start with no rooms"
}

// recovered returns an error when the directory has a journal that the server has not taken up again: going on would make
// a new one, and what is there would be lost.
func (b *Broker) recovered(ctx context.Context, cfg Config) error {
	if cfg.DataDir == "" || !journalIn(cfg.DataDir, cfg.Stream) {
		return nil
	}
	nc, err := nats.Connect("", nats.InProcessServer(b.srv))
	if err != nil {
		return fmt.Errorf("the NATS server does not answer: %w", err)
	}
	defer nc.Close()
	ok, err := hasStream(ctx, nc, cfg.Stream)
	if err != nil {
		return err
	}
	if !ok {
		why := b.log.warned()
		if why == "" {
			why = "no reason was given"
		}
		return fmt.Errorf("the journal in %s cannot be read (%s); %s", cfg.DataDir, why, b.remedy(cfg))
	}
	return nil
}

// Options returns what a connection in the process needs.
func (b *Broker) Options() []nats.Option { return []nats.Option{nats.InProcessServer(b.srv)} }

// Addr returns where the server listens for other services, or nil when it does not.
func (b *Broker) Addr() net.Addr { return b.addr }

// MaxPayload returns the largest message that the server takes, in bytes.
func (b *Broker) MaxPayload() int64 { return server.MAX_PAYLOAD_SIZE }

// Run waits for ctx to end, stops the server and returns when it has stopped and its files are closed.
func (b *Broker) Run(ctx context.Context) error {
	<-ctx.Done()
	return b.stop()
}

func (b *Broker) stop() error {
	if b.srv != nil {
		b.srv.Shutdown()
		b.srv.WaitForShutdown()
	}
	return b.free()
}

// removeAll gives back a directory for temporary files.
func removeAll(dir string) func() error {
	return func() error {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("temporary files: %w", err)
		}
		return nil
	}
}
