package gateway_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/gateway/internal/inside"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

func TestTheSubprotocolIsOursOrNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	for _, c := range []struct {
		offered []string
		status  int
	}{
		{[]string{}, http.StatusSwitchingProtocols},
		{[]string{"parley.v1"}, http.StatusSwitchingProtocols},
		{[]string{"other", "parley.v1"}, http.StatusSwitchingProtocols},
		{[]string{"other"}, http.StatusBadRequest},
		{[]string{"Parley.V1"}, http.StatusBadRequest},
		{[]string{""}, http.StatusSwitchingProtocols}, // an empty header offers none
	} {
		client, err := testkit.Open(t.Context(), w.url, &testkit.Options{Subprotocols: c.offered})
		refused := (*testkit.RefusedError)(nil)
		switch {
		case err == nil && c.status == http.StatusSwitchingProtocols:
			client.Close()
		case !errors.As(err, &refused) || refused.Status != c.status:
			t.Errorf("%v: %v, expected %d", c.offered, err, c.status)
		}
	}
	testkit.WaitFor(t, "nobody connected", func() bool { return w.count("parley_gateway_sessions") == 0 })
}

func TestAPageOfAnotherOriginIsRefusedWith403(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	if status := w.refused(http.Header{"Origin": {"https://evil.example"}}); status != http.StatusForbidden {
		t.Errorf("the answer is %d", status)
	}
	if n := w.count("parley_gateway_connections_total"); n != 1 { // nobody was let in
		t.Errorf("%v connections were counted as refused", n)
	}
	same := strings.TrimSuffix(strings.Replace(w.url, "ws://", "http://", 1), "/ws")
	if status := w.refused(http.Header{"Origin": {same}}); status != http.StatusSwitchingProtocols {
		t.Errorf("the answer is %d", status)
	}
}

func TestARequestThatIsNoUpgradeOpensNoSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(w.url, "ws://", "http://", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("the answer is %d, %v", res.StatusCode, err)
	}
	testkit.WaitFor(t, "nobody connected", func() bool { return w.count("parley_gateway_sessions") == 0 })
}

