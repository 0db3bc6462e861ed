package e2e_test

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/gateway/ice"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// relayed is a page whose browser reaches others through TURN servers alone. It names none: the server does.
const relayed = `<!doctype html><body><script type="module">
import { connect } from "http://localhost:8080/parley.js";
const camera = await navigator.mediaDevices.getUserMedia({ video: true });
window.parley = connect("http://localhost:8080", { rtc: { iceTransportPolicy: "relay" } });
const room = await parley.enter("relayed");
window.mesh = room.mesh((peer) => {
  for (const track of camera.getTracks()) peer.pc.addTrack(track, camera);
  const video = document.body.appendChild(document.createElement("video"));
  video.autoplay = true;
  peer.on("track", ({ streams }) => { video.srcObject = streams[0]; });
});
</script>`

// outward is an address of this machine that is not its loopback: browsers offer no path over that.
func outward(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if n, is := a.(*net.IPNet); is && n.IP.IsGlobalUnicast() && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	t.Fatal("this machine has no address but its loopback")
	return ""
}

// startTURN starts coturn with a secret, and returns its URL.
func startTURN(t *testing.T, secret string, more ...string) string {
	t.Helper()
	ip, port := outward(t), testkit.Ports(t, 1)[0]
	dir := t.TempDir()
	harness.StartShell(t, `exec "$0" "$@" >&2`, "turnserver", append([]string{
		"-n", "--no-cli", "--no-tls", "--no-dtls", "--listening-ip", ip, "--relay-ip", ip,
		"--listening-port", fmt.Sprint(port), "--realm", "parley", "--use-auth-secret", "--static-auth-secret", secret, "--log-file", "stdout",
		"--userdb", filepath.Join(dir, "db"), "--pidfile", filepath.Join(dir, "pid"),
	}, more...)...)
	harness.Await(t, "coturn listens", func() bool {
		conn, err := net.Dial("tcp", net.JoinHostPort(ip, fmt.Sprint(port)))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return fmt.Sprintf("turn:%s:%d?transport=udp", ip, port)
}

// TestBrowsersReachEachOtherThroughATURNServer, coturn and the one inside: the server gives the credentials, and parley.js asks for them by
// itself. It is not parallel: pictures keep a machine busy.
func TestBrowsersReachEachOtherThroughATURNServer(t *testing.T) {
	const secret = "marked-secret-of-turn-servers"
	for name, args := range map[string][]string{
		"coturn": {"--turn", startTURN(t, secret), "--turn-secret-file", turnSecret(t, secret+"\n")},
		"inside": {"--turn-listen", fmt.Sprintf("%s:%d", outward(t), testkit.Ports(t, 1)[0]), "--turn-public-address", outward(t)},
	} {
		t.Run(name, func(t *testing.T) {
			site := newPages(t)
			p := harness.StartParley(t, append(args, "--allow-origin", site.origin(), "--log-level", "debug")...)
			site.write(t, "index.html", at(t, p, relayed))
			b := startBrowser(t, "use-fake-ui-for-media-stream")
			tabs := []*tab{b.openAny(t, "first", site.URL), b.openAny(t, "second", site.URL)}
			for _, tab := range tabs {
				tab.until("it shows the other", plays)
				tab.until("the path is a relay's", `(async () => {
					const stats = await [...mesh.peers.values()][0].pc.getStats();
					const pair = [...stats.values()].find(({ type, state, nominated }) => type === "candidate-pair" && state === "succeeded" && nominated);
					return stats.get(pair?.localCandidateId)?.candidateType === "relay" && stats.get(pair.remoteCandidateId)?.candidateType === "relay";
				})()`)
			}
			if strings.Contains(p.Log(), "marked-secret") {
				t.Error("the secret stands in the log")
			}
			if name == "inside" {
				if _, text := p.Ops(t, "/metrics"); !strings.Contains(text, "\nparley_turn_allocations ") || strings.Contains(text, "\nparley_turn_relayed_bytes_total 0\n") {
					t.Error("operators see nothing of it")
				}
			}
			wrong, all, code := examine(t, nil, "http://"+p.Addr(t, "clients"))
			if code != 0 || wrong != nil {
				t.Errorf("the doctor says %d:\n%s", code, all)
			}
		})
	}
}

func TestICEServersAreToldToWhoIsInARoom(t *testing.T) {
	t.Parallel()
	const secret = "sixteen-bytes-at-least"
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	users := harness.NewSecret(t)
	told := []string{"--stun", "stun:stun.example.org", "--turn", "turn:turn.example.org", "--turn-secret-file", file, "--turn-ttl", "1m"}
	open, closed := harness.StartParley(t, told...), harness.StartParley(t, append(told, users.Args...)...)
	nameless := testkit.Dial(t, open.WS(t))
	named := testkit.DialWith(t, closed.WS(t), &testkit.Options{Token: users.Token(t, "ann", harness.Grants{"*": {"create"}})})
	for name, c := range map[string]*testkit.Client{string(nameless.ID()): nameless, "user ann": named} {
		wantCode(t, c.Do(t, proto.Frame{Name: proto.ICE}), proto.CodeForbidden)
		want(t, c.Create(t, "room"), proto.RoomCreated)
		e := c.Do(t, proto.Frame{Name: proto.ICE})
		want(t, e, proto.ICE)
		servers := e.More.ICEServers
		if e.More.TTL != 60 || len(servers) != 2 || servers[0].URLs[0] != "stun:stun.example.org" || servers[0].Credential != "" || servers[1].URLs[0] != "turn:turn.example.org" {
			t.Fatalf("%+v", e.More)
		}
		expires, who, _ := strings.Cut(servers[1].Username, ":")
		at, err := strconv.ParseInt(expires, 10, 64)
		if _, credential := ice.Credentials([]byte(secret), name, time.Unix(at, 0)); err != nil || who != url.PathEscape(name) || credential != servers[1].Credential {
			t.Errorf("%s is told %+v", name, servers[1])
		}
		if left := time.Until(time.Unix(at, 0)); left > time.Minute || left < 0 {
			t.Errorf("they count for %v", left)
		}
	}
	none := testkit.Dial(t, harness.StartParley(t).WS(t))
	want(t, none.Create(t, "room"), proto.RoomCreated)
	if e := none.Do(t, proto.Frame{Name: proto.ICE}); e.More == nil || len(e.More.ICEServers) != 0 || e.More.TTL != 0 {
		t.Errorf("a server without any tells %+v", e)
	}
}
