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
	"sync/atomic"
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

// maxStore is more bytes than a disk has.
const maxStore = 1 << 50

// errRestarting is what a connection in the process finds while a server is being replaced.
var errRestarting = errors.New("the NATS server inside is being started anew")

// Config says what the server is to be.
type Config struct {
	Listen  string // host:port for other services; empty: nowhere
	DataDir string // of the journal; empty: in memory
	Stream  string // the journal's name, to see whether it could be recovered
}

// Broker is the running server. One whose store has failed is replaced by another on the same directory.
type Broker struct {
	// Set by Start.
	cfg  Config
	log  *logger
	dir  string
	host string // where it listens
	port int    // -1: on any port, until it has one
	addr net.Addr
	free func() error // gives back the directory
	mind Mind         // set by Watch

	srv     atomic.Pointer[server.Server] // the one that was started last
	serving atomic.Pointer[server.Server] // the same once it has the journal, and until it is given up
}

// Start starts the server and returns when it takes connections. An error says in words what to do; one that wraps
// [settings.ErrSetting] is a setting's.
func Start(ctx context.Context, cfg Config, log *slog.Logger) (*Broker, error) {
	b := &Broker{cfg: cfg, log: newLogger(log)}
	if err := b.address(ctx, cfg.Listen); err != nil {
		return nil, err
	}
	var err error
	if b.dir, b.free, err = directory(cfg.DataDir); err != nil {
		return nil, err
	}
	if err := b.start(ctx); err != nil {
		return nil, errors.Join(err, b.stop())
	}
	return b, nil
}

// address fills in where the server listens, having seen that it can.
func (b *Broker) address(ctx context.Context, at string) error {
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
		return err // it is a sentence
	}
	if err := ln.Close(); err != nil {
		return fmt.Errorf("--nats-listen %s: %w", at, err)
	}
	b.host, b.port = host, int(n)
	if n == 0 {
		b.port = server.RANDOM_PORT
	}
	return nil
}

// start makes a server and starts it.
func (b *Broker) start(ctx context.Context) error {
	b.log.forget()
	srv, err := server.NewServer(&server.Options{
		ServerName: "parley",
		DontListen: b.cfg.Listen == "",
		Host:       b.host,
		Port:       b.port,
		JetStream:  true,
		StoreDir:   b.dir,
		// The disk is the limit. Left to itself, the server takes three quarters of what is free at its start for good: of a disk
		// that is full just then, nothing, and it would have to be started anew once there is room.
		JetStreamMaxStore: maxStore,
		SyncInterval:      syncEvery,
		MaxConn:           porch.Share(maxConns),
		NoSigs:            true,
		NoLog:             true, // SetLoggerV2 below
	})
	if err != nil {
		return fmt.Errorf("the NATS server cannot be set up: %w", err)
	}
	srv.SetLoggerV2(b.log, false, false, false)
	b.srv.Store(srv)
	srv.Start()
	if fatal := b.log.fatal(); fatal != "" || !srv.ReadyForConnections(startTimeout) {
		return fmt.Errorf("the NATS server does not start: %s; %s", fatal, b.remedy())
	}
	if addr, ok := srv.Addr().(*net.TCPAddr); b.cfg.Listen != "" && ok && b.addr == nil {
		b.addr, b.port = addr, addr.Port
	}
	if err := b.recovered(ctx); err != nil {
		return err
	}
	b.serving.Store(srv) // not before: who finds no journal makes one
	return nil
}

// remedy says what somebody can do about a journal that cannot be used.
func (b *Broker) remedy() string {
	if b.cfg.DataDir == "" {
		return "look at the memory and at the directory for temporary files, or set --data-dir"
	}
	return "bring back a backup of " + b.cfg.DataDir + ", or move it away to start with no rooms"
}

// recovered returns an error when the directory has a journal that the server has not taken up again: going on would make
// a new one, and what is there would be lost.
func (b *Broker) recovered(ctx context.Context) error {
	cfg := &b.cfg
	if cfg.DataDir == "" || !journalIn(cfg.DataDir, cfg.Stream) {
		return nil
	}
	nc, err := nats.Connect("", nats.InProcessServer(b.srv.Load()))
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
		return fmt.Errorf("the journal in %s cannot be read (%s); %s", cfg.DataDir, why, b.remedy())
	}
	return nil
}

// Options returns what a connection in the process needs.
func (b *Broker) Options() []nats.Option { return []nats.Option{nats.InProcessServer(b)} }

// InProcessConn makes a connection to the server as it runs now: what nats.go asks for at each reconnection.
func (b *Broker) InProcessConn() (net.Conn, error) {
	srv := b.serving.Load()
	if srv == nil {
		return nil, errRestarting
	}
	return srv.InProcessConn() // nats.go reports it
}

// Addr returns where the server listens for other services, or nil when it does not.
func (b *Broker) Addr() net.Addr { return b.addr }

// MaxPayload returns the largest message that the server takes, in bytes.
func (b *Broker) MaxPayload() int64 { return server.MAX_PAYLOAD_SIZE }

// Run keeps the server going until ctx ends, stops it and returns when it has stopped and its files are closed. It returns
// an error when the server's store has failed and another server does not start.
func (b *Broker) Run(ctx context.Context) error {
	err := b.watch(ctx)
	if errors.Is(err, errStuck) {
		return err
	}
	return errors.Join(err, b.stop())
}

func (b *Broker) stop() error {
	if srv := b.srv.Load(); srv != nil {
		srv.Shutdown()
		srv.WaitForShutdown()
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
