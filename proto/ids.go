package proto

import (
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// MaxRoomName is the longest room name, in bytes.
const MaxRoomName = 128

// MaxRequestID is the longest Parley-Request, in bytes.
const MaxRequestID = 64

// Errors that the checks of names return, wrapped with what was wrong.
var (
	ErrRoomName  = errors.New("bad room name")
	ErrClientID  = errors.New("bad client id")
	ErrProcessID = errors.New("bad process id")
	ErrRequestID = errors.New("bad request id")
)

type (
	// Room is a room's name: 1 to 128 bytes of UTF-8 with no control characters, compared byte for byte.
	Room string
	// ClientID names one connected socket: 20 to 64 characters of A-Za-z0-9_-.
	ClientID string
	// GatewayID names one gateway process: a UUID made when it starts.
	GatewayID string
	// ReplicaID names one room service process: a UUID made when it starts.
	ReplicaID string
	// RequestID is the value of the header Parley-Request: 1 to 64 characters of A-Za-z0-9_-.
	RequestID string
)

// NewClientID returns a fresh id for a plain socket: a UUID, version 4. A source of randomness that fails panics.
func NewClientID() ClientID { return ClientID(uuid.NewString()) }

// NewGatewayID returns a fresh gateway id.
func NewGatewayID() GatewayID { return GatewayID(uuid.NewString()) }

// NewReplicaID returns a fresh replica id.
func NewReplicaID() ReplicaID { return ReplicaID(uuid.NewString()) }

// NewRequestID returns a fresh request id, for askers that have no numbering of their own.
func NewRequestID() RequestID { return RequestID(uuid.NewString()) }

// Check returns an error that wraps [ErrRoomName] and says what is wrong with the name, or nil.
func (r Room) Check() error {
	switch {
	case r == "":
		return fmt.Errorf("%w: it is empty", ErrRoomName)
	case len(r) > MaxRoomName:
		return fmt.Errorf("%w: it has %d bytes, %d are allowed", ErrRoomName, len(r), MaxRoomName)
	case !utf8.ValidString(string(r)):
		return fmt.Errorf("%w: it is not UTF-8", ErrRoomName)
	}
	for _, c := range r {
		if unicode.IsControl(c) {
			return fmt.Errorf("%w: it has a control character", ErrRoomName)
		}
	}
	return nil
}

// Check returns an error that wraps [ErrClientID], or nil.
func (c ClientID) Check() error {
	if len(c) < 20 || len(c) > 64 || !plain(string(c)) {
		return fmt.Errorf("%w: 20 to 64 characters of A-Za-z0-9_- are allowed", ErrClientID)
	}
	return nil
}

// Check returns an error that wraps [ErrProcessID], or nil.
func (g GatewayID) Check() error { return checkProcess(string(g)) }

// Check returns an error that wraps [ErrProcessID], or nil.
func (r ReplicaID) Check() error { return checkProcess(string(r)) }

// checkProcess asks of a process id no more than that it can stand in a subject.
func checkProcess(id string) error {
	if id == "" || len(id) > 64 || !plain(id) {
		return fmt.Errorf("%w: 1 to 64 characters of A-Za-z0-9_- are allowed", ErrProcessID)
	}
	return nil
}

// Check returns an error that wraps [ErrRequestID], or nil.
func (r RequestID) Check() error {
	if r == "" || len(r) > MaxRequestID || !plain(string(r)) {
		return fmt.Errorf("%w: 1 to %d characters of A-Za-z0-9_- are allowed", ErrRequestID, MaxRequestID)
	}
	return nil
}

// addressable reports whether an id could stand in a subject. Empty, where it is left out, it passes too.
func addressable[T ~string](id T) bool { return len(id) <= maxPlainToken && plain(string(id)) }

// plain reports whether s has only characters that stand in a subject as they are.
func plain(s string) bool {
	for i := range len(s) {
		if !plainByte[s[i]] {
			return false
		}
	}
	return true
}

// plainByte holds true for the bytes A-Z a-z 0-9 _ -.
var plainByte = func() (t [256]bool) {
	for c := range 256 {
		t[c] = c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-'
	}
	return t
}()
