package proto

import (
	"maps"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// AppendEvent appends an event's JSON with just the fields that its name has, and ref where it is set. It is written by
// hand because it runs for every frame, and because which fields stand depends on the name.
func AppendEvent(b []byte, e *Event) []byte {
	b = append(b, `{"event":"`...)
	b = append(b, e.Name...)
	b = append(b, '"')
	switch e.Name {
	case Connected:
		b = appendField(b, "id", string(e.ID))
		b = appendUint(b, "version", uint64(e.Version)) // a version is small and positive
		if e.Limits != nil {
			b = appendLimits(b, e.Limits)
		}
		if e.Keep != nil {
			b = appendUint(b, "keep", uint64(max(*e.Keep, 0)))
		}
	case RoomCreated:
		b = appendField(b, "room", string(e.Room))
		if e.OwnerID != "" {
			b = appendField(b, "ownerId", string(e.OwnerID))
		}
		if e.Clients != nil {
			b = appendClients(b, e.Clients)
		}
		b = appendUint(b, "seq", e.Seq)
		if e.OwnerID != "" {
			b = appendUint(b, "prev", e.Prev)
		}
	case RoomJoined, Resumed, Roster:
		b = appendField(b, "room", string(e.Room))
		b = appendField(b, "ownerId", string(e.OwnerID))
		if e.Packed != nil {
			b = append(append(b, `,"clients":`...), e.Packed...)
		} else {
			b = appendClients(b, e.Clients)
		}
		if e.Name == Resumed || len(e.Away) > 0 {
			b = appendIDs(b, "away", e.Away)
		}
		if e.Name == Resumed {
			b = appendIDs(b, "fresh", e.Fresh)
		}
		b = appendUint(b, "seq", e.Seq)
		if e.Policy != "" && e.Policy != PolicyClose {
			b = appendField(b, "onOwnerGone", string(e.Policy))
		}
	case RoomLeft:
		b = appendField(b, "room", string(e.Room))
		b = append(b, `,"kicked":`...)
		b = strconv.AppendBool(b, e.Kicked)
		if e.Reason != "" {
			b = appendField(b, "reason", string(e.Reason))
		}
	case TargetNotFound, SignalSent, SignalHeld:
		b = appendField(b, "room", string(e.Room))
		b = appendField(b, "targetId", string(e.TargetID))
	case SignalReceive:
		b = appendField(b, "room", string(e.Room))
		b = appendField(b, "senderId", string(e.SenderID))
		b = append(b, `,"data":`...)
		b = append(b, e.Data...)
		if e.N != 0 {
			b = append(b, `,"n":`...)
			b = strconv.AppendInt(b, e.N, 10)
		}
	case ClientJoined, ClientLeft, ClientBack, ClientAway:
		b = appendField(b, "room", string(e.Room))
		b = appendField(b, "id", string(e.ID))
		if e.OwnerID != "" && e.Name == ClientLeft {
			b = appendField(b, "ownerId", string(e.OwnerID))
		}
		if e.FreshBack {
			b = append(b, `,"fresh":true`...)
		}
		b = appendUint(b, "seq", e.Seq)
		if e.Name != ClientAway {
			b = appendUint(b, "prev", e.Prev)
		}
		if e.Reason != "" {
			b = appendField(b, "reason", string(e.Reason))
		}
	case Live:
		b = appendField(b, "room", string(e.Room))
		b = append(b, `,"lost":`...)
		b = appendNumbers(b, e.Lost)
	case RoomClosed:
		b = appendField(b, "room", string(e.Room))
		b = appendField(b, "ownerId", string(e.OwnerID))
		if e.ID != "" {
			b = appendField(b, "id", string(e.ID))
		}
		b = appendUint(b, "seq", e.Seq)
		b = appendUint(b, "prev", e.Prev)
		b = appendField(b, "reason", string(e.Reason))
	case Error:
		b = appendField(b, "message", e.Message)
		b = appendField(b, "code", string(e.Code))
		if e.Room != "" {
			b = appendField(b, "room", string(e.Room))
		}
		if e.SenderID != "" {
			b = appendField(b, "senderId", string(e.SenderID))
		}
	case Rooms:
		b = appendRooms(b, e.List)
		b = appendField(b, "next", string(e.Next))
	case Pong, Ping:
	case NotInRoom:
		b = appendField(b, "room", string(e.Room))
		if e.Reason != "" {
			b = appendField(b, "reason", string(e.Reason))
		}
	case PushIt:
		b = appendField(b, "room", string(e.Room))
		b = appendField(b, "targetId", string(e.TargetID))
	case RoomExists, RoomNotExists, RoomCreate, RoomJoin, RoomLeave, RoomEnter, RoomClose, Resume, SignalSend, Fenced:
		b = appendField(b, "room", string(e.Room))
	default:
		b = appendField(b, "room", string(e.Room))
	}
	if e.Ref != "" {
		b = appendField(b, "ref", e.Ref)
	}
	return append(b, '}')
}

// AppendRef appends an encoded event with ref, which is JSON or empty, as its last member: for an answer whose bytes came
// over NATS.
func AppendRef(b, event []byte, ref string) []byte {
	if ref == "" || len(event) == 0 {
		return append(b, event...)
	}
	b = append(b, event[:len(event)-1]...)
	b = append(b, `,"ref":`...)
	b = append(b, ref...)
	return append(b, '}')
}

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
	if plain(s) {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	b, _ = jsontext.AppendQuote(b, s) // its only error is invalid UTF-8, which it replaces
	return b
}

func appendClients(b []byte, clients []ClientID) []byte { return appendIDs(b, "clients", clients) }

// appendIDs appends a member whose value is a list of client ids.
func appendIDs(b []byte, name string, clients []ClientID) []byte {
	b = slices.Grow(b, len(`,"":[]`)+len(name)+40*len(clients))
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, `":[`...)
	for i, id := range clients {
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
