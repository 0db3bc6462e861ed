// Package permissions_test starts NATS servers with the very configuration of
// deploy/nats and logs in to them as each of Parley's roles.
package permissions_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/parley-rtc/parley/deploy/keys"
)

// config is what compose mounts and what docs/operations.md tells people to use.
const config = "../../deploy/nats/nats.conf"

// settle bounds each wait; a cluster on a slow machine takes some seconds to form.
const settle = 30 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cluster is three NATS servers in this process, joined by TLS routes.
type cluster struct {
	// Set by startCluster.
	url       string
	ca        string
	passwords map[string]string
}

// startCluster runs the servers until the test ends. The configuration reads the
// environment, which is the process's: a test that calls this is not parallel.
// What is given may set other values.
func startCluster(t *testing.T, set ...func()) *cluster {
	t.Helper()
	dir := t.TempDir()
	if err := keys.Make(dir, []string{"127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	passwords, err := keys.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	for login, password := range passwords {
		t.Setenv(keys.Variable(login), password)
	}
	for variable, file := range map[string]string{
		"NATS_CA": keys.CA, "NATS_CERT": keys.Cert, "NATS_KEY": keys.Key,
		"NATS_ROUTE_CA": keys.RouteCA, "NATS_ROUTE_CERT": keys.RouteCert, "NATS_ROUTE_KEY": keys.RouteKey,
	} {
		t.Setenv(variable, filepath.Join(dir, file))
	}
	for _, one := range set {
		one()
	}
	// The first server has nobody to dial yet: the others dial it, and gossip.
	route := "tls://127.0.0.1:1"
	var urls []string
	var servers []*server.Server
	for number := range 3 {
		t.Setenv("NATS_NAME", fmt.Sprintf("nats%d", number+1))
		t.Setenv("NATS_DATA", t.TempDir())
		t.Setenv("NATS_ROUTES", fmt.Sprintf("[%q]", route))
		one := startServer(t)
		servers = append(servers, one)
		urls = append(urls, fmt.Sprintf("tls://%s", one.Addr()))
		if number == 0 {
			route = fmt.Sprintf("tls://%s", one.ClusterAddr())
		}
	}
	await(t, "the cluster has a leader and all its servers", func() bool {
		for _, one := range servers {
			if one.JetStreamIsLeader() && len(one.JetStreamClusterPeers()) == len(servers) {
				return true
			}
		}
		return false
	})
	return &cluster{url: strings.Join(urls, ","), ca: filepath.Join(dir, keys.CA), passwords: passwords}
}

// startServer runs one server with the configuration, on free ports.
func startServer(t *testing.T) *server.Server {
	t.Helper()
	options, err := server.ProcessConfigFile(config)
	if err != nil {
		t.Fatal(err)
	}
	options.Host, options.Port = "127.0.0.1", server.RANDOM_PORT
	options.HTTPHost, options.HTTPPort = "", 0
	options.Cluster.Host, options.Cluster.Port = "127.0.0.1", server.RANDOM_PORT
	options.NoSigs, options.NoLog = true, true
	one, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	one.Start()
	t.Cleanup(func() {
		one.Shutdown()
		one.WaitForShutdown()
	})
	await(t, "the server has its addresses", func() bool {
		return one.Addr() != nil && one.ClusterAddr() != nil
	})
	return one
}

// login connects as a role, and closes the connection when the test ends.
func (c *cluster) login(t *testing.T, user string, options ...nats.Option) *nats.Conn {
	t.Helper()
	password, known := c.passwords[user]
	if !known {
		t.Fatalf("no login %q", user)
	}
	nc, err := nats.Connect(c.url, append([]nats.Option{
		nats.UserInfo(user, password), nats.RootCAs(c.ca), nats.MaxReconnects(0),
	}, options...)...)
	if err != nil {
		t.Fatalf("login as %s: %v", user, err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// await fails the test unless the condition holds within settle.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(settle)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %v: %s", settle, what)
		case <-t.Context().Done():
			t.Fatalf("the test ended before: %s", what)
		}
	}
}
