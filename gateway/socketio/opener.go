package socketio

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"strings"
)

// opener is who opened a session of revision 3 by polling, as far as later requests can be held against it. The session's
// id proves nothing there: it is the client's id, which every member of its rooms learns. But nobody learns it before the
// client has entered a room, and so before its first POST: until then whoever names the session is its client.
//
// A client that keeps cookies, as browsers do, shows the session's secret cookie with its first request after the opening.
// It has to show it with every request from then on. Of a client that does not, such as Node's, the address and the
// User-Agent have to be the same: somebody with the same two can still poll and post for it. Therefore it should leave
// polling: an upgrade that begins before its first POST needs no User-Agent, as Node's WebSockets have none. With
// conn.mu held.
type opener struct {
	agent  string // its User-Agent; empty: it had none
	secret string // the value of the cookie that it was given
	met    bool   // it has come back
	keeps  bool   // when it came back it showed the secret
	posted bool   // it has sent its first POST: others may know the id
}

// cookieSeconds is how long a browser keeps the cookie. Each poll of a client that keeps it makes that anew, and the
// longest poll is shorter: what is left of sessions that are over does not pile up.
const cookieSeconds = 120

// cookieName names the cookie of a session: each has its own, as the pages of one browser share their cookies. The end of
// an id is as good as all of it to tell one browser's sessions apart.
func cookieName(sid string) string { return "parley-" + sid[len(sid)-8:] }

// secretOf returns what a request shows as the secret of the session that it names.
func secretOf(r *http.Request, sid string) string {
	if len(sid) != sidLength {
		return ""
	}
	cookie, err := r.Cookie(cookieName(sid))
	if err != nil {
		return ""
	}
	return cookie.Value
}

// admits judges whether a request is from the client that opened the session, and for a WebSocket that another gateway
// carries also whether it is of the attempt to upgrade that was admitted. In revision 4 the id proves the first.
func (c *conn) admits(r *request) (answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case r.Revision != c.revision:
		return refused(codeBadRequest), false
	case !c.ofAttempt(r):
		return refused(codeBadRequest), false
	case c.revision == revision4 || r.carries():
		return answer{}, true
	case !r.Direct, r.Address != c.address, !c.opener.agreesWith(r):
		return refused(codeUnknownSID), false
	}
	return answer{}, true
}

// agreesWith reports whether a request is from the opener of the session, and takes note of what it shows.
func (o *opener) agreesWith(r *request) bool {
	early := r.Op == opProbe && !o.posted
	if r.Agent != o.agent && (!early || r.Agent != "") {
		return false
	}
	shown := o.secret != "" && subtle.ConstantTimeCompare([]byte(r.Secret), []byte(o.secret)) == 1
	if !o.met {
		o.met, o.keeps = true, shown
	}
	if o.keeps && !shown {
		return false
	}
	o.posted = o.posted || r.Op == opPost
	return true
}

// give gives the client that has opened a session its cookie, and one that keeps it the same again.
func (h *exchange) give(secret string) {
	if secret == "" {
		return
	}
	cookie := &http.Cookie{
		Name: cookieName(h.req.SID), Value: secret, MaxAge: cookieSeconds, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	} // without a path: the browser takes that of the request, also where a proxy has shortened it
	if secure(h.r) { // then also pages of other sites may have it
		cookie.Secure, cookie.SameSite, cookie.Partitioned = true, http.SameSiteNoneMode, true
	}
	http.SetCookie(h.w, cookie)
}

// secure reports whether a request came over TLS, as proxies say it. A lie makes a browser refuse the cookie, no more.
func secure(r *http.Request) bool {
	first, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ",")
	return r.TLS != nil || strings.EqualFold(strings.TrimSpace(first), "https")
}

// newSecret returns what nobody guesses.
func newSecret() string { return rand.Text() }
