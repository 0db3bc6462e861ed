package socketio

import (
	"net/http"
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
	for _, name := range []string{"X-Forwarded-For", "Forwarded"} {
		h := http.Header{name: {"for=203.0.113.7"}}
		w.must("GET", "EIO=3&transport=polling", "", h).want(t, 400, `{"code":0,"message":"Transport unknown"}`)
	}
	w.open("3")
}
