package e2e_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// refused opens a connection and returns the status that refused it, 0 when it stands.
func refused(t *testing.T, url string, header http.Header, protocols ...string) int {
	t.Helper()
	c, err := testkit.Open(t.Context(), url, &testkit.Options{Header: header, Subprotocols: protocols})
	if err == nil {
		c.Close()
		return 0
	}
	var no *testkit.RefusedError
	if !errors.As(err, &no) {
		t.Fatal(err)
	}
	return no.Status
}

func TestOriginIsTheSameHostAListedPatternOrNone(t *testing.T) {
	t.Parallel()
	p := harness.StartParley(t, "--allow-origin", "https://*.example.org", "--allow-origin", "https://one.example.com")
	addr := p.Addr(t, "clients")
	url := "ws://" + addr + "/ws"
	_, port, _ := net.SplitHostPort(addr)
	for origin, status := range map[string]int{
		"":                              0,
		"http://" + addr:                0,
		"https://" + addr:               0,
		"https://a.example.org":         0,
		"https://one.example.com":       0,
		"https://two.example.com":       403,
		"https://example.net":           403,
		"https://evil.com/.example.org": 403,
		"http://127.0.0.1":              403, // another port is another host
		"http://localhost:" + port:      403,
		"null":                          403,
		"http://" + addr + ".evil.com":  403,
		"nonsense":                      403,
	} {
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		if got := refused(t, url, header); got != status {
			t.Errorf("origin %q: status %d, expected %d", origin, got, status)
		}
	}
}

func TestSubprotocolsAreNoneOrParleyV1(t *testing.T) {
	t.Parallel()
	url := harness.StartParley(t).WS(t)
	for _, one := range []struct {
		offered []string
		chosen  string
		status  int
	}{
		{[]string{}, "", 0},
		{[]string{"parley.v1"}, "parley.v1", 0},
		{[]string{"other", "parley.v1"}, "parley.v1", 0},
		{[]string{"other"}, "", 400},
		{[]string{"parley.v2", "PARLEY.V1"}, "", 400},
	} {
		c, res, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{Subprotocols: one.offered})
		if one.status != 0 {
			if err == nil || res == nil || res.StatusCode != one.status {
				t.Errorf("%v: %v, %v", one.offered, res, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%v: %v", one.offered, err)
			continue
		}
		if c.Subprotocol() != one.chosen {
			t.Errorf("%v: chosen %q", one.offered, c.Subprotocol())
		}
		_ = c.CloseNow()
	}
}

func TestOtherPathsAndMethodsAreNoSockets(t *testing.T) {
	t.Parallel()
	p := harness.StartParley(t)
	addr := p.Addr(t, "clients")
	for request, statuses := range map[string][]string{
		"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n":                                         {"404"},
		"GET /ws HTTP/1.1\r\nHost: x\r\n\r\n":                                              {"400", "426"},
		"POST /ws HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n":                        {"400", "405", "426"},
		"GET /ws HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 2<<20) + "\r\n\r\n":     {"431"},
		"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n": {"400", "426"},
		"nonsense\r\n\r\n": {"400"},
		"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n": {"301", "307", "400", "404"},
		"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n":          {"404"},
		"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n":           {"404"},
		"GET /debug/pprof/ HTTP/1.1\r\nHost: x\r\n\r\n":     {"404"},
	} {
		status := raw(t, addr, request)
		ok := false
		for _, s := range statuses {
			ok = ok || strings.HasPrefix(status, "HTTP/1.1 "+s) || strings.HasPrefix(status, "HTTP/1.0 "+s)
		}
		if !ok {
			t.Errorf("%.60q: answered %q, expected %v", request, status, statuses)
		}
	}
}

// raw sends text over TCP and returns the first line of what comes back.
func raw(t *testing.T, addr, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(harness.Patience))
	_, err = c.Write([]byte(text)) // one that is refused early may be cut off
	line, readErr := bufio.NewReader(c).ReadString('\n')
	if readErr != nil && line == "" {
		return fmt.Sprint(err, readErr)
	}
	return line
}

func TestAnUpgradeHasTenSecondsToArrive(t *testing.T) {
	t.Parallel()
	addr := harness.StartParley(t).Addr(t, "clients")
	for name, text := range map[string]string{
		"silence":   "",
		"half line": "GET /ws HT",
		"no end":    "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			start := time.Now()
			if _, err := c.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
			_ = c.SetDeadline(start.Add(harness.Patience))
			buf := make([]byte, 4096)
			for err == nil {
				_, err = c.Read(buf)
			}
			if took := time.Since(start); took < 9*time.Second || took > 14*time.Second {
				t.Errorf("it ended after %v: %v", took, err)
			}
		})
	}
}

// TestTheServerPingsAndGivesUpOnTheSilent takes 45 s of waiting: a ping each 25 s, 20 s for the answer.
func TestTheServerPingsAndGivesUpOnTheSilent(t *testing.T) {
	t.Parallel()
	s := onePlace(t)
	room, a := fresh(t), s.dial(t)
	fill(t, room, a)
	silent, id := rawClient(t, s.urls[0])
	write(t, silent, fmt.Sprintf(`{"event":"room-join","room":%q}`, room))
	if r := a.Expect(t, proto.ClientJoined); string(r.ID) != id {
		t.Errorf("heard %s", r.Raw)
	}
	start := time.Now()
	_ = silent.SetReadDeadline(start.Add(60 * time.Second))
	var pinged time.Duration
	for {
		op, _, err := readFrame(silent.r)
		if err != nil {
			break
		}
		if op == 9 && pinged == 0 {
			pinged = time.Since(start)
		}
	}
	ended := time.Since(start)
	if pinged == 0 || pinged > 30*time.Second {
		t.Errorf("the first ping came after %v", pinged)
	}
	if ended < pinged+18*time.Second || ended > pinged+28*time.Second {
		t.Errorf("pinged after %v, ended after %v", pinged, ended)
	}
	r, err := a.Await(t.Context(), proto.ClientLeft)
	if err != nil || string(r.ID) != id {
		t.Errorf("heard %s, %v", r.Raw, err)
	}
	want(t, a.Do(t, proto.Frame{Name: proto.Ping}), proto.Pong) // a client that answers pings is still here
}
