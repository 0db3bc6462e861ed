package socketio

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

// socketQuery is that of the upgrade of a session on polling.
func socketQuery(query string) string {
	return strings.Replace(query, "transport=polling", "transport=websocket", 1)
}

// TestUpgradeLosesNoneAndDoublesNone has a session send without a pause while its client goes from polling to a WebSocket
// the way clients do: the probe, the end of the poll under way, then the upgrade.
func TestUpgradeLosesNoneAndDoublesNone(t *testing.T) {
	t.Parallel()
	for _, revision := range []int{3, 4} {
		for round := range 6 {
			t.Run(fmt.Sprintf("%d/%d", revision, round), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, Config{})
				upgradeUnderLoad(t, w, w, revision)
			})
		}
	}
}

// upgradeUnderLoad opens at one gateway and upgrades at another, or the same.
func upgradeUnderLoad(t *testing.T, w, other *world, revision int) {
	t.Helper()
	q := w.open(fmt.Sprint(revision))
	if revision == 4 {
		w.post(q, "40").want(t, 200, "ok")
	}
	const events = 2000
	session := w.session()
	credit := make(chan struct{}, 50) // so that the upgrade finds events on their way
	w.rooms.wg.Go(func() {
		for i := range events {
			session.Send(link.Out{Message: link.NewMessage(proto.Event{
				Name: proto.SignalReceive, Room: "a", SenderID: "s", Data: []byte(fmt.Sprint(i)),
			})})
			credit <- struct{}{}
		}
	})
	var got []string
	take := func(body string) {
		packets, err := packetsOf(revision, body)
		if err != nil {
			t.Errorf("%q: %v", body, err)
		}
		for _, p := range packets {
			if strings.HasPrefix(p, `42["signal`) {
				got = append(got, p)
				<-credit
			}
		}
	}
	take(w.get(q).body)
	poll := make(chan reply, 1)
	start := func() {
		w.rooms.wg.Go(func() {
			r, _ := other.do(context.Background(), http.MethodGet, q, "", nil)
			poll <- r
		})
	}
	start()
	s := other.dial(socketQuery(q))
	s.send("2probe")
	ponged := make(chan error, 1)
	w.rooms.wg.Go(func() {
		text, err := s.next()
		if err == nil && text != "3probe" {
			err = fmt.Errorf("got %q", text)
		}
		ponged <- err
	})
	for paused := false; !paused; {
		r := <-poll
		if r.status != 200 {
			t.Fatalf("%d %q", r.status, r.body)
		}
		take(r.body)
		select {
		case err := <-ponged:
			if err != nil {
				t.Fatal(err)
			}
			paused = true
		default:
			start()
		}
	}
	s.send("5")
	for len(got) < events {
		text, err := s.next()
		if err != nil {
			t.Fatalf("after %d events: %v", len(got), err)
		}
		if strings.HasPrefix(text, `42["signal`) {
			got = append(got, text)
			<-credit
		}
	}
	want := make([]string, events)
	for i := range want {
		want[i] = fmt.Sprintf(`42["signal-receive","a","s",%d]`, i)
	}
	if !slices.Equal(got, want) {
		t.Fatal("some were lost, doubled or out of order")
	}
	other.get(q).want(t, 400, `{"code":3,"message":"Bad request"}`)
	s.send(`42["room-create","after"]`)
	s.want(`42["room-created","after"]`)
}

func TestAProbeThatIsNotCompletedLeavesTheSessionOnPolling(t *testing.T) {
	t.Parallel()
	for name, attempt := range map[string]func(s *socket){
		"silence":             func(*socket) {},
		"a probe and silence": func(s *socket) { s.send("2probe"); s.want("3probe") },
		"the connection ends": func(s *socket) { s.send("2probe"); s.want("3probe"); _ = s.ws.CloseNow() },
		"something else":      func(s *socket) { s.send(`42["room-create","x"]`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, Config{upgradeTimeout: 1500 * time.Millisecond})
			q := w.join()
			s := w.dial(socketQuery(q))
			attempt(s)
			c := w.conn(q)
			eventually(t, "the attempt was given up", func() bool {
				c.mu.Lock()
				defer c.mu.Unlock()
				return !c.upgrade.under
			})
			w.post(q, `42["room-create","a"]`).want(t, 200, "ok")
			w.get(q).want(t, 200, `42["room-created","a"]`)
			// A second attempt may succeed.
			s = w.dial(socketQuery(q))
			s.send("2probe")
			s.want("3probe")
			s.send("5")
			s.send(`42["room-leave","a"]`)
			s.want(`42["room-left","a",false]`)
		})
	}
}

func TestAWaitingPollIsFlushedOnceTheProbeHasCome(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	q := w.join()
	answered := make(chan reply, 1)
	w.rooms.wg.Go(func() {
		r, _ := w.do(context.Background(), http.MethodGet, q, "", nil)
		answered <- r
	})
	w.waiting(q)
	s := w.dial(socketQuery(q))
	if _, r, err := w.tryDial(socketQuery(q)); err == nil || r.status != 400 || r.body != "Bad request" {
		t.Fatalf("a second attempt at once: %v %+v", err, r)
	}
	if len(answered) > 0 {
		t.Fatal("it was flushed before")
	}
	s.send("2probe")
	s.want("3probe")
	(<-answered).want(t, 200, "6")
}
