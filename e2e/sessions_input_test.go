package e2e_test

import (
	"encoding/base64"
	"errors"
	"math"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

func TestAHandshakesKeyAndTurnAreCheckedAndRefusedWithASentence(t *testing.T) {
	t.Parallel()
	s := onePlace(t)
	key := testkit.NewKey()
	good := proto.KeySubprotocol(*key)
	encoded := func(n int) string { return proto.KeyProtocol + base64.RawURLEncoding.EncodeToString(make([]byte, n)) }
	v1 := proto.Subprotocol
	another := func() string { return proto.KeySubprotocol(*testkit.NewKey()) }
	for name, one := range map[string]struct {
		query     string
		protocols []string
		status    int
	}{
		"good":                    {"?turn=1", []string{v1, another()}, 0},
		"the other order":         {"?turn=2", []string{another(), v1}, 0},
		"the last turn":           {"?turn=2147483648", []string{v1, another()}, 0},
		"with keep":               {"?turn=1&keep=300", []string{v1, another()}, 0},
		"no turn":                 {"", []string{v1, good}, 400},
		"an empty turn":           {"?turn=", []string{v1, good}, 400},
		"turn 0":                  {"?turn=0", []string{v1, good}, 400},
		"a negative turn":         {"?turn=-1", []string{v1, good}, 400},
		"a turn too great":        {"?turn=2147483649", []string{v1, good}, 400},
		"a turn far too great":    {"?turn=99999999999999999999", []string{v1, good}, 400},
		"a turn that is no int":   {"?turn=1.5", []string{v1, good}, 400},
		"a turn in words":         {"?turn=one", []string{v1, good}, 400},
		"a turn in hex":           {"?turn=0x1", []string{v1, good}, 400},
		"a turn without a key":    {"?turn=1", []string{v1}, 400},
		"keep too great":          {"?turn=1&keep=301", []string{v1, good}, 400},
		"a negative keep":         {"?turn=1&keep=-1", []string{v1, good}, 400},
		"keep in words":           {"?turn=1&keep=long", []string{v1, good}, 400},
		"two keys":                {"?turn=1", []string{v1, good, encoded(32)}, 400},
		"a key alone":             {"?turn=1", []string{good}, 400},
		"31 bytes":                {"?turn=1", []string{v1, encoded(31)}, 400},
		"33 bytes":                {"?turn=1", []string{v1, encoded(33)}, 400},
		"no bytes":                {"?turn=1", []string{v1, encoded(0)}, 400},
		"hexadecimal":             {"?turn=1", []string{v1, proto.KeyProtocol + strings.Repeat("0a", 32)}, 400},
		"the standard alphabet":   {"?turn=1", []string{v1, proto.KeyProtocol + strings.Repeat("+", 42) + "A"}, 400},
		"bits that do not count":  {"?turn=1", []string{v1, encoded(32)[:len(encoded(32))-1] + "B"}, 400},
		"the prefix in capitals":  {"?turn=1", []string{v1, strings.ToUpper(proto.KeyProtocol) + good[len(proto.KeyProtocol):]}, 400},
		"ten thousand characters": {"?turn=1", []string{v1, proto.KeyProtocol + strings.Repeat("A", 10_000)}, 400},
	} {
		c, err := testkit.Open(t.Context(), s.urls[0]+one.query, &testkit.Options{Subprotocols: one.protocols})
		var refused *testkit.RefusedError
		switch {
		case err == nil && one.status == 0:
			c.Close()
		case err == nil:
			c.Close()
			t.Errorf("%s: it is connected", name)
		case !errors.As(err, &refused):
			t.Errorf("%s: %v", name, err)
		case refused.Status != one.status:
			t.Errorf("%s: refused with %d %s", name, refused.Status, refused.Body)
		case len(strings.Fields(refused.Body)) < 3, strings.Contains(refused.Body, good[len(proto.KeyProtocol):]):
			t.Errorf("%s: refused with %q", name, refused.Body)
		}
	}
}

func TestAKeyIsNeitherEchoedNorLogged(t *testing.T) {
	t.Parallel()
	p := harness.StartParley(t, "--log-level", "debug")
	key := testkit.NewKey()
	secret := base64.RawURLEncoding.EncodeToString(key[:])
	c := testkit.DialWith(t, p.WS(t), &testkit.Options{Key: key, Turn: 1})
	if c.ID() != proto.KeyID(*key) {
		t.Errorf("connected as %s", c.ID())
	}
	want(t, c.Create(t, "room"), proto.RoomCreated)
	for _, r := range c.All() {
		if strings.Contains(string(r.Raw), secret) {
			t.Errorf("heard %s", r.Raw)
		}
	}
	_, err := testkit.Open(t.Context(), p.WS(t)+"?turn=0", &testkit.Options{Key: key})
	if refused := (*testkit.RefusedError)(nil); !errors.As(err, &refused) || strings.Contains(refused.Body, secret) {
		t.Errorf("refused: %v", err)
	}
	for header, values := range upgradeHeaders(t, p, key) {
		if strings.Contains(strings.Join(values, ","), secret) {
			t.Errorf("the answer to the upgrade has %s: %v", header, values)
		}
	}
	c.Close()
	if log := p.Log(); strings.Contains(log, secret) {
		t.Error("the key stands in the log")
	}
}

// upgradeHeaders returns the headers of the answer to an upgrade with a key.
func upgradeHeaders(t *testing.T, p *harness.Process, key *[proto.KeySize]byte) http.Header {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.Addr(t, "clients")+"/ws?turn=2", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
		"Sec-WebSocket-Protocol": proto.Subprotocol + ", " + proto.KeySubprotocol(*key),
	} {
		req.Header.Set(name, value)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("Sec-WebSocket-Protocol"); res.StatusCode != http.StatusSwitchingProtocols || got != proto.Subprotocol {
		t.Errorf("status %d, subprotocol %q", res.StatusCode, got)
	}
	return res.Header
}

// sessionCount is the environment variable for how many sessions come and go in the test of what stays behind.
const sessionCount = "PARLEY_SESSION_COUNT"

func TestSessionsThatCameAndWentLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	const spare = 100 // what NATS and HTTP start when they are busy; a goroutine a session would be thousands
	p := harness.StartParley(t, "--rate", "0", "--max-conns", "0", "--max-conns-per-address", "0")
	s := newSite(t, "nats://"+p.Addr(t, "nats"), 0, p)
	awaitSessions(t, s)
	comeAndGo(t, s, 400) // what a process makes once
	goroutines, heap := settled(t, p, math.Inf(1))
	comeAndGo(t, s, sized(t, sessionCount, 3000))
	after, heapAfter := settled(t, p, goroutines+spare)
	// What may be told again is remembered for 30 s, who has gone for a minute, and the journal has the closings of rooms for ten, here in
	// memory: of 3,000 sessions that is little.
	within := 6 * harness.Patience
	if sized(t, sessionCount, 3000) > 3000 {
		within += proto.ClosedTTL
	}
	harness.AwaitFor(t, within, "the memory is given back", func() bool {
		if heapAfter > 1.3*heap+4<<20 {
			_, heapAfter = settled(t, p, goroutines+spare)
		}
		return heapAfter <= 1.3*heap+4<<20
	})
	t.Logf("goroutines %v, then %v; heap %.1f MiB, then %.1f MiB", goroutines, after, heap/(1<<20), heapAfter/(1<<20))
	if after > goroutines+spare {
		t.Error("goroutines have been left behind")
	}
}

