package socketio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/gateway/edge"
	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

func TestAPollIsHeldUntilThereIsSomething(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	q := w.join()
	answered := make(chan reply, 1)
	w.rooms.wg.Go(func() {
		r, _ := w.do(context.Background(), http.MethodGet, q, "", nil)
		answered <- r
	})
	w.waiting(q)
	if len(answered) > 0 {
		t.Fatal("the poll was answered with nothing")
	}
	w.post(q, `42["room-create","a"]`).want(t, 200, "ok")
	r := <-answered
	r.want(t, 200, `42["room-created","a"]`)
	if r.header.Get("Cache-Control") != "no-store" || r.header.Get("Access-Control-Allow-Origin") != "" {
		t.Fatalf("%v", r.header)
	}
}

// waiting waits until a poll of a session waits at the server.
func (w *world) waiting(query string) {
	w.t.Helper()
	eventually(w.t, "a poll waits", func() bool {
		c := w.conn(query)
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.life.waiting != nil
	})
}

// conn returns the session of a query.
func (w *world) conn(query string) *conn {
	_, sid, _ := strings.Cut(query, "&sid=")
	return w.srv.lookup(sid)
}

// session returns the client's session that was opened last.
func (w *world) session() *fakeSession {
	w.rooms.mu.Lock()
	defer w.rooms.mu.Unlock()
	return w.rooms.opened[len(w.rooms.opened)-1]
}

// gone waits until a session has ended, for less long than its heartbeat would take.
func (s *fakeSession) gone(t *testing.T) {
	t.Helper()
	select {
	case <-s.ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the session did not end")
	}
}

// wantEnd waits until a session has ended and compares why.
func (s *fakeSession) wantEnd(t *testing.T, cause error) {
	t.Helper()
	s.gone(t)
	if got := s.causeOfEnd(); !errors.Is(got, cause) {
		t.Fatalf("the session ended with %v, want %v", got, cause)
	}
}

func TestAWriteWaitsUntilAPollHasTakenIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	q := w.join()
	written := make(chan error, 1)
	c := w.conn(q)
	w.rooms.wg.Go(func() {
		written <- c.Write([]link.Out{
			{Message: link.NewMessage(proto.Event{Name: proto.RoomCreated, Room: "a"})},
			{Message: link.NewMessage(proto.Event{Name: proto.RoomExists, Room: "a"}), Ref: "4"},
		})
	})
	eventually(t, "the batch waits", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.outbox.batch) == 2
	})
	if len(written) > 0 {
		t.Fatal("Write did not wait")
	}
	w.get(q).want(t, 200, "42[\"room-created\",\"a\"]\x1e434[{\"event\":\"room-exists\",\"room\":\"a\"}]")
	if err := <-written; err != nil {
		t.Fatal(err)
	}
}

func TestAPollTakesNoMoreThanFitsIntoOneMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	q := w.join()
	big := []byte(`"` + strings.Repeat("x", pollLimit/2) + `"`)
	for i := range 5 {
		w.session().Send(link.Out{Message: link.NewMessage(proto.Event{
			Name: proto.SignalReceive, Room: proto.Room(fmt.Sprint(i)), SenderID: "s", Data: big,
		})})
	}
	next := 0
	for next < 5 {
		r := w.get(q)
		if len(r.body) > pollLimit {
			t.Fatalf("%d bytes at once", len(r.body))
		}
		for p := range strings.SplitSeq(r.body, "\x1e") {
			if !strings.HasPrefix(p, fmt.Sprintf(`42["signal-receive","%d",`, next)) {
				t.Fatalf("%.40s instead of signal %d", p, next)
			}
			next++
		}
	}
}

