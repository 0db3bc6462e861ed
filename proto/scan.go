package proto

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json"
)

// scanSignal reads the layout in which [AppendEvent] writes signal-receive between replicas and gateways, whose data has
// been checked by the gateway that read it from a socket. Anything else is left to the JSON decoder.
func scanSignal(b []byte) (Event, bool) {
	s, ok := bytes.CutPrefix(b, []byte(`{"event":"signal-receive","room":"`))
	if !ok {
		return Event{}, false
	}
	room, s, ok := cutPlain(s, `,"senderId":"`)
	if !ok {
		return Event{}, false
	}
	sender, s, ok := cutPlain(s, `,"data":`)
	if !ok {
		return Event{}, false
	}
	data, n, ok := cutCount(s)
	if !ok {
		return Event{}, false
	}
	return Event{Name: SignalReceive, Room: Room(room), SenderID: ClientID(sender), Data: data, N: n}, true
}

// scanList reads the layout in which [AppendEvent] writes room-joined and roster, of rooms with a plain name and nobody away.
func scanList(b []byte) (Event, bool) {
	c := cursor{b: b}
	e := Event{Name: RoomJoined}
	if !c.optional(`{"event":"room-joined","room":"`) {
		e.Name = Roster
		c.literal(`{"event":"roster","room":"`)
	}
	e.Room = Room(c.plain())
	c.literal(`,"ownerId":"`)
	e.OwnerID = ClientID(c.plain())
	c.literal(`,"clients":`)
	end := bytes.IndexByte(c.b, ']') // no id has one
	if c.bad || end < 1 || c.b[0] != '[' {
		return Event{}, false
	}
	e.Packed, c.b = c.b[:end+1:end+1], c.b[end+1:]
	c.literal(`,"seq":`)
	e.Seq = c.number()
	c.literal(`}`)
	return e, !c.bad && len(c.b) == 0
}

// unpackClients reads a list of ids, in two allocations where all are plain.
func unpackClients(list []byte) []ClientID {
	ids := make([]ClientID, 0, len(list)/38) // as long as a UUID, with quotes and comma
	text := string(list)
	c := cursor{b: list}
	c.literal(`[`)
	for more := !c.optional(`]`); more && !c.bad; {
		c.literal(`"`)
		ids = append(ids, ClientID(c.text(text)))
		if more = c.optional(`,`); !more {
			c.literal(`]`)
		}
	}
	if c.bad || len(c.b) > 0 {
		ids = nil
		if json.Unmarshal(list, &ids) != nil {
			return nil
		}
	}
	return ids
}

// cutPlain returns a string of plain bytes up to its closing quote, and what follows the text after that.
func cutPlain(s []byte, then string) (string, []byte, bool) {
	i := 0
	for i < len(s) && plainByte[s[i]] {
		i++
	}
	if i == len(s) || s[i] != '"' {
		return "", nil, false
	}
	rest, ok := bytes.CutPrefix(s[i+1:], []byte(then))
	return string(s[:i]), rest, ok
}

// cutCount splits a signal's data from the `,"n":5}` that ends the event.
func cutCount(s []byte) ([]byte, int64, bool) {
	end := len(s) - 1
	if end < 1 || s[end] != '}' {
		return nil, 0, false
	}
	i := end
	for i > 0 && s[i-1] >= '0' && s[i-1] <= '9' {
		i--
	}
	data, ok := bytes.CutSuffix(s[:i], []byte(`,"n":`))
	if !ok {
		return nil, 0, false
	}
	n, err := strconv.ParseInt(string(s[i:end]), 10, 64)
	return data, n, err == nil
}

// StripCount turns the payload of a signal between replica and gateway into what the target's socket receives: it cuts
// off the count `n`, in place where the payload has the layout of [AppendEvent].
func StripCount(payload []byte, e *Event) []byte {
	data, _, ok := cutCount(payload)
	if !ok {
		clean := *e
		clean.N = 0
		return AppendEvent(nil, &clean)
	}
	payload = payload[:len(data)+1]
	payload[len(data)] = '}'
	return payload
}
