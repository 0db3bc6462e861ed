package plain

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

// errHandshake is wrapped by what is answered to a handshake that cannot be. No such answer shows a key.
var errHandshake = errors.New("bad handshake")

// session reads what a handshake shows of the client's session: its key, among the subprotocols, the turn and, in seconds, how long
// it asks to be kept, of which it gets keep at most. One without a key gets an id of its own. The error wraps [errHandshake].
func session(r *http.Request, keep int) (link.About, error) {
	about := link.About{Transport: "plain"}
	key, err := keyOf(subprotocols(r))
	if err != nil {
		return about, err
	}
	query := r.URL.Query()
	turn, hasTurn, err := number(query, "turn", 1, proto.MaxTurn)
	if err != nil {
		return about, err
	}
	asked, hasKeep, err := number(query, "keep", 0, proto.MaxKeep)
	switch {
	case err != nil:
		return about, err
	case key == "" && (hasTurn || hasKeep):
		return about, fmt.Errorf("%w: turn and keep are for a session with a key: offer the subprotocol %s<key>", errHandshake, proto.KeyProtocol)
	case key == "":
		about.ID = proto.NewClientID()
		return about, nil
	case !hasTurn:
		return about, fmt.Errorf("%w: a session with a key needs turn=N in the query, greater with each of its connections", errHandshake)
	}
	about.ID, about.Turn, about.Keep = key, turn, keep
	if hasKeep {
		about.Keep = min(int(asked), keep)
	}
	return about, nil
}

// subprotocols lists what the client offers.
func subprotocols(r *http.Request) []string {
	var offered []string
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(line, ",") {
			if p = strings.TrimSpace(p); p != "" {
				offered = append(offered, p)
			}
		}
	}
	return offered
}

// tokenOf returns the token that a client shows: among the subprotocols, or as Authorization has it; "" where there is none.
func tokenOf(r *http.Request) (token string, err error) {
	for _, p := range subprotocols(r) {
		text, is := strings.CutPrefix(p, proto.TokenProtocol)
		switch {
		case !is:
			continue
		case token != "":
			return "", fmt.Errorf("%w: a client has one token", errHandshake)
		}
		token = text
	}
	if bearer, is := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); is && token == "" {
		token = strings.TrimSpace(bearer)
	}
	return token, nil
}

// keyOf returns the client id of the session whose key is among the subprotocols that a client offers; "" where there is no key.
func keyOf(offered []string) (id proto.ClientID, err error) {
	if len(offered) > 0 && !slices.Contains(offered, proto.Subprotocol) {
		return "", fmt.Errorf("%w: the subprotocol is %s", errHandshake, proto.Subprotocol)
	}
	for _, p := range offered {
		switch {
		case !strings.HasPrefix(p, proto.KeyProtocol):
			continue
		case id != "":
			return "", fmt.Errorf("%w: a session has one key", errHandshake)
		}
		if id, err = proto.ParseKey(p); err != nil {
			return "", fmt.Errorf("%w: %w", errHandshake, err)
		}
	}
	return id, nil
}

// number reads a number of the query, and reports whether there is one.
func number(query url.Values, name string, least, most int64) (n int64, given bool, err error) {
	values := query[name]
	if len(values) == 0 {
		return 0, false, nil
	}
	u, err := strconv.ParseUint(values[0], 10, 32) // no sign, unlike ParseInt
	if n = int64(u); err != nil || len(values) > 1 || n < least || n > most {
		return 0, true, fmt.Errorf("%w: %s has to be one number from %d to %d", errHandshake, name, least, most)
	}
	return n, true, nil
}
