package proto

import (
	"encoding/base64"
	"errors"
	"fmt"
)

// ErrRoomToken is wrapped by what [ParseToken] returns.
var ErrRoomToken = errors.New("bad room token")

// maxPlainToken is the longest name that stands in a subject as it is.
const maxPlainToken = 64

// Token is how a room's name stands in a subject: see [Room.Token].
type Token string

// Token returns how the name stands in a subject. Names made only of A-Za-z0-9_-, at most 64 characters, stand as they
// are, any other as "=" followed by its unpadded base64url. The mapping is one to one.
func (r Room) Token() Token {
	if len(r) <= maxPlainToken && plain(string(r)) {
		return Token(r)
	}
	b := make([]byte, 1, 1+base64.RawURLEncoding.EncodedLen(len(r)))
	b[0] = '='
	return Token(base64.RawURLEncoding.AppendEncode(b, []byte(r)))
}

// ParseToken returns the room that a token stands for. A token that [Room.Token] would not have made is refused with an
// error that wraps [ErrRoomToken].
func ParseToken(t Token) (Room, error) {
	if t == "" {
		return "", fmt.Errorf("%w: it is empty", ErrRoomToken)
	}
	if t[0] != '=' {
		if len(t) > maxPlainToken || !plain(string(t)) {
			return "", fmt.Errorf("%w: %q", ErrRoomToken, t)
		}
		return Room(t), nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(string(t[1:]))
	if err != nil {
		return "", fmt.Errorf("%w: %q: %w", ErrRoomToken, t, err)
	}
	room := Room(b)
	if err := room.Check(); err != nil {
		return "", fmt.Errorf("%w: %q: %w", ErrRoomToken, t, err)
	}
	if room.Token() != t {
		return "", fmt.Errorf("%w: %q has another form", ErrRoomToken, t)
	}
	return room, nil
}
