package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/testkit"
)

// Server is a NATS server that runs as a process, keeps its streams on files and syncs each write.
type Server struct {
	*Process

	URL  string // where clients connect
	HTTP string // where its monitoring listens
}

// StartNATS starts one server and waits until JetStream takes requests.
func StartNATS(tb testing.TB) *Server {
	tb.Helper()
	return startServers(tb, make([]*Host, 1))[0]
}

// StartNATSCluster starts three servers as one cluster and waits until JetStream has a leader that all follow.
func StartNATSCluster(tb testing.TB) []*Server {
	tb.Helper()
	return startServers(tb, make([]*Host, 3))
}

// StartNATSClusterOn is [StartNATSCluster] with a server on each of three hosts.
func StartNATSClusterOn(tb testing.TB, hosts []*Host) []*Server {
	tb.Helper()
	return startServers(tb, hosts)
}

// Again starts a server that has ended, with what it had stored, and does not wait until it is ready.
func (s *Server) Again(tb testing.TB) {
	tb.Helper()
	s.Process = s.Process.Again(tb)
}

// Healthy reports whether the server says that it is: JetStream current included.
func (s *Server) Healthy(tb testing.TB) bool {
	tb.Helper()
	status, _ := Get(tb, s.HTTP+"/healthz")
	return status == 200
}

// URLs returns where clients find the servers, comma separated.
func URLs(servers []*Server) string {
	urls := make([]string, len(servers))
	for i, s := range servers {
		urls[i] = s.URL
	}
	return strings.Join(urls, ",")
}

// startServers starts a server on each host; nil stands for this one.
func startServers(tb testing.TB, hosts []*Host) []*Server {
	tb.Helper()
	n := len(hosts)
	ips := make([]string, n)
	for i, h := range hosts {
		if ips[i] = "127.0.0.1"; h != nil {
			ips[i] = h.IP
		}
	}
	ports := testkit.Ports(tb, 3*n)
	clients, routes, monitors := ports[:n], ports[n:2*n], ports[2*n:]
	dir := tb.TempDir()
	servers := make([]*Server, n)
	for i := range n {
		var config strings.Builder
		fmt.Fprintf(&config, "server_name: n%d\nlisten: %s:%d\nhttp: %s:%d\n"+
			"jetstream { store_dir: %q, sync_interval: always }\n", i+1, ips[i], clients[i], ips[i], monitors[i],
			filepath.Join(dir, fmt.Sprintf("n%d", i+1)))
		if n > 1 {
			fmt.Fprintf(&config, "cluster { name: parley, listen: %s:%d, routes: [", ips[i], routes[i])
			for j, port := range routes {
				fmt.Fprintf(&config, "\"nats://%s:%d\", ", ips[j], port)
			}
			config.WriteString("] }\n")
		}
		file := filepath.Join(dir, fmt.Sprintf("n%d.conf", i+1))
		if err := os.WriteFile(file, []byte(config.String()), 0o600); err != nil {
			tb.Fatalf("harness: %v", err)
		}
		launch := Start
		if hosts[i] != nil {
			launch = hosts[i].Start
		}
		servers[i] = &Server{
			Process: launch(tb, fmt.Sprintf("nats %d", i+1), NATSServer, "-c", file),
			URL:     fmt.Sprintf("nats://%s:%d", ips[i], clients[i]),
			HTTP:    fmt.Sprintf("http://%s:%d", ips[i], monitors[i]),
		}
	}
	AwaitServers(tb, servers)
	return servers
}

// AwaitServers waits until each server is healthy and JetStream answers.
func AwaitServers(tb testing.TB, servers []*Server) {
	tb.Helper()
	for _, s := range servers {
		Await(tb, s.Name+" is healthy", func() bool { return s.Healthy(tb) })
	}
	nc := Connect(tb, URLs(servers))
	js, err := nc.JetStream()
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	Await(tb, "JetStream answers", func() bool {
		_, err := js.AccountInfo()
		return err == nil
	})
	nc.Close()
}

// Connect returns a connection to NATS that is closed when the test ends. It reconnects for ever.
func Connect(tb testing.TB, urls string, opts ...nats.Option) *nats.Conn {
	tb.Helper()
	var nc *nats.Conn
	Await(tb, "NATS takes connections", func() bool {
		var err error
		nc, err = nats.Connect(urls, append([]nats.Option{nats.MaxReconnects(-1), nats.ReconnectWait(nats.DefaultReconnectWait / 20)},
			opts...)...)
		return err == nil
	})
	tb.Cleanup(nc.Close)
	return nc
}
