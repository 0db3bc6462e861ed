package socketio

import (
	"context"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-rtc/parley/proto"
)

// authOf returns the token that a client of revision 4 shows as it joins the namespace: {"token":"…"}.
func authOf(payload []byte) string {
	var auth struct {
		Token string `json:"token"`
	}
	if len(payload) == 0 || json.Unmarshal(payload, &auth) != nil {
		return ""
	}
	return auth.Token
}

// unauthorized tells a client that its token does not count: CONNECT_ERROR, or in revision 3 ERROR. It is no client then. One of
// revision 4 may try again on the same connection; others soon go.
func (c *conn) unauthorized(why error) error {
	b := []byte{engineMessage, typeConnectError}
	if c.revision == revision4 {
		b = append(b, `{"message":`...)
		b, _ = jsontext.AppendQuote(b, why.Error()) // its only error is invalid UTF-8, which it replaces
		b = append(b, `,"data":{"code":"`...)
		b = append(append(b, proto.CodeUnauthorized...), `"}}`...)
	} else {
		b, _ = jsontext.AppendQuote(b, why.Error()) // as above
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.beat.unused = c.srv.now() + c.srv.cfg.PingTimeout
	return c.pushLocked(b)
}

// ofUser reports whether a request of revision 3 shows a token of the user who opened the session. In revision 4, and of a WebSocket
// that was admitted, what was shown at first counts.
func (c *conn) ofUser(ctx context.Context, r *request) bool {
	check := c.srv.cfg.Check
	if check == nil || c.revision != revision3 || r.carries() || r.Op == opDrop {
		return true
	}
	c.mu.Lock()
	sub := c.sub
	c.mu.Unlock()
	if sub == "" {
		return true // it has been told that its token does not count, and has nothing
	}
	token, err := check(ctx, r.Token)
	return err == nil && token.Sub == sub
}
