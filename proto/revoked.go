package proto

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
)

// RevokedToken is where the journal keeps the record of [Revocation]s, in the place of a room's token. No room has it. An older
// version takes the record for one of a newer form, and leaves it alone.
const RevokedToken Token = "!revoked"

// ErrRevoked is wrapped by what [DecodeRevoked] returns.
var ErrRevoked = errors.New("bad record of revoked tokens")

// AppendRevoked appends that record.
func AppendRevoked(b []byte, list []Revocation) []byte {
	b = append(b, `{"v":4,"revoked":[`...)
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = list[i].append(b)
	}
	return append(b, ']', '}')
}

// DecodeRevoked reads it. The error wraps [ErrRevoked].
func DecodeRevoked(b []byte) ([]Revocation, error) {
	var r struct {
		Revoked []Revocation `json:"revoked"`
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRevoked, err)
	}
	return r.Revoked, nil
}

// Revocation says that tokens of a user that were issued before a time count no more.
type Revocation struct {
	User   string `json:"user"`   // the token's sub, or its user
	Before int64  `json:"before"` // seconds since 1970, as iat has it
	Until  int64  `json:"until"`  // seconds since 1970: when it may be forgotten, since no such token can be in force any more
}

func (r *Revocation) append(b []byte) []byte {
	b = append(b, `{"user":`...)
	b = appendString(b, r.User)
	b = appendInt(b, "before", r.Before)
	return append(appendInt(b, "until", r.Until), '}')
}
