package ask

import (
	"errors"
	"strconv"
	"strings"

	"github.com/parley-rtc/parley/proto"
)

// token names an attempt in its reply subject: the session's number, the request's, the attempt's, in base 36.
func token(session, num uint64, attempt uint32) string {
	var b [48]byte
	t := strconv.AppendUint(b[:0], session, 36)
	t = strconv.AppendUint(append(t, '-'), num, 36)
	t = strconv.AppendUint(append(t, '-'), uint64(attempt), 36)
	return string(t)
}

// ParseToken reads what the last part of a reply subject says.
func ParseToken(token string) (session, num uint64, attempt uint32, ok bool) {
	s, rest, ok1 := strings.Cut(token, "-")
	n, at, ok2 := strings.Cut(rest, "-")
	session, err1 := strconv.ParseUint(s, 36, 64)
	num, err2 := strconv.ParseUint(n, 36, 64)
	wide, err3 := strconv.ParseUint(at, 36, 32)
	return session, num, uint32(wide), ok1 && ok2 && errors.Join(err1, err2, err3) == nil
}

// RequestID makes the Parley-Request of a session's request: unique, because the gateway's id is.
func RequestID(gateway proto.GatewayID, session, num uint64) proto.RequestID {
	var space [proto.MaxRequestID]byte
	b := append(space[:0], gateway...)
	b = strconv.AppendUint(append(b, '-'), session, 36)
	b = strconv.AppendUint(append(b, '-'), num, 36)
	return proto.RequestID(b)
}
