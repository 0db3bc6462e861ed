package gateway_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// key returns the n-th of the keys that tests use.
func key(n byte) [proto.KeySize]byte { return [proto.KeySize]byte{n} }

// dialTurn connects a session by a turn, with more of the query where more is needed.
func (w *world) dialTurn(n byte, query string) *testkit.Client {
	w.t.Helper()
	c, err := testkit.Open(w.t.Context(), w.url+"?"+query, &testkit.Options{Subprotocols: []string{"parley.v1", proto.KeySubprotocol(key(n))}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Abort)
	return c
}

// turned connects without a recording client, which would expect to be told who it is.
func (w *world) turned(n byte, query string) *websocket.Conn {
	w.t.Helper()
	ws, _, err := websocket.Dial(w.t.Context(), w.url+"?"+query, &websocket.DialOptions{
		Subprotocols: []string{"parley.v1", proto.KeySubprotocol(key(n))},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = ws.CloseNow() })
	return ws
}

// closes returns the code with which a connection is closed as soon as it stands.
func closes(t *testing.T, ws *websocket.Conn) int {
	t.Helper()
	_, _, err := ws.Read(t.Context())
	return int(websocket.CloseStatus(err))
}

func TestASecondSocketWithATurnThatWasSeenIsClosedWith4409(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dialTurn(1, "turn=5")
	if a.ID() != proto.KeyID(key(1)) {
		t.Errorf("the client id is %s", a.ID())
	}
	for _, turn := range []string{"5", "4"} {
		if code := closes(t, w.turned(1, "turn="+turn)); code != proto.CloseResumed {
			t.Errorf("turn %s: closed with %d", turn, code)
		}
	}
	w.dialTurn(1, "turn=6")
	w.dialTurn(2, "turn=1")
	if n := w.count("parley_gateway_refusals_total"); n != 2 {
		t.Errorf("%v refusals were counted", n)
	}
}

func TestASessionThatConnectsTooOftenIsClosedWith1013(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	for turn := range int64(20) {
		_ = w.inside.Sight(proto.KeyID(key(1)), turn+1)
	}
	if code := closes(t, w.turned(1, "turn=99")); code != 1013 {
		t.Errorf("closed with %d", code)
	}
}

func TestTheKeyIsNowhereToBeSeen(t *testing.T) {
	t.Parallel()
	log := &lines{}
	w := newWorld(t, worldOptions{log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	k := strings.TrimPrefix(proto.KeySubprotocol(key(1)), proto.KeyProtocol)
	a := w.dialTurn(1, "turn=5")
	closes(t, w.turned(1, "turn=5"))
	for _, bad := range []string{"?turn=0", "?turn=6&keep=999", ""} {
		_, answer, err := websocket.Dial(t.Context(), w.url+bad, &websocket.DialOptions{Subprotocols: []string{"parley.v1", proto.KeyProtocol + k}})
		if err == nil || answer == nil || answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%q: %v", bad, err)
		}
	}
	a.Close()
	testkit.WaitFor(t, "the end", func() bool { return log.has("session ended") })
	if log.has(k) || log.has(k[:20]) {
		t.Error("the log shows the key")
	}
	families, err := w.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if strings.Contains(f.String(), k) {
			t.Errorf("%s shows the key", f.GetName())
		}
	}
}

func TestASessionGivesItsPlaceBackWhenItIsOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a, b := w.dialTurn(1, "turn=1"), w.dialTurn(2, "turn=1&keep=0")
	if n := w.inside.Door.Count(); n != 2 {
		t.Errorf("%d places are taken", n)
	}
	a.Close()
	b.Abort()
	testkit.WaitFor(t, "the places", func() bool { return w.inside.Door.Count() == 0 })
}
