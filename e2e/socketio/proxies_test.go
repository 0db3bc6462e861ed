package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	parley "github.com/parley-rtc/parley/clients/go"
	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/testkit"
)

// front is a proxy with a file of deploy/proxies, and two gateways behind it at the file's own addresses, but of this machine.
type front struct {
	url      string
	cert     *harness.Certificate
	gateways []*harness.Process
	own      []string // in a file, and what the test has in its place
	ports    []int    // HTTPS, HTTP
}

func newFront(t *testing.T) *front {
	t.Helper()
	ports := testkit.Ports(t, 4)
	f := &front{cert: harness.NewCertificate(t), ports: ports[:2], url: fmt.Sprintf("https://localhost:%d", ports[0])}
	nats := harness.StartNATS(t)
	harness.StartRoomsvc(t, nats.URL)
	for _, host := range []string{"127.0.0.11", "127.0.0.12"} {
		g := harness.StartGateway(t, nats.URL, "--listen", fmt.Sprintf("%s:%d", host, ports[2]), "--ops-listen", fmt.Sprintf("%s:%d", host, ports[3]),
			"--trusted-proxy", "127.0.0.1", "--rate", "0", "--drain", "2s")
		f.gateways = append(f.gateways, g)
	}
	f.own = []string{
		"10.0.0.11:8080", fmt.Sprintf("127.0.0.11:%d", ports[2]), "10.0.0.12:8080", fmt.Sprintf("127.0.0.12:%d", ports[2]),
		"9090", fmt.Sprint(ports[3]),
	}
	return f
}

// file writes one of deploy/proxies with addresses and files of the test; each of the pairs that is given besides has to stand in it.
func (f *front) file(t *testing.T, name, before string, pairs ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(harness.Root(), "..", "deploy", "proxies", name))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(string(b), pairs[i]) {
			t.Fatalf("%s has no %q", name, pairs[i])
		}
	}
	text := strings.NewReplacer(append(pairs, f.own...)...).Replace(string(b))
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(before+text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func (f *front) certificate() []string {
	key := strings.TrimSuffix(f.cert.File(), "cert.pem") + "key.pem"
	return []string{"/etc/ssl/parley/fullchain.pem", f.cert.File(), "/etc/ssl/parley/privkey.pem", key}
}

// fronts start the proxies.
var fronts = map[string]func(*testing.T, *front){
	"nginx": func(t *testing.T, f *front) {
		t.Helper()
		site := f.file(t, "nginx.conf", "", append(f.certificate(), "listen 443", fmt.Sprintf("listen 127.0.0.1:%d", f.ports[0]),
			"listen 80", fmt.Sprintf("listen 127.0.0.1:%d", f.ports[1]))...)
		dir := t.TempDir()
		file := filepath.Join(dir, "nginx.conf")
		temporary := ""
		for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
			temporary += fmt.Sprintf("%s_temp_path %s/%[1]s;\n", kind, dir)
		}
		if err := os.WriteFile(file, fmt.Appendf(nil, `user root;
daemon off;
pid %[1]s/pid;
error_log stderr;
events {}
http { access_log off;
%s include %s; }`, dir, temporary, site), 0o600); err != nil {
			t.Fatal(err)
		}
		harness.StartShell(t, `exec "$0" "$@"`, tool(t, "nginx"), "-p", dir, "-c", file)
	},
	"Caddy": func(t *testing.T, f *front) {
		t.Helper()
		files := f.certificate()
		// Without HTTP/3, for which Debian's Caddy opens its port twice.
		options := fmt.Sprintf("{\nadmin off\nhttp_port %d\nhttps_port %d\nservers {\nprotocols h1 h2\n}\n}\n", f.ports[1], f.ports[0])
		file := f.file(t, "Caddyfile", options, "parley.example.org {", fmt.Sprintf("%s {\ntls %s %s", f.url, files[1], files[3]))
		p := harness.StartShell(t, `HOME="$1" XDG_DATA_HOME="$1" XDG_CONFIG_HOME="$1" exec "$0" run --adapter caddyfile --config "$2"`, tool(t, "caddy"), t.TempDir(), file)
		t.Cleanup(func() { p.Kill(t) }) // asked to end, it waits for its clients
	},
	"Traefik": func(t *testing.T, f *front) {
		t.Helper()
		leads := f.file(t, "parley.traefik.yaml", "", append(f.certificate(), "parley.example.org", "localhost")...)
		file := f.file(t, "traefik.yaml", "", `":443"`, fmt.Sprintf(`"127.0.0.1:%d"`, f.ports[0]), `":80"`, fmt.Sprintf(`"127.0.0.1:%d"`, f.ports[1]),
			"/etc/traefik/parley.traefik.yaml", leads)
		harness.StartShell(t, `exec "$0" --configFile="$1"`, tool(t, "traefik"), file)
	},
}