func TestASessionThatIsNotUsedIsGoneWithinThePingTimeout(t *testing.T) {
	t.Parallel()
	for _, revision := range []string{"3", "4"} {
		t.Run(revision, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, Config{PingTimeout: 300 * time.Millisecond})
			q := w.open(revision)
			eventually(t, "it is gone", func() bool { return w.conn(q) == nil })
			w.get(q).want(t, 400, `{"code":1,"message":"Session ID unknown"}`)
			if revision == "3" {
				w.session().wantEnd(t, errNeverUsed)
			}
			if w.srv.sessionsInHand() != 0 {
				t.Fatal("it is still counted")
			}
		})
	}
}

func (s *Server) sessionsInHand() int {
	return s.cfg.Door.(*edge.Door).Count()
}

func TestAWebSocketThatNeverJoinsIsGoneWithinThePingTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{PingTimeout: 300 * time.Millisecond})
	s := w.dial("EIO=4&transport=websocket")
	s.wantPrefix(`0{"sid":"`)
	if _, err := s.next(); err == nil {
		t.Fatal("the connection stands")
	}
	eventually(t, "it is gone", func() bool { return w.srv.sessionsInHand() == 0 })
}

func TestSilenceEndsASession(t *testing.T) {
	t.Parallel()
	quick := Config{PingInterval: 200 * time.Millisecond, PingTimeout: 1500 * time.Millisecond} // the client answers in time
	t.Run("revision 4 on WebSocket", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, quick)
		s := w.joinSocket()
		s.want("2")
		s.send("3")
		s.want("2")
		w.session().wantEnd(t, errPingTimeout)
	})
	t.Run("revision 4 on polling", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, quick)
		q := w.join()
		w.get(q).want(t, 200, "2")
		w.post(q, "3").want(t, 200, "ok")
		w.get(q).want(t, 200, "2")
		w.session().wantEnd(t, errPingTimeout)
	})
	t.Run("revision 3 on WebSocket", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, quick)
		s := w.dial("EIO=3&transport=websocket")
		s.wantPrefix(`0{"sid":"`)
		s.want("40")
		s.send("2")
		s.want("3")
		w.session().wantEnd(t, errPingTimeout)
	})
	t.Run("polling, with a batch that nobody takes", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, quick)
		w.join()
		s := w.session()
		s.Send(link.Out{Message: link.NewMessage(proto.Event{Name: proto.RoomCreated, Room: "a"})})
		s.wantEnd(t, errPingTimeout)
		eventually(t, "the writer has given up", func() bool {
			s.r.mu.Lock()
			defer s.r.mu.Unlock()
			return !s.writing
		})
	})
}

func TestAClientIsNotBlamedWhileItsRequestsWaitForUs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{PingInterval: 500 * time.Millisecond, PingTimeout: time.Second})
	s := w.joinSocket()
	session := w.session()
	blocked := make(chan struct{})
	session.r.mu.Lock()
	session.blocked = blocked
	session.r.mu.Unlock()
	s.send(`42["room-create","a"]`)
	time.AfterFunc(2500*time.Millisecond, func() { close(blocked) })
	for {
		got, err := s.next()
		if err != nil {
			t.Fatal(err)
		}
		if got == `42["room-created","a"]` {
			return
		}
	}
}

func TestALostPollEndsTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	q := w.join()
	ctx, cancel := context.WithCancel(t.Context())
	w.rooms.wg.Go(func() { _, _ = w.do(ctx, http.MethodGet, q, "", nil) })
	w.waiting(q)
	cancel()
	w.session().wantEnd(t, errPollLost)
}

func TestASecondPostAtOnceEndsTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	q := w.join()
	s := w.session()
	blocked := make(chan struct{})
	s.r.mu.Lock()
	s.blocked = blocked
	s.r.mu.Unlock()
	first := make(chan reply, 1)
	w.rooms.wg.Go(func() {
		r, _ := w.do(context.Background(), http.MethodPost, q, `42["room-create","a"]`, nil)
		first <- r
	})
	c := w.conn(q)
	eventually(t, "the first is under way", func() bool { return c.busy.Load() })
	w.post(q, `42["room-create","b"]`).want(t, 400, "")
	s.wantEnd(t, closeOverlap)
	close(blocked)
	(<-first).want(t, 200, "ok")
}

func TestABodyBeyondTheLimitIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{MaxFrame: 1000, Burst: 1})
	for name, body := range map[string]string{
		"one packet":   `42["room-create","` + strings.Repeat("x", 4000) + `"]`,
		"no event":     `40{"token":"` + strings.Repeat("x", 1000) + `"}`,
		"many packets": strings.Repeat(`42["room-create","x"]`+"\x1e", 200) + "6",
	} {
		q := w.join()
		s := w.session()
		w.post(q, body).want(t, 413, "")
		select {
		case <-s.ended:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: the session stands", name)
		}
	}
	q := w.join()
	w.post(q, strings.Repeat(`42["room-create","x"]`+"\x1e", 100)+"6").want(t, 200, "ok")
}

// TestWhatIsGatheredBeforeTheConnectionStandsFitsIntoOnePost: clients 2 and 3 post all of it at once.
func TestWhatIsGatheredBeforeTheConnectionStandsFitsIntoOnePost(t *testing.T) {
	t.Parallel()
	a, b, n := pair(t, Config{})
	for _, revision := range []int{3, 4} {
		for name, w := range map[string]*world{"here": a, "through another gateway": b} {
			body := payload{revision: revision}
			q := a.open(fmt.Sprint(revision))
			if revision == 4 {
				body.add([]byte("40"))
			}
			const signals = 998
			for i := range signals {
				body.add(fmt.Appendf(nil, `42["signal-send","nowhere%d","cccccccccccccccccccc",{"candidate":%q}]`, i,
					strings.Repeat("x", 930)))
			}
			body.add([]byte(`427["room-leave","the last"]`))
			if len(body.buf) < 990_000 {
				t.Fatalf("%d bytes are not %d usual signals", len(body.buf), signals)
			}
			before := 0
			n.set(func() { before = n.calls })
			posted := make(chan reply, 1)
			a.rooms.wg.Go(func() {
				r, _ := w.do(context.Background(), http.MethodPost, q, string(body.buf), nil)
				posted <- r
			})
			(<-posted).want(t, 200, "ok")
			n.set(func() {
				if calls := n.calls - before; w == b && calls < len(body.buf)/pollLimit || w == a && calls > 0 {
					t.Errorf("%d calls to the other gateway", calls)
				}
			})
			heard, last := 0, false
			for !last {
				packets, err := packetsOf(revision, a.get(q).body)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range packets {
					if strings.HasPrefix(p, fmt.Sprintf(`42["not-in-room","nowhere%d"`, heard)) {
						heard++
					}
					last = last || p == `437[{"event":"not-in-room","room":"the last"}]`
				}
			}
			if heard != signals {
				t.Errorf("revision %d, %s: %d of %d were answered in order", revision, name, heard, signals)
			}
		}
	}
}

func TestHowMuchOnePostTakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ frame, burst, want int }{
		{0, 0, 1000 << 10},
		{0, 300, 300 << 10},
		{0, 10, 256 << 10}, // four packets of the largest size
		{0, 5000, 1 << 20},
		{0, math.MaxInt32, 1 << 20},
		{500 << 10, 0, 1 << 20},
		{2 << 20, 0, 2 << 20},
		{1000, 1, 4000},
	} {
		cfg := Config{MaxFrame: c.frame, Burst: c.burst}
		cfg.setDefaults()
		if got := cfg.maxBody(); got != c.want {
			t.Errorf("frames of %d, bursts of %d: %d, want %d", c.frame, c.burst, got, c.want)
		}
	}
}