// comeAndGo has n sessions come, signal, lose their connection, come back, lose it again and end: by leaving, by themselves when their
// second is over, or each by the other.
func comeAndGo(t *testing.T, s *site, n int) {
	t.Helper()
	var wg sync.WaitGroup
	next := make(chan int)
	for range 4 * runtime.NumCPU() {
		wg.Go(func() {
			for i := range next {
				life(t, s, i)
			}
		})
	}
	for i := range n / 2 {
		next <- i
	}
	close(next)
	wg.Wait()
}

// life is two sessions in a room. It does not end the test: it is not in the test's goroutine.
func life(t *testing.T, s *site, i int) {
	var clients [2]*client
	keys := [2]*[proto.KeySize]byte{testkit.NewKey(), testkit.NewKey()}
	room, keep := fresh(t), 1
	for turn := int64(1); turn <= 3; turn++ {
		for k := range clients {
			var heard testkit.Heard
			if turn > 1 {
				clients[k].Abort()
				heard = clients[k].Heard(room)
			}
			c, err := testkit.Open(t.Context(), s.urls[0], &testkit.Options{Key: keys[k], Turn: turn, Keep: &keep})
			if err != nil {
				t.Error(err)
				return
			}
			clients[k] = c
			f := proto.Frame{Name: proto.RoomEnter, Room: room}
			if turn > 1 {
				f = heard.Frame(room, i%5 == 0)
			}
			if e, err := c.Request(t.Context(), f); err != nil || e.Name == proto.Error {
				t.Errorf("%s: answered %s, %v", f.Name, proto.AppendEvent(nil, &e), err)
			}
		}
		for k, c := range clients {
			f := proto.Frame{Name: proto.SignalSend, Room: room, TargetID: clients[1-k].ID(), Data: []byte(`"` + strings.Repeat("x", 500) + `"`)}
			if _, err := c.Request(t.Context(), f); err != nil {
				t.Error(err)
			}
		}
	}
	clients[1].Abort()
	if i%2 == 0 {
		clients[0].Close()
	} else {
		clients[0].Abort()
	}
}

// settled waits until a process has at most so many goroutines, no session and no room, and returns how many goroutines and how much heap it
// then has.
func settled(t *testing.T, p *harness.Process, most float64) (goroutines, heap float64) {
	t.Helper()
	var sessions float64
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%v goroutines, of at most %v, and %v sessions", goroutines, most, sessions)
		}
	})
	harness.AwaitFor(t, 2*harness.Patience, "the process has settled", func() bool {
		goroutines, sessions = gauge(t, p, "go_goroutines"), gauge(t, p, "parley_gateway_sessions")
		return sessions == 0 && goroutines <= most
	})
	lowest := math.Inf(1)
	for range 40 { // garbage comes and goes: what is left behind is in the lowest
		lowest = min(lowest, gauge(t, p, "go_memstats_heap_alloc_bytes"))
		for range 20 {
			gauge(t, p, "go_goroutines") // answering makes garbage, and so has it collected
		}
	}
	return gauge(t, p, "go_goroutines"), lowest
}

// gauge sums a metric over its labels.
func gauge(t *testing.T, p *harness.Process, name string) float64 {
	t.Helper()
	_, page := p.Ops(t, "/metrics")
	sum := 0.0
	for line := range strings.SplitSeq(page, "\n") {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest == "" || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		v, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		sum += v
	}
	return sum
}