// tool finds a proxy: of this machine, or in bin/tools, where scripts/setup and make proxies-test put theirs.
func tool(t *testing.T, name string) string {
	t.Helper()
	for _, at := range []string{name, filepath.Join(harness.Root(), "..", "bin", "tools", name)} {
		if file, err := exec.LookPath(at); err == nil {
			return file
		}
	}
	if name == "traefik" {
		t.Skip("make proxies-test builds it: it takes minutes")
	}
	t.Fatalf("%s is missing: scripts/setup brings it", name)
	return ""
}

// from is an HTTP client that connects from an address of this machine.
func (f *front) from(t *testing.T, ip string) *http.Client {
	t.Helper()
	c := f.cert.Client(t)
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	c.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, addr string) (net.Conn, error) {
		_, port, _ := net.SplitHostPort(addr)
		return dialer.DialContext(ctx, "tcp4", net.JoinHostPort("127.0.0.1", port))
	}
	return c
}

// TestTheProxiesThatDeployHasFilesFor lets everything through that clients need, say whose connection it is, and send nobody to a gateway
// that leaves or is gone.
func TestTheProxiesThatDeployHasFilesFor(t *testing.T) {
	for name, start := range fronts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFront(t)
			start(t, f)
			harness.Await(t, name+" leads to a gateway", func() bool {
				r, err := f.cert.Client(t).Get(f.url + "/parley.js")
				if err == nil {
					_ = r.Body.Close()
				}
				return err == nil && r.StatusCode == http.StatusOK
			})
			t.Run("lets through", func(t *testing.T) {
				for what, holds := range map[string]func(*testing.T){
					"doctor": f.isWell, "HTTP": f.redirects, "Socket.IO": f.carriesSocketIO, "addresses": f.saysWho, "idle": f.keepsWhoIsSilent,
				} {
					t.Run(what, func(t *testing.T) { t.Parallel(); holds(t) })
				}
			})
			t.Run("drain", f.sendsNobodyToWhoLeaves)
		})
	}
}

func (f *front) isWell(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), harness.Binary(t, harness.Parley), "doctor", "--timeout", "20s", f.url, "--origin", f.url)
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+f.cert.File())
	if out, err := cmd.Output(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

func (f *front) redirects(t *testing.T) {
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := c.Get(fmt.Sprintf("http://localhost:%d/x", f.ports[1]))
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if to := r.Header.Get("Location"); r.StatusCode/100 != 3 || !strings.HasPrefix(to, "https://localhost") {
		t.Errorf("%s, to %q", r.Status, to)
	}
}

func (f *front) carriesSocketIO(t *testing.T) {
	n := startNode(t, "NODE_EXTRA_CA_CERTS="+f.cert.File())
	for _, h := range hows() {
		t.Run(h.String(), func(t *testing.T) {
			everyEvent(t, n, h, f.url, h.String())
			signalsAcross(t, n, h, f.url)
		})
	}
}

// saysWho has a client name another's address as its own: sessions of Engine.IO 3 are told apart by the true one.
func (f *front) saysWho(t *testing.T) {
	ask := func(ip, method, sid, body string, says http.Header) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, f.url+"/socket.io/?EIO=3&transport=polling"+sid, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(r.Header, says)
		got, err := f.from(t, ip).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer got.Body.Close()
		b, err := io.ReadAll(got.Body)
		if err != nil {
			t.Fatal(err)
		}
		return got.StatusCode, string(b)
	}
	lies := http.Header{"X-Forwarded-For": {"9.9.9.9"}, "X-Real-Ip": {"9.9.9.9"}, "Forwarded": {"for=9.9.9.9"}}
	status, opened := ask("127.0.0.2", http.MethodGet, "", "", lies)
	_, after, found := strings.Cut(opened, `"sid":"`)
	sid, _, _ := strings.Cut(after, `"`)
	if status != http.StatusOK || !found {
		t.Fatalf("%d %s", status, opened)
	}
	sid = "&sid=" + url.QueryEscape(sid)
	if status, said := ask("127.0.0.3", http.MethodPost, sid, "1:2", lies); status != http.StatusBadRequest {
		t.Errorf("another, who says that it has the same address: %d %s", status, said)
	}
	if status, said := ask("127.0.0.2", http.MethodPost, sid, "1:2", nil); status != http.StatusOK {
		t.Errorf("the same, who says nothing: %d %s", status, said)
	}
}

