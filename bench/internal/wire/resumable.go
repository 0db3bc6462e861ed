package wire

import (
	"crypto/rand"
	"encoding/base64"
	"strconv"
)

// Resumable is [Plain] spoken by sessions that outlive their connections.
type Resumable struct {
	Plain

	Key  string // of the session; empty: each connection is a session of its own
	Turn int    // of the connection; 0 stands for 1
}

// NewKey is the key of a new session.
func NewKey() string {
	const size = 32
	b := make([]byte, size)
	_, _ = rand.Read(b) // it does not fail
	return base64.RawURLEncoding.EncodeToString(b)
}

// Path is the request target of the upgrade, with the turn.
func (r Resumable) Path() string { return "/ws?turn=" + strconv.Itoa(max(r.Turn, 1)) }

// Subprotocols are those to offer, the session's key among them.
func (r Resumable) Subprotocols() []string {
	if r.Key == "" {
		r.Key = NewKey()
	}
	return append(r.Plain.Subprotocols(), "parley.key."+r.Key)
}

// Resume is the request to come back to a room in which nothing was missed.
func (Resumable) Resume(room string) []byte {
	const latest = 1<<53 - 1
	return plainRequest("resume", room, `,"seq":`+strconv.Itoa(latest)+`,"heard":{}`)
}
