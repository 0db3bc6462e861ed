package tokens

import (
	"sync/atomic"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// Revoked is the tokens that an operator has taken back. The zero value has none. It may be used from any goroutine.
type Revoked struct {
	by atomic.Pointer[map[string]time.Time] // by sub or user: those issued before
}

// Set takes the whole list.
func (r *Revoked) Set(list []proto.Revocation) {
	by := make(map[string]time.Time, len(list))
	for _, one := range list {
		if before := time.Unix(one.Before, 0); before.After(by[one.User]) {
			by[one.User] = before
		}
	}
	r.by.Store(&by)
}

// Has reports whether a token was taken back: one of that sub or user that was issued before.
func (r *Revoked) Has(t *Token) bool {
	by := r.by.Load()
	if by == nil {
		return false
	}
	return t.Issued.Before((*by)[t.Sub]) || t.User != "" && t.Issued.Before((*by)[t.User])
}
