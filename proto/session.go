package proto

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A session is a client's stay under one client id. One that is resumable outlives its connection: docs/PROTOCOL.md, sections 5 and 7.

// KeyProtocol begins the subprotocol by which a client shows its session's key: parley.key.<unpadded base64url of 32 bytes>.
const KeyProtocol = "parley.key."

// Bounds of sessions.
const (
	KeySize  = 32      // bytes of a key
	MaxTurn  = 1 << 31 // the last connection of a session
	MaxCount = 1 << 20 // signals of one turn, from 1; the number of a signal is turn*MaxCount + count
	MaxKeep  = 300     // seconds that a session may be kept
)

// How long things take around a resumption.
const (
	AwayHint     = 2 * time.Second        // away for this long: the others are told
	ReloadKeep   = 15 * time.Second       // how long a session is kept whose page said that it goes (1001), or its keep if less
	LeavePutOff  = 15 * time.Second       // how long a leave at the end of keep is put off that is not answered at once
	HeldAfter    = 500 * time.Millisecond // silence of a target's gateway after which a signal counts as held
	AskEvery     = 250 * time.Millisecond // between two questions to a sender's gateway
	AskFor       = 1500 * time.Millisecond
	LiveWithin   = 2 * time.Second // from resumed to live
	HandOverIn   = time.Second     // how long a sender's new gateway waits for the one before
	MovedFor     = time.Minute     // how long a gateway remembers where a client has gone
	ConfirmAfter = time.Second     // the longest from a signal's writing to the ping that asks for it
)

// CloseResumed is the closing code of a connection whose session goes on with another.
const (
	CloseResumed       = 4409
	CloseResumedReason = "resumed elsewhere"
)

// The closing codes of connections whose token does not count, and of those that the operator ends.
const (
	CloseUnauthorized       = 4401 // with the reason in words
	CloseDisconnected       = 4403
	CloseDisconnectedReason = "disconnected by the operator"
)

// TokenProtocol begins the subprotocol by which a client shows its token: parley.token.<JWT>.
const TokenProtocol = "parley.token."

// ErrKey is wrapped by what [ParseKey] returns.
var ErrKey = errors.New("bad session key")

// ParseKey returns the client id of the session whose key a subprotocol names: the first 24 characters of the unpadded base64url
// of the key's SHA-256. The error wraps [ErrKey], and does not show the key.
func ParseKey(subprotocol string) (ClientID, error) {
	text, ok := strings.CutPrefix(subprotocol, KeyProtocol)
	encoding := base64.RawURLEncoding.Strict()
	key, err := encoding.DecodeString(text)
	if !ok || err != nil || len(key) != KeySize || len(text) != encoding.EncodedLen(KeySize) { // a decoder skips line breaks
		return "", fmt.Errorf("%w: it has to be %d bytes in unpadded base64url, after %s", ErrKey, KeySize, KeyProtocol)
	}
	return KeyID([KeySize]byte(key)), nil
}

// KeyID returns the client id of the session that has a key.
func KeyID(key [KeySize]byte) ClientID {
	const characters = 24
	sum := sha256.Sum256(key[:])
	return ClientID(base64.RawURLEncoding.EncodeToString(sum[:])[:characters])
}

// KeySubprotocol returns the subprotocol by which a client shows its key.
func KeySubprotocol(key [KeySize]byte) string {
	return KeyProtocol + base64.RawURLEncoding.EncodeToString(key[:])
}

// MaxNumber is the greatest number of a signal: what a JavaScript number holds exactly. Those of [Number] are less.
const MaxNumber = 1<<53 - 1

// Number returns the number of a signal: the count-th, from 1, of a turn.
func Number(turn, count int64) int64 { return turn*MaxCount + count }

// Policy says what becomes of a room whose owner is gone.
type Policy string

// The policies. The empty one is close.
const (
	PolicyClose    Policy = "close"
	PolicyTransfer Policy = "transfer" // the member that has been in longest becomes the owner
	PolicyStay     Policy = "stay"     // the room has no owner
)

// ErrPolicy is wrapped by what [Policy.Check] returns.
var ErrPolicy = errors.New("bad policy")

var errPolicy = fmt.Errorf(`%w: "onOwnerGone" is "close", "transfer" or "stay"`, ErrPolicy)

// Check returns an error that wraps [ErrPolicy], or nil.
func (p Policy) Check() error {
	switch p {
	case "", PolicyClose, PolicyTransfer, PolicyStay:
		return nil
	}
	return errPolicy
}
