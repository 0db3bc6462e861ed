package testkit

import (
	"errors"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/bus"
)

// startTimeout bounds a server's start: it takes tens of milliseconds, more when a machine's cores are busy, and an election some
// seconds.
const startTimeout = 60 * time.Second

// errStopped is what a connection attempt finds while the server is stopped.
var errStopped = errors.New("testkit: the NATS server is stopped")

// Option changes how a NATS server is started.
type Option func(*server.Options)

// Listen makes the server listen on a free port of the loopback, for processes and for faults on the network. It keeps
// the port over [NATS.Restart].
func Listen() Option {
	return func(o *server.Options) { o.DontListen, o.Host, o.Port = false, "127.0.0.1", server.RANDOM_PORT }
}

// Configure changes anything else.
func Configure(change func(*server.Options)) Option { return change }

// NATS is a NATS server with JetStream in the test's own process. It is stopped when the test ends.
type NATS struct {
	// Set by StartNATS.
	tb   testing.TB
	opts *server.Options

	mu  sync.Mutex // guards the fields below
	srv *server.Server
}

// StartNATS starts a server that is reached in process only, unless [Listen] is given, and keeps its streams in
// tb.TempDir. It returns once the server takes connections.
func StartNATS(tb testing.TB, opts ...Option) *NATS {
	tb.Helper()
	o := &server.Options{
		ServerName: "testkit",
		DontListen: true,
		JetStream:  true,
		StoreDir:   tb.TempDir(),
		NoLog:      true,
		NoSigs:     true,
	}
	for _, opt := range opts {
		opt(o)
	}
	settle(tb, o)
	n := &NATS{tb: tb, opts: o}
	tb.Cleanup(n.Stop)
	n.Restart()
	return n
}

// settle gives a server that is to listen on whichever port a port that stays its own while it is stopped. One from the range of
// outgoing connections could be taken meanwhile.
func settle(tb testing.TB, o *server.Options) {
	tb.Helper()
	if !o.DontListen && o.Port == server.RANDOM_PORT {
		o.Port = Ports(tb, 1)[0]
	}
}

// Restart stops the server where it runs and starts it again with what it had stored. Clients reconnect by themselves.
func (n *NATS) Restart() {
	n.tb.Helper()
	n.Stop()
	srv := n.launch()
	if !srv.ReadyForConnections(startTimeout) {
		n.tb.Fatal("testkit: the NATS server does not take connections")
	}
}

// launch starts the server without waiting for it.
func (n *NATS) launch() *server.Server {
	n.tb.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	srv, err := server.NewServer(n.opts.Clone())
	if err != nil {
		n.tb.Fatalf("testkit: NATS server: %v", err)
	}
	srv.Start()
	n.srv = srv
	if addr, ok := srv.Addr().(*net.TCPAddr); ok {
		n.opts.Port = addr.Port
	}
	return srv
}

// Stop ends the server and returns once it has gone. Its clients go on trying to reconnect. Stopping twice does nothing.
func (n *NATS) Stop() {
	n.mu.Lock()
	srv := n.srv
	n.srv = nil
	n.mu.Unlock()
	if srv == nil {
		return
	}
	srv.Shutdown()
	srv.WaitForShutdown()
}

// Server returns the running server, or nil when it is stopped.
func (n *NATS) Server() *server.Server {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.srv
}

// InProcessConn makes a connection to the server as it runs now: what nats.go asks for at each reconnection.
func (n *NATS) InProcessConn() (net.Conn, error) {
	srv := n.Server()
	if srv == nil {
		return nil, errStopped
	}
	return srv.InProcessConn() // nats.go reports it
}

// URL returns where the server listens. One that does not listen has a URL that leads nowhere without [NATS.Options].
func (n *NATS) URL() string {
	if n.opts.DontListen {
		return "nats://in-process.invalid"
	}
	return "nats://" + net.JoinHostPort(n.opts.Host, strconv.Itoa(n.opts.Port))
}

// Options returns what a connection needs beside [NATS.URL]: nothing when the server listens.
func (n *NATS) Options() []nats.Option {
	if n.opts.DontListen {
		return []nats.Option{nats.InProcessServer(n)}
	}
	return nil
}

// Connect returns a connection that is closed when the test ends. It reconnects for ever, every few milliseconds, and
// keeps nothing to send meanwhile.
func (n *NATS) Connect(tb testing.TB, opts ...nats.Option) *nats.Conn {
	tb.Helper()
	all := append(n.Options(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectBufSize(-1))
	nc, err := nats.Connect(n.URL(), append(all, opts...)...)
	if err != nil {
		tb.Fatalf("testkit: connect to NATS: %v", err)
	}
	tb.Cleanup(nc.Close)
	return nc
}

// Bus returns a connection as gateways and the room service have it, which is closed when the test ends.
func (n *NATS) Bus(tb testing.TB) *bus.Conn {
	tb.Helper()
	c, err := bus.Connect(bus.Config{Servers: n.URL(), Options: n.Options()})
	if err != nil {
		tb.Fatalf("testkit: connect to NATS: %v", err)
	}
	tb.Cleanup(c.Close)
	return c
}
