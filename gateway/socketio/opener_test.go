package socketio

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// tryUpgrade begins an upgrade as a client with those headers would; it returns the answer, or nil when it was let in.
func (w *world) tryUpgrade(query string, header http.Header) *reply {
	w.t.Helper()
	if header.Get("User-Agent") == "" {
		header = header.Clone()
		if header == nil {
			header = http.Header{}
		}
		header["User-Agent"] = []string{""} // else Go sends its own
	}
	ws, res, err := websocket.Dial(w.t.Context(), w.url+"/socket.io/?"+socketQuery(query),
		&websocket.DialOptions{HTTPClient: w.http, HTTPHeader: header})
	if err == nil {
		_ = ws.CloseNow()
		return nil
	}
	if res == nil {
		w.t.Fatal(err)
	}
	b := make([]byte, 200)
	n, _ := res.Body.Read(b)
	return &reply{status: res.StatusCode, body: string(b[:n])}
}

// stranger knows a session's id, and asks about it with headers of their own.
func (w *world) stranger(t *testing.T, query string, header http.Header) {
	t.Helper()
	for method, body := range map[string]string{"GET": "", "POST": `21:42["room-create","x"]`, "DELETE": ""} {
		r := w.must(method, query, body, header.Clone())
		if r.status != 400 {
			t.Errorf("%s by %v was answered %d %q", method, header, r.status, r.body)
		}
	}
	large := header.Clone()
	large.Set("Content-Type", "application/octet-stream")
	if r := w.must("POST", query, strings.Repeat("x", 1<<21), large); r.status < 400 {
		t.Errorf("a large post by %v was answered %d", header, r.status)
	}
	if r := w.tryUpgrade(query, header); r == nil || r.body != "Session ID unknown" {
		t.Errorf("an upgrade by %v was answered %+v", header, r)
	}
}

// TestWhoKnowsTheIDOfASessionOfRevision3CannotTakeItOver: a member of the client's room, behind the same public address.
func TestWhoKnowsTheIDOfASessionOfRevision3CannotTakeItOver(t *testing.T) {
	t.Parallel()
	a, b, _ := pair(t, Config{})
	none := http.Header{"User-Agent": {""}}
	for name, own := range map[string]http.Header{
		"a browser without cookies": agent("Mozilla/5.0"), "Node": agent("node-XMLHttpRequest"), "one without a User-Agent": none,
	} {
		for _, at := range []*world{a, b} {
			q := a.openWith("3", own)
			at.must("POST", q, `20:42["room-leave","a"]`, own).want(t, 200, "ok")
			for _, other := range []http.Header{none, agent("another"), agent("node-XMLHttpRequest"), agent("Mozilla/5.0")} {
				if other.Get("User-Agent") != own.Get("User-Agent") {
					a.stranger(t, q, other)
					b.stranger(t, q, other)
				}
			}
			at.addr.set("192.0.2.9", true)
			at.stranger(t, q, own)
			at.addr.set("192.0.2.1", true)
			// The client itself has noticed nothing.
			if r := at.must("GET", q, "", own); r.body != `21:42["not-in-room","a"]` {
				t.Errorf("%s: %+v", name, r)
			}
		}
	}
}

// TestAnUpgradeWithoutAUserAgentBeginsBeforeTheFirstPost: Node's WebSockets have none. Nobody else knows the id by then.
func TestAnUpgradeWithoutAUserAgentBeginsBeforeTheFirstPost(t *testing.T) {
	t.Parallel()
	a, b, _ := pair(t, Config{})
	node := agent("node-XMLHttpRequest")
	for _, at := range []*world{a, b} {
		q := a.openWith("3", node)
		header := http.Header{"User-Agent": {""}}
		ws, _, err := websocket.Dial(t.Context(), at.url+"/socket.io/?"+socketQuery(q),
			&websocket.DialOptions{HTTPClient: at.http, HTTPHeader: header})
		if err != nil {
			t.Fatal(err)
		}
		s := &socket{t, ws}
		at.must("POST", q, `20:42["room-leave","a"]`, node).want(t, 200, "ok") // while it is under way
		s.send("2probe")
		s.want("3probe")
		if r := a.must("GET", q, "", node); !strings.Contains(r.body, "not-in-room") {
			t.Fatalf("%+v", r)
		}
		s.send("5")
		s.send(`42["room-leave","b"]`)
		s.want(`42["not-in-room","b"]`)
		_ = ws.CloseNow()

		q = a.openWith("3", node)
		if r := at.tryUpgrade(q, agent("another")); r == nil {
			t.Error("one with another User-Agent was let in")
		}
	}
}

