package socketio

import (
	"crypto/rand"
	"encoding/base64"

	"github.com/google/uuid"

	"github.com/parley-rtc/parley/proto"
)

// sidLength is the characters of a session id: 16 bytes that name its gateway and 16 that are random and secret.
const sidLength = 43

// newSID returns the id of a new session of a gateway.
func newSID(gateway uuid.UUID) string {
	var b [32]byte
	copy(b[:16], gateway[:])
	_, _ = rand.Read(b[16:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// homeOf returns the gateway that a session id names.
func homeOf(sid string) (proto.GatewayID, bool) {
	if len(sid) != sidLength {
		return "", false
	}
	var b [32]byte
	if _, err := base64.RawURLEncoding.Strict().Decode(b[:], []byte(sid)); err != nil {
		return "", false
	}
	return proto.GatewayID(uuid.UUID(b[:16]).String()), true
}

// newClientID returns the id of a client of revision 4, which has nothing to do with its session's.
func newClientID() proto.ClientID {
	var b [15]byte
	_, _ = rand.Read(b[:]) // never fails
	return proto.ClientID(base64.RawURLEncoding.EncodeToString(b[:]))
}