func TestFramesThatAreNoRequestAreAnsweredBadRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	bad := func(what string) {
		t.Helper()
		if e := a.Expect(t, proto.Error); e.Code != proto.CodeBadRequest || e.SenderID != a.ID() || e.Message == "" {
			t.Errorf("%s was answered %s", what, e.Raw)
		}
	}
	if err := a.SendBinary(t.Context(), []byte(`{"event":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	bad("a binary frame")
	for _, text := range []string{
		``, `x`, `[]`, `"ping"`, `{}`, `{"event":"Ping"}`, `{"event":"ping","event":"ping"}`, `{"event":1}`,
		`{"event":"room-join"}`, `{"event":"room-join","room":""}`, `{"event":"room-join","room":7}`,
		`{"event":"signal-send","room":"r","data":{}}`, `{"event":"signal-send","room":"r","targetId":"x"}`,
		`{"event":"ping","ref":7}`, `{"event":"ping"} x`, strings.Repeat(`[`, 300),
	} {
		if err := a.SendText(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		bad(text)
	}
	if err := a.SendText(t.Context(), `{"event":"room-join","room":"a\u0000","ref":"r","more":[1]}`); err != nil {
		t.Fatal(err)
	}
	if e := a.Expect(t, proto.Error); e.Code != proto.CodeBadRequest || e.Ref != "r" {
		t.Errorf("heard %s", e.Raw)
	}
	w.quiet(a)
}

func TestATextFrameThatIsNotUTF8ClosesWith1007(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	if err := a.SendText(t.Context(), "{\"event\":\"ping\",\"x\":\"\xff\"}"); err != nil {
		t.Fatal(err)
	}
	if code, reason, err := a.CloseCode(t.Context()); err != nil || code != websocket.StatusInvalidFramePayloadData {
		t.Errorf("closed with %d %q, %v", code, reason, err)
	}
}

func TestAPingIsAnsweredWithItsRef(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	w.send(a, proto.Frame{Name: proto.Ping})
	w.send(a, proto.Frame{Name: proto.Ping, Ref: "\u00e9\""})
	w.hears(a, proto.Event{Name: proto.Pong}, proto.Event{Name: proto.Pong, Ref: "\u00e9\""})
}

// A ref is a string of at most 64 bytes, and so is the empty one.
func TestAnEmptyRefIsCarriedBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	w.joins(a, lobby, 3, far1)
	send := func(frame, answer string) {
		t.Helper()
		if err := a.SendText(t.Context(), frame); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(frame, "signal-send") {
			w.next(proto.OpSignal).answer(proto.Event{Name: proto.SignalSent, TargetID: far1})
		}
		if e, err := a.Next(t.Context()); err != nil || string(e.Raw) != answer {
			t.Errorf("%s was answered %s, %v", frame, e.Raw, err)
		}
	}
	send(`{"event":"ping","ref":""}`, `{"event":"pong","ref":""}`)
	send(`{"event":"signal-send","room":"lobby","targetId":"`+string(far1)+`","data":1,"ref":""}`,
		`{"event":"signal-sent","room":"lobby","targetId":"`+string(far1)+`","ref":""}`)
	send(`{"event":"ping","ref":"\u0000\"\u00e9"}`, `{"event":"pong","ref":"\u0000\"é"}`)
	send(`{"event":"nothing","ref":""}`, `{"event":"error","message":"bad request: there is no event \"nothing\"; `+
		`there are room-create, -join, -enter, -leave, -close, -kick, -ban, -unban, -update, -transfer, -roster, -knock, -admit, -refuse, `+
		`member-update, signal-send, resume, token, ice and ping","code":"bad-request","senderId":"`+string(a.ID())+`","ref":""}`)
}

func TestAnAnswerBearsItsRefAndAPushNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby, Ref: "7"})
	joined := proto.Event{Name: proto.RoomJoined, Room: lobby, OwnerID: far1, Clients: []proto.ClientID{far1}, Seq: 3}
	w.next(proto.OpJoin).answer(joined)
	joined.Ref = "7"
	w.hears(a, joined)
	w.replicas[0].tell(came(lobby, far2, 4, 3))
	w.hears(a, came(lobby, far2, 4, 3))
}

// A client may send its first frames right behind its upgrade request.
func TestFramesThatCameWithTheHandshakeAreRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	const many = 300 // more than the reader's buffer holds
	r := w.rawWith(strings.Repeat(masked(0x81, `{"event":"ping"}`), many))
	for i := range many {
		if op, text := r.next(); op != 1 || text != `{"event":"pong"}` {
			t.Fatalf("frame %d is %d %s", i, op, text)
		}
	}
}

// net/http reads the body that a handler has left, and waits for it.
func TestOneWhoSendsNoBodyIsDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{timing: func(x *inside.Timing) { x.Body = 50 * time.Millisecond }})
	host := strings.TrimSuffix(strings.TrimPrefix(w.url, "ws://"), "/ws")
	upgrade := "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
	for request, status := range map[string]int{
		"POST /ws HTTP/1.1\r\nContent-Length: 9\r\n":                                            http.StatusUpgradeRequired,
		"GET /ws HTTP/1.1\r\nContent-Length: 9\r\n":                                             http.StatusUpgradeRequired,
		"POST /none HTTP/1.1\r\nTransfer-Encoding: chunked\r\n":                                 http.StatusNotFound,
		"GET /ws HTTP/1.1\r\nContent-Length: 9\r\n" + upgrade + "Origin: http://else.where\r\n": http.StatusForbidden,
	} {
		conn, err := (&net.Dialer{Deadline: time.Now().Add(patience)}).DialContext(t.Context(), "tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		if _, err := io.WriteString(conn, request+"Host: "+host+"\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(conn)
		res, err := http.ReadResponse(in, nil)
		if err != nil || res.StatusCode != status {
			t.Errorf("%q: answered %v, %v", request, res, err)
			continue
		}
		if _, err := io.Copy(io.Discard, in); err != nil {
			t.Errorf("%q: the connection stays: %v", request, err)
		}
	}
}
