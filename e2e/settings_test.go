package e2e_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
)

// lastLine returns the last line that a process has written.
func lastLine(p *harness.Process) string { return p.Tail(1) }

func TestVersionIsPrinted(t *testing.T) {
	t.Parallel()
	for _, program := range []string{harness.Parley, harness.Gateway, harness.Roomsvc} {
		p := harness.Start(t, program, program, "--version")
		if code := p.Wait(t); code != 0 || !strings.Contains(p.Log(), program+" ") || strings.Count(p.Log(), "\n") > 0 {
			t.Errorf("%s --version: %d\n%s", program, code, p.Log())
		}
	}
}

func TestHelpNamesEveryFlag(t *testing.T) {
	t.Parallel()
	gateway := []string{
		"--listen", "--ops-listen", "--nats", "--nats-creds", "--nats-ca", "--nats-cert", "--nats-key", "--prefix", "--allow-origin",
		"--trusted-proxy", "--max-frame", "--max-queue", "--max-rooms", "--rate", "--burst", "--max-conns",
		"--max-conns-per-address", "--ipv6-prefix", "--keep", "--max-kept", "--idle-timeout", "--drain", "--log-level", "--log-format", "--version",
	}
	for program, flags := range map[string][]string{
		harness.Parley:  append([]string{"--nats-listen", "--data-dir", "--max-members", "--record-form"}, gateway...),
		harness.Gateway: append([]string{"--demo"}, gateway...),
		harness.Roomsvc: {
			"--ops-listen", "--nats", "--nats-creds", "--nats-ca", "--nats-cert", "--nats-key", "--prefix", "--replicas", "--storage",
			"--max-members", "--record-form", "--log-level", "--log-format", "--version",
		},
	} {
		p := harness.Start(t, program, program, "--help")
		if code := p.Wait(t); code != 0 {
			t.Errorf("%s --help: exit code %d", program, code)
		}
		help := p.Log()
		for _, flag := range flags {
			if !strings.Contains(help, flag) {
				t.Errorf("%s --help does not name %s", program, flag)
			}
		}
		if !strings.Contains(help, "PARLEY_") {
			t.Errorf("%s --help does not name the environment's variables", program)
		}
		for line := range strings.SplitSeq(help, "\n") {
			if len(line) > 120 {
				t.Errorf("%s --help: a line of %d bytes: %s", program, len(line), line)
			}
		}
	}
}

