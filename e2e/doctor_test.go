package e2e_test

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-rtc/parley/e2e/harness"
)

// examine runs the doctor, and returns what it says is wrong, and its exit code.
func examine(t *testing.T, env []string, args ...string) (wrong []string, all string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), harness.Binary(t, harness.Parley), append([]string{"doctor", "--timeout", "20s"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	out, _ := cmd.Output()
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "WRONG") {
			wrong = append(wrong, strings.TrimSpace(line))
		}
	}
	return wrong, string(out), cmd.ProcessState.ExitCode()
}

// before puts a proxy of a test's own in front of a program.
func before(t *testing.T, p *harness.Process, change func(*httputil.ReverseProxy)) string {
	t.Helper()
	to, err := url.Parse("http://" + p.Addr(t, "clients"))
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host }}
	change(proxy)
	s := httptest.NewServer(proxy)
	t.Cleanup(s.Close)
	return s.URL
}

func turnSecret(t *testing.T, secret string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTheDoctorFindsADeploymentWell(t *testing.T) {
	t.Parallel()
	const secret = "marked-secret-of-turn-servers"
	turn := startTURN(t, secret)
	stun := "stun:" + strings.TrimSuffix(strings.TrimPrefix(turn, "turn:"), "?transport=udp")
	users, cert := harness.NewSecret(t), harness.NewCertificate(t)
	args := append(append(users.Args, cert.Args...), "--turn", turn, "--turn-secret-file", turnSecret(t, secret), "--stun", stun, "--allow-origin", "app.example")
	cert.Until(t, 12*time.Hour) // some are made anew each day
	p := harness.StartParley(t, args...)
	token := users.Token(t, "ann", harness.Grants{"doctor-*": {"create", "join"}})
	wrong, all, code := examine(t, []string{"SSL_CERT_FILE=" + cert.File()}, "https://"+p.Addr(t, "clients"), "--token", token, "--origin", "https://app.example")
	if code != 0 || wrong != nil || !strings.Contains(all, turn) || !strings.Contains(all, "came back") {
		t.Errorf("code %d:\n%s", code, all)
	}
}

// A TURN server that is `parley turn`, beside a gateway that is told of it as its last line says.
func TestTheDoctorFindsATURNServerOfItsOwnWell(t *testing.T) {
	t.Parallel()
	cert := harness.NewCertificate(t)
	secret := turnSecret(t, "marked-secret-of-turn-servers")
	args := []string{"turn", "--ops-listen", "127.0.0.1:0", "--log-format", "text", "--turn-secret-file", secret}
	at := []string{"--turn-listen", "0.0.0.0:0", "--turn-public-address", outward(t)}
	alone := harness.Start(t, "parley turn", harness.Parley, append(append(args, at...), cert.Args...)...)
	_, told, found := strings.Cut(alone.Logged(t, "Tell gateways of it: "), "Tell gateways of it: ")
	if !found || !strings.Contains(told, "turns:localhost:") {
		t.Fatalf("it says %q", told)
	}
	alone.Ready(t)
	p := harness.StartParley(t, strings.Fields(told)...)
	wrong, all, code := examine(t, []string{"SSL_CERT_FILE=" + cert.File()}, "http://"+p.Addr(t, "clients"))
	if code != 0 || wrong != nil || strings.Count(all, "ok     STUN and TURN") < 1 {
		t.Errorf("code %d:\n%s", code, all)
	}
	if _, metrics := alone.Ops(t, "/metrics"); strings.Contains(metrics, "\nparley_turn_relayed_bytes_total 0\n") {
		t.Error("nothing was relayed")
	}
	for args, says := range map[string]string{
		"turn": "--turn-listen is needed", "turn --turn-listen :0": "--turn-secret-file is needed",
		"turn --turn-listen 127.0.0.1:0 --turn-secret-file " + secret:                                   "needs --turn-public-address",
		"turn --turn-listen 127.0.0.1:0 --turn-public-address 198.51.100.7 --turn-secret-file /no/such": "cannot be used",
	} {
		p := harness.Start(t, "parley turn", harness.Parley, append(strings.Fields(args), "--ops-listen", "127.0.0.1:0")...)
		if code := p.Wait(t); code != 2 || !strings.Contains(lastLine(p), says) {
			t.Errorf("%s: %d, %q", args, code, lastLine(p))
		}
	}
	if code := alone.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// Each deployment is broken in one way, and is told for what it is.
func TestTheDoctorNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	well := harness.StartParley(t)
	at := "http://" + well.Addr(t, "clients")
	users, cert := harness.NewSecret(t), harness.NewCertificate(t)
	asks := harness.StartParley(t, users.Args...)
	secured := harness.StartParley(t, append(cert.Args, "--listen", "0.0.0.0:0")...)
	trusted := []string{"SSL_CERT_FILE=" + cert.File()}
	outdated := harness.NewCertificate(t)
	outdated.Expire(t)
	late := harness.NewCertificate(t)
	late.Until(t, 10*time.Minute)
	nats := harness.StartNATS(t)
	const secret = "marked-secret-of-turn-servers"
	turn := startTURN(t, secret)
	withTURN := func(turn, secret string) string {
		return "http://" + harness.StartParley(t, "--turn", turn, "--turn-secret-file", turnSecret(t, secret)).Addr(t, "clients")
	}
	now := time.Now()
	for name, c := range map[string]struct {
		url  string
		args []string
		env  []string
		says string
	}{
		"nothing answers":           {"http://127.0.0.1:1", nil, nil, "is the gateway running"},
		"no such name":              {"https://no-such-name.invalid", nil, nil, "look at its DNS record"},
		"no Parley":                 {httptestServer(t, http.NotFoundHandler()), nil, nil, "this is no Parley gateway"},
		"a proxy without a gateway": {httptestServer(t, status(http.StatusBadGateway)), nil, nil, "does not reach the gateway"},
		"nobody signed it":          {"https://127.0.0.1:" + port(t, secured), nil, nil, "nobody whom this machine trusts"},
		"another name":              {"https://127.0.0.2:" + port(t, secured), nil, trusted, "is for localhost"},
		"it has expired":            {"https://" + harness.StartParley(t, outdated.Args...).Addr(t, "clients"), nil, []string{"SSL_CERT_FILE=" + outdated.File()}, "expired at"},
		"it is late":                {"https://" + harness.StartParley(t, late.Args...).Addr(t, "clients"), nil, []string{"SSL_CERT_FILE=" + late.File()}, "look at why whoever renews it"},
		"no TLS":                    {"https://" + well.Addr(t, "clients"), nil, nil, "speaks no TLS"},
		"the origin is refused":     {at, []string{"--origin", "https://app.example"}, nil, "--allow-origin"},
		"a proxy without upgrades": {before(t, well, func(p *httputil.ReverseProxy) {
			rewrite := p.Rewrite
			p.Rewrite = func(r *httputil.ProxyRequest) {
				rewrite(r)
				r.Out.Header.Del("Upgrade")
				r.Out.Header.Del("Connection")
			}
		}), nil, nil, "does not pass the upgrade on"},
		"the clock is off": {before(t, well, func(p *httputil.ReverseProxy) {
			p.ModifyResponse = func(r *http.Response) error {
				r.Header.Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
				return nil
			}
		}), nil, nil, "from this machine's"},
		"no token":           {"http://" + asks.Addr(t, "clients"), nil, nil, "give one with --token"},
		"an old token":       {"http://" + asks.Addr(t, "clients"), []string{"--token", users.TokenAt(t, "ann", harness.Grants{"*": {"create"}}, now.Add(-2*time.Hour), now.Add(-time.Hour))}, nil, "does not take the token"},
		"another's room":     {"http://" + asks.Addr(t, "clients"), []string{"--token", users.Token(t, "ann", harness.Grants{"team": {"create", "join"}})}, nil, "with --room"},
		"no room service":    {"http://" + harness.LaunchGateway(t, nats.URL).Addr(t, "clients"), nil, nil, "no room service answers"},
		"nothing is kept":    {"http://" + harness.StartParley(t, "--keep", "0").Addr(t, "clients"), nil, nil, "--keep 0"},
		"the TURN secret":    {withTURN(turn, "another-secret-of-turn-servers"), nil, nil, "the credentials are refused"},
		"the TURN port":      {withTURN("turn:127.0.0.1:1?transport=udp", secret), nil, nil, "its port open in the firewall"},
		"a relay to nowhere": {withTURN(startTURN(t, secret, "--denied-peer-ip", outward(t)), secret), nil, nil, "relays nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wrong, all, code := examine(t, c.env, append([]string{c.url}, c.args...)...)
			if code != 1 || len(wrong) != 1 || !strings.Contains(wrong[0], c.says) {
				t.Errorf("code %d, expected %q alone:\n%s", code, c.says, all)
			}
		})
	}
}

func httptestServer(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func status(code int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
}

func port(t *testing.T, p *harness.Process) string {
	t.Helper()
	_, port, err := net.SplitHostPort(p.Addr(t, "clients"))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestTheDoctorsBadSettingsSayWhatToSet(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"http://a", "--timeout", "0"}, {"http://a", "b"}} {
		cmd := exec.CommandContext(t.Context(), harness.Binary(t, harness.Parley), append([]string{"doctor"}, args...)...)
		var said bytes.Buffer
		cmd.Stderr = &said
		if _ = cmd.Run(); cmd.ProcessState.ExitCode() != 2 || !strings.HasPrefix(said.String(), "parley doctor: ") {
			t.Errorf("%v: code %d: %s", args, cmd.ProcessState.ExitCode(), said.String())
		}
	}
}
