package gateway_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-rtc/parley/gateway"
	"github.com/parley-rtc/parley/proto"
)

// raw is a client that sends whatever bytes.
type raw struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	bye  bool // its last frame was a close frame
}

// raw shakes hands and takes the first frame.
func (w *world) raw() *raw {
	w.t.Helper()
	return w.rawWith("")
}

// rawWith is raw, with frames right behind the handshake.
func (w *world) rawWith(frames string) *raw {
	w.t.Helper()
	host := strings.TrimSuffix(strings.TrimPrefix(w.url, "ws://"), "/ws")
	conn, err := (&net.Dialer{}).DialContext(w.t.Context(), "tcp", host)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		w.t.Fatal(err)
	}
	r := &raw{t: w.t, conn: conn, in: bufio.NewReader(conn)}
	r.send("GET /ws HTTP/1.1\r\nHost: " + host + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" + frames)
	res, err := http.ReadResponse(r.in, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		w.t.Fatalf("%v, %v", res, err)
	}
	_ = res.Body.Close()
	if op, text := r.next(); op != 1 || !strings.Contains(text, "connected") {
		w.t.Fatalf("first came %d %s", op, text)
	}
	return r
}

func (r *raw) send(bytes string) {
	r.t.Helper()
	r.bye = bytes[0] == 0x88
	if _, err := io.WriteString(r.conn, bytes); err != nil {
		r.t.Fatal(err)
	}
}

// next reads a frame; op is -1 at the end of the connection.
func (r *raw) next() (op int, payload string) {
	r.t.Helper()
	head := make([]byte, 4)
	if _, err := io.ReadFull(r.in, head[:2]); err != nil {
		return -1, err.Error()
	}
	size := int(head[1])
	if size == 126 {
		if _, err := io.ReadFull(r.in, head[2:]); err != nil {
			r.t.Fatal(err)
		}
		size = int(binary.BigEndian.Uint16(head[2:]))
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(r.in, b); err != nil {
		r.t.Fatal(err)
	}
	return int(head[0] & 15), string(b)
}

// wantClosed reads a close frame, answers it unless it is itself an answer, and reads the end of the connection.
func (r *raw) wantClosed(code int) {
	r.t.Helper()
	op, payload := r.next()
	if op != 8 || len(payload) < 2 || int(binary.BigEndian.Uint16([]byte(payload))) != code {
		r.t.Errorf("came %d %q, not a close with %d", op, payload, code)
		return
	}
	if !r.bye {
		_, _ = io.WriteString(r.conn, masked(0x88, payload[:2])) // the gateway may not be there any more
	}
	if op, end := r.next(); op != -1 || end != io.EOF.Error() {
		r.t.Errorf("after the close came %d %q", op, end)
	}
}

// masked is a client's frame, masked with nothing.
func masked(first byte, payload string) string {
	return string([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}) + payload
}

// what ends a connection, by the code that says so.
var violations = map[string]struct {
	bytes string
	code  int
}{
	"a length with the top bit set":      {"\x81\xff\x80\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00x", 1002},
	"the longest length":                 {"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00x", 1002},
	"such a length, of a ping":           {"\x89\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00x", 1002},
	"a frame that is not masked":         {"\x81\x02hi", 1002},
	"a reserved bit":                     {masked(0x91, "{}"), 1002},
	"a compressed frame":                 {masked(0xc1, "{}"), 1002},
	"a reserved type":                    {masked(0x83, "{}"), 1002},
	"a reserved type of control frame":   {masked(0x8b, "{}"), 1002},
	"a continuation of nothing":          {masked(0x80, "{}"), 1002},
	"a message inside another":           {masked(0x01, "{") + masked(0x81, "}"), 1002},
	"a ping in pieces":                   {masked(0x09, ""), 1002},
	"a close frame of one byte":          {masked(0x88, "\x03"), 1002},
	"a close frame with code 1005":       {masked(0x88, "\x03\xed"), 1002},
	"a close frame with code 999":        {masked(0x88, "\x03\xe7"), 1002},
	"text that is not UTF-8":             {masked(0x81, "{\"a\":\"\xff\"}"), 1007},
	"a closing reason that is not UTF-8": {masked(0x88, "\x03\xe8\xce\xba\xe1\xbd\xb9\xcf\x83\xed\xa0\x80"), 1007},
	"a closing reason cut short":         {masked(0x88, "\x03\xe8\xe2\x82"), 1007},
	"a close frame":                      {masked(0x88, "\x03\xe8bye"), 1000},
	"a close frame with code 1002":       {masked(0x88, "\x03\xeabye"), 1002},
	"a close frame with code 1007":       {masked(0x88, "\x03\xefbye"), 1007},
	"a close frame with code 4000":       {masked(0x88, "\x0f\xa0"), 4000},
}

func TestWhoBreaksTheRulesIsToldByWhichCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	for name, v := range violations {
		t.Run(name, func(t *testing.T) {
			r := w.raw()
			r.t = t
			r.send(v.bytes)
			r.wantClosed(v.code)
		})
	}
}

// What comes after a violation is not read, and must not cost its sender the close frame: a system that closes with
// something unread resets the connection.
func TestTheCodeArrivesThoughMoreIsOnItsWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	for range 20 {
		r := w.raw()
		r.send(violations["a reserved bit"].bytes + strings.Repeat("x", 64<<10))
		r.wantClosed(1002)
	}
}