func TestABadSettingExits2AndSaysWhatToSet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	port := taken.Addr().String()
	all := []string{harness.Parley, harness.Gateway, harness.Roomsvc}
	sockets := all[:2]
	for _, one := range []struct {
		programs []string
		args     []string
		names    string // what the sentence has to name
	}{
		{all, []string{"--no-such-flag"}, "--no-such-flag"},
		{all, []string{"stray"}, "stray"},
		{all, []string{"--log-level", "loud"}, "log-level"},
		{all, []string{"--log-format", "xml"}, "log-format"},
		{all, []string{"--prefix", "a.b"}, "prefix"},
		{all, []string{"--prefix", "*"}, "prefix"},
		{all, []string{"--ops-listen", "nonsense"}, "ops-listen"},
		{all, []string{"--ops-listen", port}, "ops-listen"},
		{sockets, []string{"--listen", "127.0.0.1:99999"}, "listen"},
		{sockets, []string{"--listen", port}, port},
		{[]string{harness.Parley}, []string{"--nats-listen", port}, "nats-listen"},
		{sockets, []string{"--trusted-proxy", "nonsense"}, "trusted-proxy"},
		{sockets, []string{"--trusted-proxy", "10.0.0.0/99"}, "trusted-proxy"},
		{sockets, []string{"--allow-origin", "["}, "allow-origin"},
		{sockets, []string{"--allow-origin", "https://app.example/path"}, "write https://app.example"},
		{sockets, []string{"--max-frame", "-1"}, "max-frame"},
		{sockets, []string{"--max-queue", "much"}, "max-queue"},
		{sockets, []string{"--max-rooms", "-5"}, "max-rooms"},
		{sockets, []string{"--rate", "-1"}, "rate"},
		{sockets, []string{"--burst", "-1"}, "burst"},
		{sockets, []string{"--max-conns", "-1"}, "max-conns"},
		{sockets, []string{"--max-conns-per-address", "-1"}, "max-conns-per-address"},
		{sockets, []string{"--ipv6-prefix", "0"}, "ipv6-prefix"},
		{sockets, []string{"--idle-timeout", "0s"}, "idle-timeout"},
		{sockets, []string{"--drain", "soon"}, "drain"},
		{sockets, []string{"--drain", "-1s"}, "drain"},
		{[]string{harness.Parley}, []string{"--max-frame", "100000000"}, "max-frame"},
		{[]string{harness.Parley}, []string{"--data-dir", file}, "data-dir"},
		{[]string{harness.Roomsvc}, []string{"--storage", "tape"}, "storage"},
		{[]string{harness.Roomsvc}, []string{"--replicas", "0"}, "replicas"},
		{[]string{harness.Roomsvc}, []string{"--replicas", "-1"}, "replicas"},
		{[]string{harness.Roomsvc, harness.Parley}, []string{"--max-members", "-1"}, "max-members"},
		{[]string{harness.Roomsvc, harness.Parley}, []string{"--record-form", "5"}, "record-form"},
		{all, []string{"--nats", "http://127.0.0.1:1"}, "nats"},
		{all, []string{"--nats", "127.0.0.1:1", "--nats-creds", filepath.Join(dir, "none")}, "nats-creds"},
		{all, []string{"--nats", "127.0.0.1:1", "--nats-ca", filepath.Join(dir, "none")}, "nats-ca"},
		{all, []string{"--nats", "127.0.0.1:1", "--nats-ca", file}, "nats-ca"},
		{all, []string{"--nats", "127.0.0.1:1", "--nats-cert", file}, "nats-key"},
		{[]string{harness.Parley}, []string{"--turn-listen", "127.0.0.1:0"}, "needs --turn-public-address"},
		{[]string{harness.Parley}, []string{"--turn-public-address", "198.51.100.7"}, "needs --turn-listen"},
		{[]string{harness.Parley}, []string{"--turn-listen", "127.0.0.1:0", "--turn-public-address", "::1"}, "turn-public-address"},
		{[]string{harness.Parley}, []string{"--turn-listen", "127.0.0.1:0", "--turn-public-address", "127.0.0.1"}, "turn-public-address"},
		{[]string{harness.Parley}, []string{"--turn-listen", "127.0.0.1:0", "--turn-public-address", "turn.example.org"}, "turn-public-address"},
		{[]string{harness.Parley}, []string{"--turn-listen", port, "--turn-public-address", "198.51.100.7"}, "turn-listen"},
		{[]string{harness.Parley}, []string{"--turn-bits", "-1"}, "turn-bits"},
		{sockets, []string{"--turn", "turn:turn.example.org"}, "needs --turn-secret-file"},
		{sockets, []string{"--turn-secret-file", file}, "needs --turn"},
		{sockets, []string{"--turn", "stun:turn.example.org", "--turn-secret-file", file}, "--turn"},
		{sockets, []string{"--turn", "turn:turn.example.org", "--turn-secret-file", filepath.Join(dir, "none")}, "turn-secret-file"},
		{sockets, []string{"--stun", "stun.example.org"}, "--stun"},
		{sockets, []string{"--turn-ttl", "1s"}, "turn-ttl"},
		{sockets, []string{"--tls-cert", file}, "tls-key"},
		{sockets, []string{"--tls-cert", file, "--tls-key", file}, "tls-cert"},
	} {
		for _, program := range one.programs {
			t.Run(program+" "+strings.Join(one.args, " "), func(t *testing.T) {
				t.Parallel()
				args := append([]string{"--ops-listen", "127.0.0.1:0"}, one.args...)
				if one.args[0] == "--ops-listen" {
					args = one.args
				}
				if program != harness.Roomsvc && one.args[0] != "--listen" {
					args = append([]string{"--listen", "127.0.0.1:0"}, args...)
				}
				if program == harness.Parley && one.args[0] != "--nats-listen" && one.args[0] != "--nats" {
					args = append([]string{"--nats-listen", "127.0.0.1:0"}, args...)
				}
				p := harness.Start(t, program, program, args...)
				if code := p.Wait(t); code != 2 {
					t.Errorf("exit code %d\n%s", code, p.Tail(10))
				}
				if line := lastLine(p); !strings.Contains(line, one.names) || len(line) < 20 || strings.Contains(line, "goroutine") {
					t.Errorf("the last line does not say what to do about %s: %q", one.names, line)
				}
			})
		}
	}
}