// TestAMalformedPostIsRefusedAtOnce: whatever is wrong with it, and wherever the session lives.
func TestAMalformedPostIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	a, b, _ := pair(t, Config{})
	for _, w := range []*world{a, b} {
		for revision, bodies := range map[int][]string{
			3: {"abc", "", "3:abc", "5:42", "2:4", "1:9", "3:42{", `24:42["room-create","a"`, "2:47", "5:45-[]", "1:b"},
			4: {"abc", "", "9", "2", "42{", `42["room-create","a"`, "47", "45-[]", "40", "6\x1e", "6\x1e\x1e6", "42abc[1]", "41{}"},
		} {
			for _, body := range bodies {
				// Nobody polls: the answer says it.
				q := joinAt(a, revision)
				session := a.session()
				w.post(q, body).want(t, 400, badRequest)
				session.gone(t)
				w.get(q).want(t, 400, unknownSID)
				// The poll that waits is answered, too.
				q = joinAt(a, revision)
				answered := make(chan reply, 1)
				a.rooms.wg.Go(func() {
					r, _ := w.do(context.Background(), http.MethodGet, q, "", nil)
					answered <- r
				})
				a.waiting(q)
				w.post(q, body).want(t, 400, badRequest)
				end := payload{revision: revision}
				end.add([]byte{engineClose})
				(<-answered).want(t, 200, string(end.buf))
				w.get(q).want(t, 400, unknownSID)
			}
		}
	}
}

// TestASessionWithoutANamespaceIsClosedInOrder: one that has not joined in time, or has left.
func TestASessionWithoutANamespaceIsClosedInOrder(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(a, b *world) *socket{
		"never joined": func(a, _ *world) *socket {
			s := a.dial("EIO=4&transport=websocket")
			s.wantPrefix("0")
			return s
		},
		"left": func(a, _ *world) *socket {
			s := a.joinSocket()
			session := a.session()
			s.send("41")
			session.wantEnd(t, errDisconnect)
			return s
		},
		"upgraded":                         func(a, _ *world) *socket { return upgraded(a, a.open("4")) },
		"upgraded through another gateway": func(a, b *world) *socket { return upgraded(b, a.open("4")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b, _ := pair(t, Config{PingInterval: 100 * time.Millisecond, PingTimeout: 1500 * time.Millisecond})
			s := open(a, b)
			for range 2 { // heartbeats go on until then
				s.want("2")
				s.send("3")
			}
			s.wantClosedAfterPings(1008, "no namespace was joined in time")
			eventually(t, "nothing is left", func() bool { return a.srv.sessionsInHand() == 0 && b.srv.sessionsInHand() == 0 })
		})
	}
	for name, through := range map[string]func(a, b *world) *world{
		"polling":                         func(a, _ *world) *world { return a },
		"polling through another gateway": func(_, b *world) *world { return b },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b, _ := pair(t, Config{PingInterval: 100 * time.Millisecond, PingTimeout: 1500 * time.Millisecond})
			w, q := through(a, b), a.open("4")
			w.get(q).want(t, 200, "2")
			w.post(q, "3").want(t, 200, "ok")
			w.get(q).want(t, 200, "2")
			w.get(q).want(t, 200, "1") // it waits when the time has come: who has no poll under way is told nothing
			w.get(q).want(t, 400, unknownSID)
		})
	}
}

// upgraded goes from polling to a WebSocket.
func upgraded(w *world, query string) *socket {
	w.t.Helper()
	s := w.dial(socketQuery(query))
	s.send("2probe")
	s.want("3probe")
	s.send("5")
	return s
}

// wantClosedAfterPings is wantClosed for a client that answers pings.
func (s *socket) wantClosedAfterPings(code websocket.StatusCode, reason string) {
	s.t.Helper()
	for {
		got, err := s.next()
		if err == nil && got == "2" {
			_ = s.ws.Write(s.t.Context(), websocket.MessageText, []byte("3")) // it may be over by now
			continue
		}
		if websocket.CloseStatus(err) != code || !strings.Contains(err.Error(), reason) {
			s.t.Fatalf("got %q, %v, want the end with %d %q", got, err, code, reason)
		}
		return
	}
}