// The request came before the violation; its sender did nothing wrong until then.
func TestAnAnswerThatIsDueIsSentBeforeTheCloseOfAViolation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	for _, name := range []string{"a reserved bit", "a length with the top bit set", "a continuation of nothing", "text that is not UTF-8"} {
		v := violations[name]
		r := w.raw()
		r.send(masked(0x81, `{"event":"room-join","room":"lobby","ref":"1"}`) + masked(0x81, `{"event":"nonsense","ref":"2"}`) +
			masked(0x81, `{"event":"ping","ref":"3"}`) + v.bytes)
		w.next(proto.OpJoin).answer(proto.Event{Name: proto.RoomJoined, Room: lobby, OwnerID: far1, Clients: []proto.ClientID{far1}, Seq: 3})
		for i, event := range []proto.Name{proto.RoomJoined, proto.Error, proto.Pong} {
			op, text := r.next()
			if e, err := proto.DecodeEvent([]byte(text)); op != 1 || err != nil || e.Name != event || e.Ref != fmt.Sprint(i+1) {
				t.Errorf("%s: came %d %s, %v", name, op, text, err)
			}
		}
		r.wantClosed(v.code)
		w.next(proto.OpLeave).answer(proto.Event{Name: proto.RoomLeft, Room: lobby})
	}
}

// A monitor that asks /ws without an upgrade is no connection.
func TestARequestThatIsNoHandshakeIsNotCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	url := "http" + strings.TrimPrefix(w.url, "ws")
	for name, c := range map[string]struct {
		method string
		change func(http.Header)
		status int
	}{
		"a plain GET":    {"GET", func(h http.Header) { h.Del("Upgrade"); h.Del("Connection") }, http.StatusUpgradeRequired},
		"no upgrade":     {"GET", func(h http.Header) { h.Del("Upgrade") }, http.StatusUpgradeRequired},
		"another":        {"GET", func(h http.Header) { h.Set("Upgrade", "h2c") }, http.StatusUpgradeRequired},
		"no connection":  {"GET", func(h http.Header) { h.Set("Connection", "close") }, http.StatusUpgradeRequired},
		"a POST":         {"POST", func(http.Header) {}, http.StatusMethodNotAllowed},
		"an old version": {"GET", func(h http.Header) { h.Set("Sec-WebSocket-Version", "8") }, http.StatusBadRequest},
		"no key":         {"GET", func(h http.Header) { h.Del("Sec-WebSocket-Key") }, http.StatusBadRequest},
		"a short key":    {"GET", func(h http.Header) { h.Set("Sec-WebSocket-Key", "AAAA") }, http.StatusBadRequest},
		"no base64":      {"GET", func(h http.Header) { h.Set("Sec-WebSocket-Key", "A") }, http.StatusBadRequest},
		"two keys":       {"GET", func(h http.Header) { h.Add("Sec-WebSocket-Key", h.Get("Sec-WebSocket-Key")) }, http.StatusBadRequest},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{
			"Connection": {"keep-alive, Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
			"Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="},
		}
		c.change(req.Header)
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != c.status {
			t.Errorf("%s: %s", name, res.Status)
		}
	}
	if n := w.count("parley_gateway_connections_total"); n != 0 {
		t.Errorf("%v connections are counted", n)
	}
	w.dial()
	if n := w.count("parley_gateway_connections_total"); n != 1 {
		t.Errorf("%v connections are counted", n)
	}
}

// Whatever a frame is refused for, its sender knows which it was.
func TestARefusedFrameBearsItsRef(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{Limits: gateway.Limits{MaxFrame: 8000, Rate: 1, Burst: 20}}})
	a := w.dial()
	i := 0
	refused := func(send func(ref string) error, code proto.Code) {
		t.Helper()
		i++
		if err := send(fmt.Sprintf(`"ref":"%d"`, i)); err != nil {
			t.Fatal(err)
		}
		if e := a.Expect(t, proto.Error); e.Code != code || e.Ref != fmt.Sprint(i) {
			t.Errorf("heard %s, want %d, %s", e.Raw, i, code)
		}
	}
	text := func(format string) func(string) error {
		return func(ref string) error { return a.SendText(t.Context(), fmt.Sprintf(format, ref)) }
	}
	const deep = `{"event":"signal-send","room":"lobby","targetId":"x","data":`
	for _, format := range []string{
		`{"event":"room-join","room":"a\ud83d",%s}`, `{%s,"event":"room-join","room":"a","room":"b"}`,
		`{"event":"room-join","room":"a","x":1,"x":2,%s}`, `{"event":"room-join","room":7,%s}`, `{"event":7,%s}`, `{%s}`,
		`{"event":"nonsense",%s}`, `{"event":"room-join","room":"",%s}`, `{"event":"room-join",%s,}`,
		deep + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `,%s}`,
		deep + strings.Repeat(`{"a":`, 300) + `1` + strings.Repeat("}", 300) + `,%s}`,
	} {
		refused(text(format), proto.CodeBadRequest)
	}
	refused(func(ref string) error { return a.SendBinary(t.Context(), []byte(`{"event":"ping",`+ref+`}`)) }, proto.CodeBadRequest)
	refused(text(deep+`"`+pad(8000)+`",%s}`), proto.CodeTooLarge)
	limited := map[bool]int{}
	for n := range 100 { // beyond the burst
		i++
		good := n%2 == 0
		frame := `{"event":"ping","ref":"%d"}`
		if !good {
			frame = `{"event":"ping","x":1,"x":2,"ref":"%d"}`
		}
		if err := a.SendText(t.Context(), fmt.Sprintf(frame, i)); err != nil {
			t.Fatal(err)
		}
		e := a.Expect(t, proto.Pong, proto.Error)
		if e.Ref != fmt.Sprint(i) {
			t.Errorf("heard %s, want %d", e.Raw, i)
		}
		if e.Code == proto.CodeRateLimited {
			limited[good]++
		}
	}
	if limited[true] == 0 || limited[false] == 0 {
		t.Errorf("rate-limited were %v", limited)
	}
}
