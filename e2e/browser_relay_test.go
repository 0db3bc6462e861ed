package e2e_test

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// turnOn starts coturn on a host, by one of its addresses.
func turnOn(t *testing.T, h *harness.Host, address string) {
	t.Helper()
	dir := t.TempDir()
	harness.StartShell(t, `exec "$0" "$@" >&2`, "ip", "netns", "exec", h.Name, "turnserver",
		"-n", "--no-cli", "--no-tls", "--no-dtls", "--listening-ip", address, "--relay-ip", address, "--realm", "parley",
		"--use-auth-secret", "--static-auth-secret", turnPhrase, "--log-file", "stdout",
		"--userdb", filepath.Join(dir, "db"), "--pidfile", filepath.Join(dir, "pid"))
}

const turnPhrase = "marked-secret-of-turn-servers"

// TestCallsThroughRelaysOnPublicAddresses has browsers that reach each other through relays alone, on addresses as the internet has them and
// with default settings, while three lots of credentials expire. What the relay inside must not reach it does not reach there either.
func TestCallsThroughRelaysOnPublicAddresses(t *testing.T) {
	t.Parallel()
	if !harness.Isolated(t) {
		return
	}
	network := harness.StartNetworkAt(t, "5.5.5")
	server, coturn, private := network.Host(t), network.Host(t), network.Host(t)
	server.Also(t, "10.9.9.1")
	private.Also(t, "10.9.9.9")
	turnOn(t, coturn, coturn.IP)
	turnOn(t, private, "10.9.9.9")
	harness.Await(t, "coturn listens", func() bool {
		conn, err := net.Dial("tcp", coturn.IP+":3478")
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	site := newPages(t)
	start := func(args ...string) *harness.Process {
		t.Helper()
		p := server.Start(t, "parley", harness.Parley, append(args, "--listen", server.IP+":8080", "--ops-listen", server.IP+":9090",
			"--turn-ttl", "10s", "--allow-origin", site.origin(), "--log-format", "text")...)
		p.Logged(t, "msg=ready")
		return p
	}
	site.write(t, "index.html", strings.ReplaceAll(relayed, "localhost:8080", server.IP+":8080"))

	p := start("--turn", "turn:"+coturn.IP+":3478?transport=udp", "--turn-secret-file", turnSecret(t, turnPhrase+"\n"))
	relaysWhileCredentialsExpire(t, site)
	p.Stop(t)

	start("--turn-listen", ":3478", "--turn-public-address", server.IP)
	relaysWhileCredentialsExpire(t, site)
	reachesNothingPrivate(t, server.IP, coturn.IP)
}

// relaysWhileCredentialsExpire has two in a call for longer than three lots of credentials count, and a third who comes then.
func relaysWhileCredentialsExpire(t *testing.T, site *pages) {
	t.Helper()
	b := startBrowser(t, "use-fake-ui-for-media-stream")
	tabs := []*tab{b.openAny(t, "first", site.URL), b.openAny(t, "second", site.URL)}
	for _, tab := range tabs {
		tab.until("it shows the other", plays)
	}
	<-time.After(32 * time.Second)
	for _, tab := range tabs {
		tab.until("it shows the other", plays)
	}
	third := b.openAny(t, "third", site.URL)
	for _, tab := range append(tabs, third) {
		tab.until("it shows both others", `(async () => {
			const videos = [...document.querySelectorAll("video")].filter((video) => video.videoWidth);
			const before = videos.map((video) => video.currentTime);
			await new Promise((resolve) => setTimeout(resolve, 500));
			return videos.length === 2 && videos.every((video, i) => video.currentTime > before[i]);
		})()`)
		tab.until("every path is a relay's", `(async () => {
			for (const { pc } of mesh.peers.values()) {
				const stats = await pc.getStats();
				const pair = [...stats.values()].find(({ type, state, nominated }) => type === "candidate-pair" && state === "succeeded" && nominated);
				if (stats.get(pair?.localCandidateId)?.candidateType !== "relay") return false;
			}
			return true;
		})()`)
	}
	for _, tab := range append(tabs, third) {
		tab.close()
	}
}

// reachesNothingPrivate tries by credentials as any client has them.
func reachesNothingPrivate(t *testing.T, server, public string) {
	t.Helper()
	c := testkit.Dial(t, "ws://"+server+":8080/ws")
	want(t, c.Create(t, "of a curious one"), proto.RoomCreated)
	told := c.Do(t, proto.Frame{Name: proto.ICE})
	given := told.More.ICEServers[len(told.More.ICEServers)-1]
	socket, err := net.ListenPacket("udp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	client, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: server + ":3478", TURNServerAddr: server + ":3478", Username: given.Username, Password: given.Credential, Conn: socket,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	relay, err := client.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	for _, ip := range []string{"10.9.9.9", "10.9.9.1", "127.0.0.1", "169.254.169.254"} {
		err := client.CreatePermission(&net.UDPAddr{IP: net.ParseIP(ip), Port: 3478})
		if err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("%s: %v", ip, err)
		}
	}
	// What answers whoever asks: coturn, which anybody may reach, and the relay's own server, which nobody may through it.
	asks := func(at string, patience time.Duration) error {
		t.Helper()
		addr, err := net.ResolveUDPAddr("udp4", at)
		if err != nil {
			t.Fatal(err)
		}
		question := stun.MustBuild(stun.TransactionID, stun.BindingRequest)
		if _, err := relay.WriteTo(question.Raw, addr); err != nil {
			return fmt.Errorf("asking: %w", err)
		}
		_ = relay.SetReadDeadline(time.Now().Add(patience))
		_, from, err := relay.ReadFrom(make([]byte, 1500))
		if err == nil && from.String() != at {
			return fmt.Errorf("%s answers", from)
		}
		return err
	}
	harness.Await(t, "a public address answers", func() bool { return asks(public+":3478", time.Second) == nil })
	for range 3 {
		if err := asks(server+":3478", 500*time.Millisecond); err == nil {
			t.Error("another port of the relay's host is reached")
		}
	}
}
