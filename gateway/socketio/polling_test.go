package socketio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

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
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions + len(s.addresses)
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
	w := newWorld(t, Config{PingInterval: 100 * time.Millisecond, PingTimeout: time.Second})
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
	w := newWorld(t, Config{MaxFrame: 1000})
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

func TestBinaryIsRefusedWithAReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	announced := `451-["signal-send","a","b",{"_placeholder":true,"num":0}]`
	t.Run("polling", func(t *testing.T) {
		q := w.join()
		w.post(q, announced).want(t, 200, "ok")
		w.get(q).want(t, 200, `42["error","binary attachments are not supported"]`)
		w.get(q).want(t, 200, "1")
	})
	t.Run("websocket", func(t *testing.T) {
		s := w.joinSocket()
		s.send(announced)
		s.want(`42["error","binary attachments are not supported"]`)
		s.wantClosed(1008, "binary attachments are not supported")
	})
	t.Run("base64", func(t *testing.T) {
		q := w.open("3")
		w.post(q, "6:bAAEC=").want(t, 200, "ok")
		w.get(q).want(t, 200, "1:1")
	})
	t.Run("body", func(t *testing.T) {
		q := w.open("3")
		h := http.Header{"Content-Type": {"application/octet-stream"}}
		w.must(http.MethodPost, q, "\x00\x02\xff40", h).want(t, 400, `{"code":3,"message":"Bad request"}`)
		w.get(q).want(t, 400, `{"code":1,"message":"Session ID unknown"}`)
	})
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
