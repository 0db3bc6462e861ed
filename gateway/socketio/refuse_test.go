package socketio

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

func TestRequestsThatNoSessionTakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	for _, c := range []struct {
		method, query string
		status        int
		body          string
	}{
		{"GET", "EIO=4", 400, `{"code":0,"message":"Transport unknown"}`},
		{"GET", "EIO=4&transport=webtransport", 400, `{"code":0,"message":"Transport unknown"}`},
		{"GET", "EIO=3&transport=polling&j=0", 400, `{"code":0,"message":"Transport unknown"}`},
		{"GET", "EIO=5&transport=polling", 400, `{"code":5,"message":"Unsupported protocol version"}`},
		{"GET", "EIO=2&transport=polling", 400, `{"code":5,"message":"Unsupported protocol version"}`},
		{"PUT", "EIO=4&transport=polling", 400, `{"code":2,"message":"Bad handshake method"}`},
		{"GET", "EIO=4&transport=polling&sid=" + newSID([16]byte{1}), 400, `{"code":1,"message":"Session ID unknown"}`},
		{"GET", "EIO=4&transport=polling&sid=" + newSID(w.srv.gateway), 400, `{"code":1,"message":"Session ID unknown"}`},
		{"GET", "EIO=4&transport=polling&sid=" + strings.Repeat("\u00e9", 43), 400, `{"code":1,"message":"Session ID unknown"}`},
		{"DELETE", strings.TrimPrefix(w.join(), "?"), 400, `{"code":3,"message":"Bad request"}`},
	} {
		w.must(c.method, c.query, "", nil).want(t, c.status, c.body)
	}
	if s, r, err := w.tryDial("EIO=9&transport=websocket"); err == nil || r.status != 400 ||
		r.body != "Unsupported protocol version" {
		t.Fatalf("%v %+v %v", s, r, err)
	}
}

func TestTheClientLibraryIsNotServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	res, err := w.http.Get(w.url + "/socket.io/socket.io.js")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b := make([]byte, 500)
	n, _ := res.Body.Read(b)
	if res.StatusCode != 404 || !strings.Contains(string(b[:n]), "socket.io-client") {
		t.Fatalf("%d %s", res.StatusCode, b[:n])
	}
}

func TestOriginsAreJudgedAsTheSettingSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{AllowOrigin: func(r *http.Request) bool {
		o := r.Header.Get("Origin")
		return o == "" || o == "https://good.example"
	}})
	good, bad := http.Header{"Origin": {"https://good.example"}}, http.Header{"Origin": {"https://bad.example"}}
	const open = "EIO=4&transport=polling"
	r := w.must("GET", open, "", good)
	if r.status != 200 || r.header.Get("Access-Control-Allow-Origin") != "https://good.example" ||
		r.header.Get("Access-Control-Allow-Credentials") != "true" || r.header.Get("Vary") != "Origin" {
		t.Fatalf("%d %v", r.status, r.header)
	}
	r = w.must("GET", open, "", bad)
	r.want(t, 403, `{"code":4,"message":"Forbidden"}`)
	if r.header.Get("Access-Control-Allow-Origin") != "" {
		t.Fatalf("%v", r.header)
	}
	// An error can be read by the page, too.
	r = w.must("GET", "EIO=4&transport=polling&sid=x", "", good)
	if r.status != 400 || r.header.Get("Access-Control-Allow-Origin") != "https://good.example" {
		t.Fatalf("%d %v", r.status, r.header)
	}
	good.Set("Access-Control-Request-Method", "POST")
	good.Set("Access-Control-Request-Headers", "x-token")
	r = w.must("OPTIONS", open, "", good)
	if r.status != 204 || r.header.Get("Access-Control-Allow-Headers") != "x-token" ||
		!strings.Contains(r.header.Get("Access-Control-Allow-Methods"), "POST") {
		t.Fatalf("%d %v", r.status, r.header)
	}
	_, res, err := websocket.Dial(t.Context(), w.url+"/socket.io/?EIO=4&transport=websocket",
		&websocket.DialOptions{HTTPHeader: bad, HTTPClient: w.http})
	if err == nil || res.StatusCode != 403 {
		t.Fatalf("%v", err)
	}
}

func TestSameHostIsAllowedUnlessTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	same := http.Header{"Origin": {w.url}}
	if r := w.must("GET", "EIO=4&transport=polling", "", same); r.status != 200 {
		t.Fatalf("%d", r.status)
	}
	other := http.Header{"Origin": {"https://else.example"}}
	w.must("GET", "EIO=4&transport=polling", "", other).want(t, 403, `{"code":4,"message":"Forbidden"}`)
}

func TestSessionsInHandAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{Door: bounded(30, 20), PingTimeout: time.Hour})
	const open = "EIO=4&transport=polling"
	refused := 0
	for range 10000 {
		r := httptest.NewRecorder()
		w.srv.ServeHTTP(r, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/socket.io/?"+open, nil))
		if r.Code == http.StatusServiceUnavailable {
			refused++
		}
	}
	if refused != 10000-20 {
		t.Fatalf("%d were refused", refused)
	}
	w.addr.set("192.0.2.2", true)
	for i := range 12 {
		if r := w.get(open); (r.status == 200) != (i < 10) {
			t.Fatalf("request %d from another address: %d", i, r.status)
		}
	}
	if _, r, err := w.tryDial("EIO=4&transport=websocket"); err == nil || r.status != 503 {
		t.Fatalf("%v %+v", err, r)
	}
}

func TestWhoCannotBeLetInIsToldToTryAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		code websocket.StatusCode
	}{{link.ErrFull, 1013}, {link.ErrDraining, 1001}} {
		r := newRooms()
		r.full = fmt.Errorf("%w: test", c.err)
		w := newWorldOn(t, Config{}, r)
		s := w.dial("EIO=4&transport=websocket")
		s.wantPrefix("0")
		s.send("40")
		s.wantClosed(c.code, "")
		if got := w.get("EIO=3&transport=polling"); got.status != 503 || !strings.Contains(got.body, c.err.Error()) {
			t.Fatalf("%+v", got)
		}
		s = w.dial("EIO=3&transport=websocket")
		s.wantClosed(c.code, "")
	}
}

func TestWebSocketMessagesThatEndTheConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{MaxFrame: 2000})
	for _, c := range []struct {
		kind websocket.MessageType
		text string
		code websocket.StatusCode
	}{
		{websocket.MessageText, "42[\"room-create\",\"\xff\"]", 1007},
		{websocket.MessageText, `42["room-create","` + strings.Repeat("x", 16*2000) + `"]`, 1009},
		{websocket.MessageText, `40{"token":"` + strings.Repeat("x", 2000) + `"}`, 1009},
		{websocket.MessageText, "", 1008},
		{websocket.MessageText, `42[`, 1008},
		{websocket.MessageText, `4299999999999999999999["room-create","a"]`, 1008},
		{websocket.MessageText, "2", 1008},
	} {
		s := w.joinSocket()
		if err := s.ws.Write(t.Context(), c.kind, []byte(c.text)); err != nil {
			t.Fatal(err)
		}
		s.wantClosed(c.code, "")
	}
	// Nobody else has noticed.
	s := w.joinSocket()
	s.send(`42["room-create","a"]`)
	s.want(`42["room-created","a"]`)
}

// TestAClientGetsTheFirstOfItsSubprotocols: one that asked for some closes a connection that comes without.
func TestAClientGetsTheFirstOfItsSubprotocols(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	for _, query := range []string{"EIO=4&transport=websocket", socketQuery(w.join())} {
		ws, _, err := websocket.Dial(t.Context(), w.url+"/socket.io/?"+query,
			&websocket.DialOptions{Subprotocols: []string{"one", "two"}, HTTPClient: w.http})
		if err != nil {
			t.Fatal(err)
		}
		if got := ws.Subprotocol(); got != "one" {
			t.Errorf("%s: %q", query, got)
		}
		_ = ws.CloseNow()
	}
}

func TestUnknownEventsAreAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	s := w.joinSocket()
	s.send(`42["connect"]`)
	s.wantPrefix(`42["error","bad request: there is no event`)
	s.send(`4217["nope"]`)
	if got := s.wantPrefix(`4317[{"event":"error","message":"bad request: there is no event`); !strings.Contains(got,
		`"code":"bad-request"`) {
		t.Fatal(got)
	}
	s.send(`4218["signal-send","a","b",` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `]`)
	if got := s.wantPrefix(`4318[{"event":"error","message":"bad request: the JSON is nested deeper`); !strings.Contains(got,
		`"code":"bad-request"`) {
		t.Fatal(got)
	}
	s.send(`42["signal-send","a"]`)
	s.wantPrefix(`42["error","bad request: signal-send needs`)
}

func TestIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	s := w.joinSocket()
	_ = s
	id := w.session().ID()
	if len(id) != 20 || id.Check() != nil {
		t.Fatalf("%q", id)
	}
	q := w.open("3")
	c := w.conn(q)
	if id := w.session().ID(); string(id) != c.sid || id.Check() != nil {
		t.Fatalf("%q is not %q", id, c.sid)
	}
	home, ok := homeOf(c.sid)
	if !ok || home != w.srv.cfg.Gateway {
		t.Fatalf("%q names %q", c.sid, home)
	}
	if _, ok := homeOf("x" + c.sid[1:] + "y"); ok {
		t.Fatal("a longer id was read")
	}
	seen := map[proto.ClientID]bool{}
	for range 100 {
		id := newClientID()
		if seen[id] || !regexp.MustCompile(`^[A-Za-z0-9_-]{20}$`).MatchString(string(id)) {
			t.Fatal(id)
		}
		seen[id] = true
	}
}
