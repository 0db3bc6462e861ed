package socketio

import (
	"net/http"
	"strings"
	"testing"
)

const unknownSID = `{"code":1,"message":"Session ID unknown"}`

func agent(name string) http.Header { return http.Header{"User-Agent": {name}} }

func TestASessionOfRevision3BelongsToItsAddressAndUserAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	q := w.openWith("3", agent("one"))
	w.addr.set("192.0.2.9", true)
	w.must("GET", q, "", agent("one")).want(t, 400, unknownSID)
	w.must("POST", q, `21:42["room-create","a"]`, agent("one")).want(t, 400, unknownSID)
	if _, r, err := w.tryDial(socketQuery(q)); err == nil || r.body != "Session ID unknown" {
		t.Fatalf("an upgrade from another address: %v %+v", err, r)
	}
	w.addr.set("192.0.2.1", true)
	w.must("GET", q, "", agent("two")).want(t, 400, unknownSID)
	w.must("POST", q, `21:42["room-create","a"]`, agent("two")).want(t, 400, unknownSID)
	w.addr.set("192.0.2.1", false)
	w.must("POST", q, `21:42["room-create","a"]`, agent("one")).want(t, 400, `{"code":0,"message":"Transport unknown"}`)
	w.addr.set("192.0.2.1", true)
	// The client itself has noticed nothing.
	w.must("POST", q, `21:42["room-create","a"]`, agent("one")).want(t, 200, "ok")
	w.must("GET", q, "", agent("one")).want(t, 200, `22:42["room-created","a"]`)
}

func TestASessionOfRevision4DoesNotMindWhereRequestsComeFrom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	q := w.join()
	w.addr.set("192.0.2.9", false)
	w.must("POST", q, `42["room-create","a"]`, agent("two")).want(t, 200, "ok")
	w.must("GET", q, "", agent("three")).want(t, 200, `42["room-created","a"]`)
}

func TestBehindAnUntrustedProxyRevision3IsWebSocketOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	w.addr.set("192.0.2.1", false)
	w.get("EIO=3&transport=polling").want(t, 400, `{"code":0,"message":"Transport unknown"}`)
	s := w.dial("EIO=3&transport=websocket")
	s.wantPrefix(`0{"sid":"`)
	s.want("40")
	s.send(`42["room-create","a"]`)
	s.want(`42["room-created","a"]`)
	w.open("4")
}

func TestProxiesShowInTheirHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{Address: peerAddress})
	for _, name := range []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via"} {
		h := http.Header{name: {"for=203.0.113.7"}}
		w.must("GET", "EIO=3&transport=polling", "", h).want(t, 400, `{"code":0,"message":"Transport unknown"}`)
	}
	w.open("3")
}

// TestNoRequestReachesASessionOfRevision3ThatIsOnAWebSocket: other members know its id, and one may share its address and
// its browser.
func TestNoRequestReachesASessionOfRevision3ThatIsOnAWebSocket(t *testing.T) {
	t.Parallel()
	a, b, _ := pair(t, Config{MaxFrame: 1000, Burst: 1})
	upgraded := func(at *world) (string, *socket) {
		q := a.open("3")
		s := at.dial(socketQuery(q))
		s.send("2probe")
		s.want("3probe")
		s.send("5")
		s.send(`42["room-leave","elsewhere"]`)
		s.want(`42["not-in-room","elsewhere"]`)
		return q, s
	}
	for name, open := range map[string]func() (string, *socket){
		"upgraded": func() (string, *socket) { return upgraded(a) },
		"carried":  func() (string, *socket) { return upgraded(b) },
		"from the start": func() (string, *socket) {
			s := a.dial("EIO=3&transport=websocket")
			sid := sidText.FindStringSubmatch(s.wantPrefix("0"))[1]
			s.want("40")
			return "EIO=3&transport=polling&sid=" + sid, s
		},
	} {
		t.Run(name, func(t *testing.T) {
			q, s := open()
			const mismatch = `{"code":3,"message":"Bad request"}`
			for _, w := range []*world{a, b} {
				w.get(q).want(t, 400, mismatch)
				w.post(q, `21:42["room-create","a"]`).want(t, 400, mismatch)
				w.post(q, "1:1").want(t, 400, mismatch)
				w.post(q, strings.Repeat("x", 10000)).want(t, 413, "")
				binary := http.Header{"Content-Type": {"application/octet-stream"}}
				w.must("POST", q, "\x00", binary).want(t, 400, mismatch)
				if _, r, err := w.tryDial(socketQuery(q)); err == nil || r.body != "Bad request" {
					t.Fatalf("%v %+v", err, r)
				}
			}
			s.send(`42["room-create","` + name + `"]`)
			s.want(`42["room-created","` + name + `"]`)
		})
	}
}
