package proto

import (
	"maps"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// appendField appends a member whose value is a string. The name needs no escapes.
func appendField(b []byte, name, value string) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return appendString(b, value)
}

func appendUint(b []byte, name string, value uint64) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return strconv.AppendUint(b, value, 10)
}

// appendString quotes a string; most are ids and need no escapes.
func appendString(b []byte, s string) []byte {
	if isVisible(s) {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	b, _ = jsontext.AppendQuote(b, s) // its only error is invalid UTF-8, which it replaces
	return b
}

// appendList appends a member whose value is a list of ids.
func appendList[T ~string](b []byte, name string, ids []T) []byte {
	b = slices.Grow(b, len(`,"":[]`)+len(name)+40*len(ids))
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, `":[`...)
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, string(id))
	}
	return append(b, ']')
}

// appendLimits leaves out what is not limited.
func appendLimits(b []byte, l *Limits) []byte {
	b = append(b, `,"limits":{`...)
	start := len(b)
	for _, limit := range []struct {
		name string
		most int
	}{{"frame", l.Frame}, {"rooms", l.Rooms}, {"rate", l.Rate}, {"burst", l.Burst}} {
		if limit.most > 0 {
			b = appendUint(b, limit.name, uint64(limit.most))
		}
	}
	if len(b) > start {
		b = slices.Delete(b, start, start+1) // the comma before the first
	}
	return append(b, '}')
}

func appendRooms(b []byte, rooms []RoomInfo) []byte {
	b = append(b, `,"rooms":[`...)
	for i, r := range rooms {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"room":`...)
		b = appendString(b, string(r.Room))
		b = appendField(b, "ownerId", string(r.OwnerID))
		b = appendUint(b, "members", uint64(r.Members)) // a count is not negative
		b = appendUint(b, "seq", r.Seq)
		b = append(b, '}')
	}
	return append(b, ']')
}

// appendNumbers appends an object of numbers by client, in the clients' order.
func appendNumbers(b []byte, numbers map[ClientID]int64) []byte {
	b = append(b, '{')
	for i, id := range slices.Sorted(maps.Keys(numbers)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, string(id))
		b = append(b, ':')
		b = strconv.AppendInt(b, numbers[id], 10)
	}
	return append(b, '}')
}
