package gateway_test

import (
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/gateway"
	"github.com/parley-rtc/parley/gateway/internal/inside"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// closedWith waits for a connection's end, and fails the test unless it has that code.
func closedWith(t *testing.T, c *testkit.Client, want websocket.StatusCode) {
	t.Helper()
	code, reason, err := c.CloseCode(t.Context())
	if err != nil || code != want {
		t.Errorf("closed with %d %s, %v; expected %d", code, reason, err, want)
	}
}

// session connects a session with a key and a token.
func (w *world) session(n byte, turn int64, token string) *testkit.Client {
	w.t.Helper()
	k := key(n)
	return w.open(testkit.Options{Key: &k, Turn: turn, Token: token})
}

// disconnect has an operator disconnect a user, and compares how many connections that were.
func (w *world) disconnect(user, want string) {
	w.t.Helper()
	m, err := w.replicas[0].nc.Request(w.subjects.Admin(proto.OpDisconnect), []byte(`{"banned":"`+user+`"}`), patience)
	if err != nil {
		w.t.Fatal(err)
	}
	if got := string(m.Data); got != `{"gateway":"`+string(w.g.ID())+`","connections":`+want+`}` {
		w.t.Errorf("answered %s", got)
	}
}

func TestAnOperatorEndsAUsersConnectionsAndSessionsAtOnce(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"ann", "user ann"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, withTokens(t, gateway.Limits{}))
			token := signed(t, "ann", 0, all)
			a, b, away := w.session(1, 1, token), w.as(token), w.session(2, 1, token)
			other := w.as(signed(t, "bob", 0, all))
			w.creates(a, "a", 1)
			w.creates(away, "away", 1)
			away.Abort()
			testkit.WaitFor(t, "the session to be away", func() bool { return len(w.inside.Sessions()) == 3 })
			w.sync()
			w.disconnect(who, "2")
			closedWith(t, a, proto.CloseDisconnected)
			closedWith(t, b, proto.CloseDisconnected)
			rooms := map[proto.Room]bool{w.next(proto.OpLeave).Room: true, w.next(proto.OpLeave).Room: true}
			if !rooms["a"] || !rooms["away"] {
				t.Errorf("left %v", rooms)
			}
			other.Do(t, proto.Frame{Name: proto.Ping})
			w.disconnect("nobody", "0")
			// It is no ban.
			if e := w.session(2, 2, token).Do(t, proto.Frame{Name: proto.Ping}); e.Name != proto.Pong {
				t.Errorf("heard %+v", e)
			}
		})
	}
}

// What a connection has asked for is carried out after its end, and the session counts as kept only then.
func TestASessionThatIsAboutToBeKeptIsNotOnceItsUserWasDisconnected(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withTokens(t, gateway.Limits{}))
	a := w.session(1, 1, signed(t, "ann", 0, all))
	w.creates(a, lobby, 1)
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: "other"})
	q := w.next(proto.OpJoin)
	a.Abort()
	testkit.WaitFor(t, "the connection to be over", func() bool { return len(w.inside.Sessions()) == 0 })
	w.disconnect("ann", "0")
	q.answer(proto.Event{Name: proto.RoomNotExists})
	if leave := w.next(proto.OpLeave); leave.Room != lobby {
		t.Errorf("left %s", leave.Room)
	}
}

// revoke answers a gateway that asks which tokens count no more.
func (w *world) revoke(seq uint64, list ...proto.Revocation) {
	w.t.Helper()
	w.next(proto.OpRevoked).answer(proto.Event{Name: proto.Revoked, Seq: seq, More: &proto.More{Revoked: list}})
}

func TestRevokedTokensEndTheirConnectionsAndSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withTokens(t, gateway.Limits{}))
	token := signed(t, "ann", -10, all)
	a, away, later := w.session(1, 1, token), w.session(2, 1, token), w.as(signed(t, "ann", 0, all))
	w.creates(away, "away", 1)
	away.Abort()
	testkit.WaitFor(t, "the session to be away", func() bool { return len(w.inside.Sessions()) == 2 })
	w.replicas[0].revoked.Store(7)
	w.replicas[0].beat(proto.Up)
	w.revoke(7, proto.Revocation{User: "user ann", Before: time.Now().Unix() - 5, Until: time.Now().Unix() + 60})
	closedWith(t, a, proto.CloseDisconnected)
	if q := w.next(proto.OpLeave); q.Room != "away" {
		t.Errorf("left %s", q.Room)
	}
	if later.Do(t, proto.Frame{Name: proto.Ping}).Name != proto.Pong {
		t.Error("a token that was issued later does not count")
	}
	if code := w.closing(token); code != proto.CloseUnauthorized {
		t.Errorf("closed with %d", code)
	}
	// A replica that is behind answers with an older list: what was revoked stays so.
	w.replicas[0].revoked.Store(9)
	w.replicas[0].beat(proto.Up)
	w.revoke(5)
	w.sync()
	if code := w.closing(token); code != proto.CloseUnauthorized {
		t.Errorf("closed with %d", code)
	}
	w.revoke(9, proto.Revocation{User: "ann", Before: time.Now().Unix() - 5, Until: time.Now().Unix() + 60})
	w.sync()
	if code := w.closing(token); code != proto.CloseUnauthorized {
		t.Errorf("closed with %d", code)
	}
}

// closing connects with a token, and returns the code with which the connection is closed at once.
func (w *world) closing(token string) int {
	w.t.Helper()
	ws, _, err := websocket.Dial(w.t.Context(), w.url, &websocket.DialOptions{Subprotocols: []string{proto.Subprotocol, proto.TokenProtocol + token}})
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = ws.CloseNow() }()
	return closes(w.t, ws)
}

func TestAGatewayIsReadyOnlyOnceItKnowsWhichTokensWereRevoked(t *testing.T) {
	t.Parallel()
	o := withTokens(t, gateway.Limits{})
	timing := o.timing
	o.timing = func(x *inside.Timing) { timing(x); x.Request = time.Second }
	o.silent = true
	w := newWorld(t, o)
	w.replicas[0].revoked.Store(3)
	w.replicas[0].live()
	if err := w.g.Ready(); err == nil {
		t.Error("it is ready")
	}
	w.next(proto.OpRevoked) // nobody answers
	w.revoke(3)             // it is asked for again
	testkit.WaitFor(t, "it to be ready", func() bool { return w.g.Ready() == nil })
}
