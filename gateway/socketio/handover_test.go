package socketio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-rtc/parley/gateway/edge"
	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

// network is what stands for NATS between gateways.
type network struct {
	wg sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	servers map[proto.GatewayID]*Server
	calls   int
	lose    bool // answers get lost
}

var (
	errNoResponders = errors.New("no responders")
	errPayloadSize  = errors.New("maximum payload exceeded")
)

func (n *network) Call(ctx context.Context, id proto.GatewayID, request []byte) ([]byte, error) {
	n.mu.Lock()
	s := n.servers[id]
	n.calls++
	n.mu.Unlock()
	switch {
	case s == nil:
		return nil, errNoResponders
	case len(request) > 1<<20: // as NATS has it
		return nil, errPayloadSize
	}
	answer := make(chan []byte, 1)
	n.wg.Go(func() { answer <- s.HandleRemote(context.Background(), request) })
	select {
	case b := <-answer:
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.lose {
			return nil, context.DeadlineExceeded
		}
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *network) set(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

// pair starts two gateways that reach each other.
func pair(t *testing.T, cfg Config) (a, b *world, n *network) {
	t.Helper()
	return pairOf(t, cfg, cfg)
}

// pairOf is pair with settings for each.
func pairOf(t *testing.T, cfgA, cfgB Config) (a, b *world, n *network) {
	t.Helper()
	n = &network{servers: make(map[proto.GatewayID]*Server)}
	t.Cleanup(n.wg.Wait)
	cfgA.Remote, cfgB.Remote = n, n
	r := newRooms()
	a, b = newWorldOn(t, cfgA, r), newWorldOn(t, cfgB, r)
	n.set(func() {
		n.servers[a.srv.cfg.Gateway] = a.srv
		n.servers[b.srv.cfg.Gateway] = b.srv
	})
	return a, b, n
}

func TestAnyGatewayTakesAPollAndAPost(t *testing.T) {
	t.Parallel()
	for _, revision := range []int{3, 4} {
		t.Run(fmt.Sprint(revision), func(t *testing.T) {
			t.Parallel()
			a, b, _ := pair(t, Config{holdRemote: 50 * time.Millisecond}) // the poll is asked for again and again
			q := a.open(fmt.Sprint(revision))
			p := payload{revision: revision}
			if revision == 4 {
				p.add([]byte("40"))
				b.post(q, string(p.buf)).want(t, 200, "ok")
				if r := b.get(q); !strings.HasPrefix(r.body, `40{"sid":"`) {
					t.Fatal(r)
				}
				p.buf = nil
			}
			p.add([]byte(`42["room-create","ä🚋"]`))
			answered := make(chan reply, 1)
			a.rooms.wg.Go(func() {
				r, _ := b.do(context.Background(), http.MethodGet, q, "", nil)
				answered <- r
			})
			a.waiting(q)
			a.post(q, string(p.buf)).want(t, 200, "ok")
			want := payload{revision: revision}
			want.add([]byte(`42["room-created","ä🚋"]`))
			(<-answered).want(t, 200, string(want.buf))
			b.post(q, string(p.buf)).want(t, 200, "ok")
			if r := a.get(q); !strings.Contains(r.body, `["room-exists","ä🚋"]`) {
				t.Fatal(r)
			}
		})
	}
}

func TestErrorsAreTheSameAtAnotherGateway(t *testing.T) {
	t.Parallel()
	a, b, _ := pair(t, Config{MaxFrame: 1000, Burst: 1})
	q := a.join()
	b.get(strings.Replace(q, "EIO=4", "EIO=3", 1)).want(t, 400, `{"code":3,"message":"Bad request"}`)
	b.post(q, strings.Repeat("x", 5000)).want(t, 413, "")
	a.get(q).want(t, 400, unknownSID)
	q = a.join()
	b.post(q, `40{"token":"`+strings.Repeat("x", 1000)+`"}`).want(t, 413, "")
	q = a.join()
	b.post(q, "9").want(t, 400, badRequest)
	b.get(q).want(t, 400, unknownSID)
}

func TestRestrictionsOfRevision3HoldAtAnotherGateway(t *testing.T) {
	t.Parallel()
	a, b, _ := pair(t, Config{})
	q := a.openWith("3", agent("one"))
	b.must("GET", q, "", agent("two")).want(t, 400, unknownSID)
	b.addr.set("192.0.2.9", true)
	b.must("GET", q, "", agent("one")).want(t, 400, unknownSID)
	if _, r, err := b.tryDial(socketQuery(q)); err == nil || r.body != "Session ID unknown" {
		t.Fatalf("%v %+v", err, r)
	}
	b.addr.set("192.0.2.1", true)
	b.must("POST", q, `21:42["room-create","a"]`, agent("one")).want(t, 200, "ok")
	a.must("GET", q, "", agent("one")).want(t, 200, `22:42["room-created","a"]`)
}

func TestUpgradeAtAnotherGatewayLosesNoneAndDoublesNone(t *testing.T) {
	t.Parallel()
	for _, revision := range []int{3, 4} {
		for round := range 3 {
			t.Run(fmt.Sprintf("%d/%d", revision, round), func(t *testing.T) {
				t.Parallel()
				a, b, _ := pair(t, Config{holdRemote: 20 * time.Millisecond})
				upgradeUnderLoad(t, a, b, revision)
			})
		}
	}
}

// carried returns a client whose session lives at a and whose WebSocket is at b.
func carried(t *testing.T, a, b *world) (*socket, *fakeSession) {
	t.Helper()
	q := a.join()
	session := a.session()
	s := b.dial(socketQuery(q))
	s.send("2probe")
	s.want("3probe")
	s.send("5")
	s.send(`42["room-create","` + q + `"]`)
	s.want(`42["room-created","` + q + `"]`)
	return s, session
}

func TestTheEndOfACarriedWebSocketEndsTheSession(t *testing.T) {
	t.Parallel()
	a, b, _ := pair(t, Config{})
	s, session := carried(t, a, b)
	_ = s.ws.CloseNow()
	session.gone(t)
	eventually(t, "nothing is left", func() bool { return a.srv.sessionsInHand()+b.srv.sessionsInHand() == 0 })
}

func TestTheEndOfACarriedSessionClosesItsWebSocket(t *testing.T) {
	t.Parallel()
	a, b, _ := pair(t, Config{})
	s, session := carried(t, a, b)
	session.t.Close(link.TooSlow)
	s.wantClosed(1008, "too slow")
	session.wantEnd(t, link.TooSlow)

	s, session = carried(t, a, b)
	s.send("9")
	s.wantClosed(1008, "malformed packet")
	session.gone(t)

	s, session = carried(t, a, b)
	s.send("42[\"room-create\",\"x\x1e\"]")
	s.wantClosed(1008, "")
	session.gone(t)
	eventually(t, "nothing is left", func() bool { return a.srv.sessionsInHand()+b.srv.sessionsInHand() == 0 })
}

func TestCarriedHeartbeats(t *testing.T) {
	t.Parallel()
	a, b, _ := pair(t, Config{PingInterval: time.Second, PingTimeout: 1500 * time.Millisecond})
	s, session := carried(t, a, b)
	s.want("2")
	s.send("3")
	s.want("2")
	session.wantEnd(t, errPingTimeout)
	s.wantClosed(1001, "")
}

func TestAGatewayThatIsGoneEndsWhatItCarriedAndWhatItHeld(t *testing.T) {
	t.Parallel()
	a, b, n := pair(t, Config{holdRemote: 50 * time.Millisecond})
	s, _ := carried(t, a, b)
	q := a.join()
	n.set(func() { delete(n.servers, a.srv.cfg.Gateway) })
	s.wantClosed(1001, "")
	b.get(q).want(t, 400, unknownSID)
	b.post(q, "2").want(t, 400, unknownSID)
	if _, r, err := b.tryDial(socketQuery(q)); err == nil || r.body != "Session ID unknown" {
		t.Fatalf("%v %+v", err, r)
	}
	eventually(t, "nothing is left there", func() bool { return b.srv.sessionsInHand() == 0 })
}

// TestALostAnswerEndsTheSession: better than a client that has missed something and does not know.
func TestALostAnswerEndsTheSession(t *testing.T) {
	t.Parallel()
	a, b, n := pair(t, Config{})
	q := a.join()
	session := a.session()
	a.post(q, `42["room-create","a"]`).want(t, 200, "ok")
	n.set(func() { n.lose = true })
	b.get(q).want(t, 400, unknownSID)
	session.gone(t)
}

func TestALostPollAtAnotherGatewayEndsTheSession(t *testing.T) {
	t.Parallel()
	a, b, _ := pair(t, Config{})
	q := a.join()
	session := a.session()
	ctx, cancel := context.WithCancel(t.Context())
	a.rooms.wg.Go(func() { _, _ = b.do(ctx, http.MethodGet, q, "", nil) })
	a.waiting(q)
	cancel()
	session.gone(t)
}

func TestCarriedWebSocketsAreBoundedAndDrained(t *testing.T) {
	t.Parallel()
	a, b, _ := pairOf(t, Config{Door: bounded(2, 2)}, Config{Door: bounded(2, 2)})
	s, session := carried(t, a, b)
	b.join()
	q := a.join()
	if _, r, err := b.tryDial(socketQuery(q)); err == nil || r.status != 503 {
		t.Fatalf("%v %+v", err, r)
	}
	a.post(q, `42["room-create","a"]`).want(t, 200, "ok")
	a.get(q).want(t, 200, `42["room-created","a"]`)
	b.srv.cfg.Door.(*edge.Door).Shut()
	b.srv.Drain()
	s.wantClosed(1001, "going away")
	session.gone(t)
	if r := b.get("EIO=4&transport=polling"); r.status != 503 {
		t.Fatalf("%+v", r)
	}
}

func TestDrainEndsWhoHasNotJoined(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	s := w.dial("EIO=4&transport=websocket")
	s.wantPrefix("0")
	q := w.open("4")
	joined := w.joinSocket()
	w.srv.Drain()
	s.wantClosed(1001, "going away")
	w.get(q).want(t, 200, "1")
	joined.send(`42["room-create","a"]`)
	joined.want(`42["room-created","a"]`)
}

func TestMalformedHandoversAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	for _, message := range []string{"", "{}", "{\n", "\n", `{"op":"poll","sid":"x"}` + "\n", `{"op":7}` + "\n"} {
		var a answer
		if _, err := decode(w.srv.HandleRemote(t.Context(), []byte(message)), &a); err != nil || !a.Refused {
			t.Errorf("%q: %+v %v", message, a, err)
		}
	}
}

// TestAGatewayThatStopsAskingEndsWhatItsClientsHad: one that was killed says nothing, and the connections that it had to
// clients are gone with it. The heartbeat would tell only after 45 s.
func TestAGatewayThatStopsAskingEndsWhatItsClientsHad(t *testing.T) {
	t.Parallel()
	ask := func(w *world, o op, query string) answer {
		var a answer
		r := request{Op: o, Revision: revision4}
		_, r.SID, _ = strings.Cut(query, "&sid=")
		body, err := decode(w.srv.HandleRemote(t.Context(), encode(&r, nil)), &a)
		if err != nil {
			t.Fatal(err)
		}
		a.Body = body
		return a
	}
	open := func(t *testing.T) (*world, string) {
		w := newWorld(t, Config{holdRemote: 20 * time.Millisecond, askAgain: time.Second})
		return w, w.join()
	}
	carry := func(w *world, q string) {
		ask(w, opProbe, q)
		if a := ask(w, opSwitch, q); a.Refused {
			t.Fatalf("%+v", a)
		}
	}
	t.Run("a poll", func(t *testing.T) {
		t.Parallel()
		w, q := open(t)
		if a := ask(w, opPoll, q); !a.Again {
			t.Fatalf("%+v", a)
		}
		w.session().wantEnd(t, errAskerGone)
	})
	t.Run("right after the upgrade", func(t *testing.T) {
		t.Parallel()
		w, q := open(t)
		carry(w, q)
		w.session().wantEnd(t, errAskerGone)
	})
	t.Run("a carried WebSocket, idle", func(t *testing.T) {
		t.Parallel()
		w, q := open(t)
		carry(w, q)
		if a := ask(w, opPull, q); !a.Again {
			t.Fatalf("%+v", a)
		}
		w.session().wantEnd(t, errAskerGone)
	})
	t.Run("a carried WebSocket with something to write", func(t *testing.T) {
		t.Parallel()
		w, q := open(t)
		carry(w, q)
		w.session().Send(link.Out{Message: link.NewMessage(proto.Event{Name: proto.RoomCreated, Room: "a"})})
		for a := (answer{Again: true}); a.Again; {
			a = ask(w, opPull, q)
		}
		w.session().wantEnd(t, errAskerGone)
	})
}
