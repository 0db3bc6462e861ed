package plain

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

// The contract's example.
const (
	goodKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
	goodID  = "Yw3NKWbEM2aRElRIu7JbT_QS"
)

// offer is a handshake with subprotocols.
func offer(query string, protocols ...string) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/ws?"+query, nil)
	for _, p := range protocols {
		r.Header.Add("Sec-WebSocket-Protocol", p)
	}
	return r
}

func TestAKeyMakesTheClientIdAndNamesTurnAndKeep(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]link.About{
		"turn=1": {Turn: 1, Keep: 30}, "turn=2147483648&keep=0": {Turn: 1 << 31}, "keep=29&turn=7": {Turn: 7, Keep: 29},
		"turn=7&keep=300": {Turn: 7, Keep: 30},
	} {
		want.ID, want.Transport = goodID, "plain"
		for _, protocols := range [][]string{{"parley.v1", "parley.key." + goodKey}, {"other, parley.key." + goodKey + " ,parley.v1"}} {
			if got, err := session(offer(query, protocols...), 30); err != nil || got != want {
				t.Errorf("%s: %+v, %v", query, got, err)
			}
		}
	}
	for _, protocols := range [][]string{nil, {"parley.v1"}, {"parley.v1, parley.keys"}} {
		got, err := session(offer("room=x", protocols...), 30)
		if err != nil || got.Turn != 0 || got.Keep != 0 || got.ID == goodID || got.ID.Check() != nil {
			t.Errorf("without a key: %+v, %v", got, err)
		}
	}
}

func TestABadHandshakeIsRefusedWithASentenceThatDoesNotShowTheKey(t *testing.T) {
	t.Parallel()
	key := "parley.key." + goodKey
	url, _ := serve(t, 0, nil)
	for _, c := range []struct{ query, protocols, says string }{
		{"", key + ",parley.v1", "needs turn"},
		{"turn=1", "parley.v1", "a session with a key"},
		{"turn=1", "", "a session with a key"},
		{"keep=5", "parley.v1", "a session with a key"},
		{"turn=1", key, "the subprotocol is parley.v1"},
		{"turn=1", "parley.v1," + key + "," + key, "one key"},
		{"turn=1", "parley.v1,parley.key." + goodKey[1:], "32 bytes"},
		{"turn=1", "parley.v1," + key + "A", "32 bytes"},
		{"turn=1", "parley.v1," + key + "=", "32 bytes"},
		{"turn=1", "parley.v1,parley.key." + goodKey[:42] + "9", "32 bytes"}, // bits behind the last byte
		{"turn=1", "parley.v1,parley.key." + strings.Replace(goodKey, "A", "+", 1), "32 bytes"},
		{"turn=1", "parley.v1,parley.key.", "32 bytes"},
		{"turn=0", "parley.v1," + key, "turn has to be"},
		{"turn=-1", "parley.v1," + key, "turn has to be"},
		{"turn=%2B1", "parley.v1," + key, "turn has to be"},
		{"turn=", "parley.v1," + key, "turn has to be"},
		{"turn=2147483649", "parley.v1," + key, "turn has to be"},
		{"turn=99999999999999999999", "parley.v1," + key, "turn has to be"},
		{"turn=1&turn=1", "parley.v1," + key, "turn has to be"},
		{"turn=1&keep=301", "parley.v1," + key, "keep has to be"},
		{"turn=1&keep=-1", "parley.v1," + key, "keep has to be"},
		{"turn=1&keep=x", "parley.v1," + key, "keep has to be"},
	} {
		status, body := refused(t, url+"?"+c.query, c.protocols)
		if status != http.StatusBadRequest || !strings.Contains(body, c.says) || strings.Contains(body, goodKey[1:20]) {
			t.Errorf("%s with %q: %d %q, expected %q", c.query, c.protocols, status, body, c.says)
		}
	}
}

// refused returns what answers a handshake that is.
func refused(t *testing.T, url, protocols string) (status int, body string) {
	t.Helper()
	header := http.Header{}
	if protocols != "" {
		header.Set("Sec-WebSocket-Protocol", protocols)
	}
	ws, answer, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{HTTPHeader: header})
	if err == nil {
		_ = ws.CloseNow()
		return http.StatusSwitchingProtocols, ""
	}
	if answer == nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(b)
}

func TestTheServerNamesItsProtocolAndNeverTheKey(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, 0, nil)
	ws, answer, err := websocket.Dial(t.Context(), url+"?turn=1", &websocket.DialOptions{Subprotocols: []string{"parley.key." + goodKey, "parley.v1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	if got := answer.Header.Values("Sec-WebSocket-Protocol"); len(got) != 1 || got[0] != proto.Subprotocol {
		t.Errorf("the server selects %q", got)
	}
	for name, values := range answer.Header {
		if strings.Contains(strings.Join(values, " "), goodKey) {
			t.Errorf("%s shows the key", name)
		}
	}
}

// told is a server whose sessions may write at once, since nobody else does.
func told(t *testing.T, open link.Opener, door link.Door) string {
	t.Helper()
	s := New(Config{
		Door: door, Open: open, AllowOrigin: func(*http.Request) bool { return true }, Keep: 30,
		Address: func(*http.Request) (string, bool) { return "a", true },
	})
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { _ = s.Run(ctx) })
	srv := httptest.NewServer(s)
	t.Cleanup(func() { srv.Close(); cancel(); run.Wait() })
	return "ws" + strings.TrimPrefix(srv.URL, "http") + "/ws"
}