// couple are two clients in a room that signal each other.
type couple struct {
	clients [2]*parley.Client
	rooms   [2]*parley.Room
}

func (f *front) couple(t *testing.T, name string) *couple {
	t.Helper()
	c := &couple{}
	for i := range c.clients {
		var err error
		if c.clients[i], err = parley.Connect(t.Context(), f.url, parley.HTTPClient(f.cert.Client(t))); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.clients[i].Close)
		if c.rooms[i], err = c.clients[i].Enter(t.Context(), name, parley.Entry{}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// pace is how fast signals come in a lively call.
const pace = 10 * time.Millisecond

// signal sends so many, and takes them at the other end: all of them, in their order, and nobody leaves.
func (c *couple) signal(ctx context.Context, count int) error {
	beat := time.NewTicker(pace)
	defer beat.Stop()
	for i := range count {
		<-beat.C
		if err := c.rooms[0].Signal(ctx, c.clients[1].ID(), i); err != nil {
			return fmt.Errorf("signal %d: %w", i, err)
		}
		for {
			e, err := c.rooms[1].Next(ctx)
			if err != nil {
				return fmt.Errorf("signal %d does not come: %w", i, err)
			}
			if e.Kind == parley.Leave {
				return errors.New("the other has left")
			}
			if e.Kind != parley.Signal {
				continue
			}
			if string(e.Data) != fmt.Sprint(i) {
				return fmt.Errorf("%s comes, and not %d", e.Data, i)
			}
			break
		}
	}
	return nil
}

// silence is longer than proxies wait for the next word where nobody has told them otherwise.
const silence = 65 * time.Second

func (f *front) keepsWhoIsSilent(t *testing.T) {
	var told []string
	var mu sync.Mutex
	c, err := parley.Connect(t.Context(), f.url, parley.HTTPClient(f.cert.Client(t)), parley.Pings(10*time.Minute, time.Minute), parley.Notify(func(n parley.Notice) {
		mu.Lock()
		defer mu.Unlock()
		if n.State != parley.Open || n.Again { // it is told that it is open once, at some moment
			told = append(told, fmt.Sprintf("%+v", n))
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	n := startNode(t, "NODE_EXTRA_CA_CERTS="+f.cert.File())
	polls := n.open(t, how{version: 4, transports: []string{"polling"}}, f.url, "silent")
	<-time.After(silence)
	mu.Lock()
	defer mu.Unlock()
	if len(told) > 0 || c.State() != parley.Open {
		t.Errorf("the connection is %s; it told %v", c.State(), told)
	}
	polls.emit("room-create", "after silence") // on an HTTP connection that nobody has used since
	polls.want("room-created", "after silence")
}

// opened stands in the metrics of a gateway that somebody has connected to.
var opened = regexp.MustCompile(`parley_gateway_connections_total\{outcome="opened",transport="\w+"\} [1-9]`)

func (f *front) sendsNobodyToWhoLeaves(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	couples := []*couple{f.couple(t, "one"), f.couple(t, "two")}
	var going sync.WaitGroup
	done := make(chan struct{})
	for _, c := range couples {
		going.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := c.signal(ctx, 10); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	connects := func(while string) {
		t.Helper()
		for range 10 {
			c, err := parley.Connect(ctx, f.url, parley.HTTPClient(f.cert.Client(t)), parley.NoReconnect())
			if err != nil {
				t.Errorf("%s somebody new does not connect: %v", while, err)
				continue
			}
			c.Close()
		}
	}
	for _, g := range f.gateways {
		stopped := make(chan int)
		go func() { stopped <- g.Stop(t) }()
		g.Logged(t, "msg=draining")
		connects("while a gateway leaves")
		if code := <-stopped; code != 0 {
			t.Errorf("exit code %d", code)
		}
		connects("while a gateway is away")
		g = g.Again(t)
		g.Ready(t)
		connects("when a gateway is back")
		g.Kill(t)
		connects("when a gateway was killed")
		g = g.Again(t)
		g.Ready(t)
		harness.Await(t, "new connections reach it", func() bool {
			connects("when it is back")
			_, metrics := g.Ops(t, "/metrics")
			return opened.MatchString(metrics)
		})
	}
	close(done)
	going.Wait()
}
