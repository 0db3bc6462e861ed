package testkit

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Cluster is several NATS servers with one JetStream, in the test's own process, listening on the loopback.
type Cluster struct {
	Servers []*NATS
}

// StartCluster starts a cluster of n servers, three when n is 0, and returns once JetStream has a leader and every
// server is current.
func StartCluster(tb testing.TB, n int, opts ...Option) *Cluster {
	tb.Helper()
	if n == 0 {
		n = 3
	}
	ports := Ports(tb, n) // routes have to be known before a server starts
	routes := make([]*url.URL, n)
	for i, port := range ports {
		routes[i] = &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", port)}
	}
	c := &Cluster{}
	for i, port := range ports {
		o := &server.Options{
			ServerName: fmt.Sprintf("testkit-%d", i+1),
			Host:       "127.0.0.1",
			Port:       server.RANDOM_PORT,
			Cluster:    server.ClusterOpts{Name: "testkit", Host: "127.0.0.1", Port: port},
			Routes:     routes,
			JetStream:  true,
			StoreDir:   tb.TempDir(),
			NoLog:      true,
			NoSigs:     true,
		}
		for _, opt := range opts {
			opt(o)
		}
		settle(tb, o)
		s := &NATS{tb: tb, opts: o}
		tb.Cleanup(s.Stop)
		c.Servers = append(c.Servers, s)
		s.launch()
	}
	for _, s := range c.Servers {
		if !s.Server().ReadyForConnections(startTimeout) {
			tb.Fatal("testkit: a server of the cluster does not take connections")
		}
	}
	WaitFor(tb, "JetStream's leader", c.current)
	return c
}

// URL returns the running and the stopped servers, comma separated, as --nats takes them.
func (c *Cluster) URL() string {
	urls := make([]string, len(c.Servers))
	for i, s := range c.Servers {
		urls[i] = s.URL()
	}
	return strings.Join(urls, ",")
}

// current reports whether JetStream has a leader and every server follows it.
func (c *Cluster) current() bool {
	leader := false
	for _, s := range c.Servers {
		srv := s.Server()
		if srv == nil || !srv.JetStreamIsCurrent() {
			return false
		}
		leader = leader || srv.JetStreamIsLeader()
	}
	return leader
}

// WaitFor returns as soon as the condition holds, and ends the test when it does not within a minute. It belongs into
// the test's own goroutine.
func WaitFor(tb testing.TB, what string, cond func() bool) {
	tb.Helper()
	deadline := time.NewTimer(startTimeout)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-deadline.C:
			tb.Fatalf("testkit: waited %v in vain for %s", startTimeout, what)
		case <-tick.C:
		}
	}
}