func TestAClientThatClosesIsClosedInOrder(t *testing.T) {
	t.Parallel()
	a, b, _ := pair(t, Config{})
	s := a.joinSocket()
	session := a.session()
	s.send("1")
	s.wantClosed(1000, "")
	session.wantEnd(t, errClientClosed)
	q := a.join()
	session = a.session()
	s = upgraded(b, q)
	s.send("1")
	_, err := s.next()
	for err == nil { // a noop may come first
		_, err = s.next()
	}
	if websocket.CloseStatus(err) == -1 {
		t.Fatalf("no closing frame: %v", err)
	}
	session.wantEnd(t, errClientClosed)
}

func TestAClientThatLeavesTheNamespaceMayJoinAgainAsAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	s := w.joinSocket()
	first := w.session()
	s.send("41")
	first.wantEnd(t, errDisconnect)
	s.send("40")
	s.wantPrefix(`40{"sid":"`)
	if second := w.session(); second == first || second.ID() == first.ID() {
		t.Fatal("it is the same client")
	}
	s.send(`42["room-create","a"]`)
	s.want(`42["room-created","a"]`)
}

// TestAWriterThatIsLeftBehindTakesNothingFromTheNext: the batch of a client that left the namespace may still wait when
// the same connection's next client has one of its own.
func TestAWriterThatIsLeftBehindTakesNothingFromTheNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	q := w.join()
	first, c := w.session(), w.conn(q)
	batch := func(room proto.Room) []link.Out {
		return []link.Out{{Message: link.NewMessage(proto.Event{Name: proto.RoomCreated, Room: room})}}
	}
	waits := func(room proto.Room) func() bool {
		return func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return len(c.outbox.batch) == 1 && c.outbox.batch[0].Event.Room == room
		}
	}
	for range 50 {
		old, next := make(chan error, 1), make(chan error, 1)
		w.rooms.wg.Go(func() { old <- c.Write(batch("old")) })
		eventually(t, "the batch waits", waits("old"))
		c.disconnect(first)
		w.rooms.wg.Go(func() { next <- c.Write(batch("new")) })
		w.get(q).want(t, 200, `42["room-created","new"]`)
		for name, written := range map[string]chan error{"old": old, "new": next} {
			select {
			case err := <-written:
				if name == "new" && err != nil {
					t.Fatal(err)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("the writer of what was %s still waits", name)
			}
		}
	}
}

func TestCloseTellsTheClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	t.Run("a poll that waits", func(t *testing.T) {
		q := w.join()
		answered := make(chan reply, 1)
		w.rooms.wg.Go(func() {
			r, _ := w.do(context.Background(), http.MethodGet, q, "", nil)
			answered <- r
		})
		w.waiting(q)
		w.session().t.Close(link.GoingAway)
		(<-answered).want(t, 200, "1")
		w.session().wantEnd(t, link.GoingAway)
		w.get(q).want(t, 400, `{"code":1,"message":"Session ID unknown"}`)
	})
	t.Run("the next poll", func(t *testing.T) {
		q := w.join()
		w.session().t.Close(link.TooSlow)
		w.session().wantEnd(t, link.TooSlow)
		w.get(q).want(t, 200, "1")
	})
	t.Run("a WebSocket", func(t *testing.T) {
		s := w.joinSocket()
		session := w.session()
		w.rooms.wg.Go(func() { session.t.Close(link.GoingAway) })
		s.wantClosed(1001, "going away")
		session.wantEnd(t, link.GoingAway)
	})
}

// net/http reads what a handler has left of a body, and waits for it.
func TestABodyThatDoesNotComeHoldsNoConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{PingTimeout: 50 * time.Millisecond})
	host := strings.TrimPrefix(w.url, "http://")
	conn, err := net.DialTimeout("tcp", host, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(conn, "POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: %s\r\nContent-Length: 9\r\n\r\n", host)
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
		t.Errorf("answered %q, %v", answer, err)
	}
}