// keyed dials with the key, and a turn.
func keyed(t *testing.T, url, query string) *websocket.Conn {
	t.Helper()
	ws, _, err := websocket.Dial(t.Context(), url+"?"+query, &websocket.DialOptions{Subprotocols: []string{"parley.v1", "parley.key." + goodKey}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	return ws
}

func TestConnectedSaysForHowLongASessionIsKept(t *testing.T) {
	t.Parallel()
	url := told(t, func(tr link.Transport, about link.About) (link.Session, error) {
		return &client{id: about.ID, t: tr, ended: make(chan error, 4), frame: make(chan proto.Frame, 1)}, nil
	}, unbounded())
	for query, want := range map[string]int{"turn=1": 30, "turn=2&keep=7": 7, "turn=3&keep=0": 0} {
		_, hello, err := keyed(t, url, query).Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		e, err := proto.DecodeEvent(hello)
		if err != nil || e.ID != goodID || e.Keep == nil || *e.Keep != want {
			t.Errorf("%s: told %s, %v", query, hello, err)
		}
	}
	_, hello, err := dial(t, url, nil).Read(t.Context())
	if err != nil || strings.Contains(string(hello), "keep") {
		t.Errorf("one without a key is told %s, %v", hello, err)
	}
}

func TestAConnectionThatIsNotToBeIsAcceptedAndClosedAtOnce(t *testing.T) {
	t.Parallel()
	door := unbounded()
	for _, why := range []link.Close{link.Resumed, link.TooOften} {
		url := told(t, func(link.Transport, link.About) (link.Session, error) { return nil, why }, door)
		_, _, err := keyed(t, url, "turn=1").Read(t.Context())
		closed, ok := errors.AsType[websocket.CloseError](err)
		if !ok || int(closed.Code) != why.Code || closed.Reason != why.Reason {
			t.Errorf("expected %+v, the connection ended with %v", why, err)
		}
	}
	eventually(t, "their places", func() bool { return door.Count() == 0 })
}

// The place of a session with a key is the session's: who made that gives it back.
func TestASessionWithAKeyKeepsItsPlaceWhenItsConnectionEnds(t *testing.T) {
	t.Parallel()
	door, opened := unbounded(), make(chan *client, 2)
	url := told(t, func(tr link.Transport, about link.About) (link.Session, error) {
		c := &client{id: about.ID, t: tr, ended: make(chan error, 4), frame: make(chan proto.Frame, 1)}
		opened <- c
		return c, nil
	}, door)
	plain, kept := dial(t, url, nil), keyed(t, url, "turn=1")
	_ = plain.CloseNow()
	_ = kept.CloseNow()
	for range 2 {
		<-(<-opened).ended
	}
	eventually(t, "the place of the one without a key", func() bool { return door.Count() == 1 })
}

func TestASessionHearsHowItsClientClosed(t *testing.T) {
	t.Parallel()
	url, opened := serve(t, 0, nil)
	for _, c := range []struct {
		code websocket.StatusCode
		want error
	}{
		{websocket.StatusNormalClosure, link.Parting{Code: link.ClientLeaves}},
		{websocket.StatusGoingAway, link.Parting{Code: link.ClientGoes}},
		{4000, link.Parting{Code: 4000}},
		{websocket.StatusNoStatusRcvd, link.Parting{Code: 1005}},
	} {
		ws := dial(t, url, nil)
		s := <-opened
		_ = ws.Close(c.code, "")
		if got := <-s.ended; !errors.Is(got, c.want) {
			t.Errorf("closed with %d, the session hears %v", c.code, got)
		}
	}
	ws := dial(t, url, nil)
	s := <-opened
	_ = ws.CloseNow()
	if got := <-s.ended; errors.As(got, new(link.Parting)) {
		t.Errorf("one that is lost ends with %v", got)
	}
}

// counter is a session that notes the counts of pongs.
type counter struct {
	*client
	pongs chan uint64
}

func (c counter) Send(link.Out)     {}
func (c counter) Pong(count uint64) { c.pongs <- count }

func TestAPingWithACountStandsAmongTheFramesAndItsPongBringsTheCount(t *testing.T) {
	t.Parallel()
	opened := make(chan counter, 1)
	url := told(t, func(tr link.Transport, about link.About) (link.Session, error) {
		c := counter{&client{id: about.ID, t: tr, ended: make(chan error, 4), frame: make(chan proto.Frame, 1)}, make(chan uint64, 4)}
		opened <- c
		return c, nil
	}, unbounded())
	var mu sync.Mutex
	var seen []string
	note := func(what string) { mu.Lock(); defer mu.Unlock(); seen = append(seen, what) }
	ws, _, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{OnPingReceived: func(_ context.Context, payload []byte) bool {
		note("ping")
		return len(payload) == 8
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	s := <-opened
	c, _ := s.t.(*conn)
	c.up.Lock()   // until the connection stands
	c.up.Unlock() //nolint:staticcheck // nothing is guarded: it has been waited for
	one := link.Out{Message: link.NewMessage(proto.Event{Name: proto.Pong})}
	if err := s.t.Write([]link.Out{one, {Ping: 1 << 40}, one}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, _, err := ws.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		note("frame")
	}
	select {
	case got := <-s.pongs:
		if got != 1<<40 {
			t.Errorf("the pong brings %d", got)
		}
	case <-time.After(patience):
		t.Error("the session hears of no pong")
	}
	c.pong(nil) // that of the heartbeat's own has none
	c.pong([]byte("whatever"[:7]))
	select {
	case got := <-s.pongs:
		t.Errorf("a pong without a count brings %d", got)
	default:
	}
	mu.Lock()
	defer mu.Unlock()
	if strings.Join(seen, " ") != "frame ping frame" {
		t.Errorf("the client saw %s", seen)
	}
}