// TestAClientThatKeepsCookiesHasToShowItsOwn: whoever has the same address and the same browser has not its cookie.
func TestAClientThatKeepsCookiesHasToShowItsOwn(t *testing.T) {
	t.Parallel()
	a, b, _ := pair(t, Config{})
	browser := agent("Mozilla/5.0")
	open := func() (query string, with http.Header, cookie *http.Cookie) {
		r := a.must("GET", "EIO=3&transport=polling", "", browser)
		cookies, err := http.ParseSetCookie(r.header.Get("Set-Cookie"))
		if err != nil {
			t.Fatalf("%v in %v", err, r.header)
		}
		sid := sidText.FindStringSubmatch(r.body)[1]
		with = browser.Clone()
		with.Set("Cookie", "other=1; "+cookies.Name+"="+cookies.Value)
		return "EIO=3&transport=polling&sid=" + sid, with, cookies
	}
	for _, at := range []*world{a, b} {
		q, own, cookie := open()
		if !cookie.HttpOnly || cookie.MaxAge <= 0 || cookie.Path != "" || strings.Contains(q, cookie.Value) {
			t.Errorf("the cookie is %+v", cookie)
		}
		at.must("POST", q, `20:42["room-leave","a"]`, own).want(t, 200, "ok")
		guess := browser.Clone()
		guess.Set("Cookie", cookie.Name+"=guess")
		_, another, _ := open()
		for _, header := range []http.Header{browser, guess, another} {
			a.stranger(t, q, header)
			b.stranger(t, q, header)
		}
		r := at.must("GET", q, "", own)
		r.want(t, 200, `21:42["not-in-room","a"]`)
		if again := r.header.Get("Set-Cookie"); !strings.HasPrefix(again, cookie.Name+"="+cookie.Value+";") {
			t.Errorf("a poll does not keep the cookie: %q", again)
		}
		if r := at.tryUpgrade(q, own); r != nil {
			t.Errorf("its own upgrade was answered %+v", r)
		}
	}
}

func TestTheCookieFitsTheWayThatItTakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	for proto, want := range map[string]string{
		"": "HttpOnly; SameSite=Lax", "http": "HttpOnly; SameSite=Lax",
		"https": "HttpOnly; Secure; SameSite=None; Partitioned", "https, http": "HttpOnly; Secure; SameSite=None; Partitioned",
	} {
		h := agent("Mozilla/5.0")
		h.Set("X-Forwarded-Proto", proto)
		r := w.must("GET", "EIO=3&transport=polling", "", h)
		if got := r.header.Get("Set-Cookie"); !strings.HasSuffix(got, fmt.Sprintf("; Max-Age=%d; %s", cookieSeconds, want)) {
			t.Errorf("%q: %q", proto, got)
		}
	}
	if r := w.get("EIO=4&transport=polling"); r.header.Get("Set-Cookie") != "" {
		t.Errorf("revision 4, whose ids are secret, gets %v", r.header)
	}
}

// TestNoAttemptToUpgradeEndsAnother: what is said of one that was given up is no word about the next.
func TestNoAttemptToUpgradeEndsAnother(t *testing.T) {
	t.Parallel()
	a, b, _ := pair(t, Config{})
	q := a.join()
	_, sid, _ := strings.Cut(q, "&sid=")
	late := request{SID: sid, Revision: revision4, Attempt: "given up"}
	say := func() {
		for _, o := range []op{opHurry, opCancel, opSwitch, opPull, opPush, opEnd} {
			r := late
			r.Op, r.Body = o, []byte(`42["room-create","x"]`)
			if got := b.srv.ask(t.Context(), &r); !got.Refused {
				t.Errorf("%s: %+v", o, got)
			}
		}
	}
	s := b.dial(socketQuery(q))
	say()
	s.send("2probe")
	s.want("3probe")
	say()
	s.send("5")
	s.send(`42["room-create","a"]`)
	s.want(`42["room-created","a"]`)
	say()
	s.send(`42["room-leave","a"]`)
	s.want(`42["room-left","a",false]`)
}