func TestABadSettingInTheEnvironmentExits2(t *testing.T) {
	t.Setenv("PARLEY_LOG_LEVEL", "loud")
	p := harness.Start(t, harness.Parley, harness.Parley, "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0")
	if code := p.Wait(t); code != 2 || !strings.Contains(strings.ToLower(lastLine(p)), "log-level") {
		t.Errorf("exit code %d: %s", code, lastLine(p))
	}
}

func TestACleanStopExits0(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	for _, p := range []*harness.Process{
		harness.StartParley(t), harness.StartRoomsvc(t, nats.URL), harness.StartGateway(t, nats.URL),
	} {
		for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
			if status, body := p.Ops(t, path); status != 200 {
				t.Errorf("%s%s: %d %s", p.Name, path, status, body)
			}
		}
		sig := syscall.SIGTERM
		if p.Name == harness.Parley {
			sig = syscall.SIGINT
		}
		p.Signal(t, sig)
		if code := p.Wait(t); code != 0 {
			t.Errorf("%s: exit code %d after %v\n%s", p.Name, code, sig, p.Tail(10))
		}
	}
}

func TestMetricsSpeakOfSessionsRoomsAndRequests(t *testing.T) {
	t.Parallel()
	p := harness.StartParley(t)
	s := newSite(t, "nats://"+p.Addr(t, "nats"), 0, p)
	fill(t, "room", s.dials(t, 3)...)
	status, page := p.Ops(t, "/metrics")
	if status != 200 {
		t.Fatal(status)
	}
	for _, word := range []string{"session", "room", "request", "bucket", "append", "overflow"} {
		if !strings.Contains(page, word) {
			t.Errorf("the metrics do not speak of %s", word)
		}
	}
}

func TestAGatewayIsReadyOnlyWhenARoomRequestIsAnswered(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	g := harness.LaunchGateway(t, nats.URL)
	harness.Await(t, "the gateway lives", func() bool { status, _ := g.Ops(t, "/healthz"); return status == 200 })
	if status, _ := g.Ops(t, "/readyz"); status != 503 {
		t.Errorf("without a room service the gateway is ready: %d", status)
	}
	r := harness.StartRoomsvc(t, nats.URL)
	g.Ready(t)
	if code := r.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	harness.Await(t, "the gateway is not ready", func() bool { status, _ := g.Ops(t, "/readyz"); return status == 503 })
	harness.StartRoomsvc(t, nats.URL)
	g.Ready(t)
}

func TestWithoutNATSNobodyIsReadyAndAllComeWhenItDoes(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	nats.Kill(t)
	g, r := harness.LaunchGateway(t, nats.URL), harness.LaunchRoomsvc(t, nats.URL)
	for _, p := range []*harness.Process{g, r} {
		harness.Await(t, p.Name+" lives", func() bool { status, _ := p.Ops(t, "/healthz"); return status == 200 })
		if status, _ := p.Ops(t, "/readyz"); status != 503 {
			t.Errorf("%s is ready: %d", p.Name, status)
		}
		harness.Await(t, p.Name+" says what it waits for", func() bool { return strings.Contains(strings.ToLower(p.Log()), "nats") })
	}
	nats.Again(t)
	r.Ready(t)
	g.Ready(t)
}

func TestTooFewServersForTheReplicasIsSaidAndNeverReady(t *testing.T) {
	t.Parallel()
	p := harness.LaunchRoomsvc(t, harness.StartNATS(t).URL, "--replicas", "3")
	p.Logged(t, "replicas") // servers may still come: it says so and waits
	if status, _ := p.Ops(t, "/readyz"); status != 503 {
		t.Errorf("status %d", status)
	}
}
