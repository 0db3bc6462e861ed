package socketio

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

// appendOut appends the packet of a message: an acknowledgement when it answers an event that asked for one, otherwise an
// event with positional arguments, encoded once for all its receivers.
func appendOut(b []byte, out link.Out) []byte {
	switch {
	case out.Ref == refObjects && out.Event.Name == proto.Error:
		return appendError(b, &out.Event)
	case out.Ref == "", out.Ref == refObjects:
		return append(b, out.Other(encodeEvent)...)
	}
	b = append(b, engineMessage, typeAck)
	b = append(b, out.Ref...)
	b = append(b, '[')
	b = append(b, out.JSON()...)
	return append(b, ']')
}

// appendError appends an error with what a program acts on in an object at its end.
func appendError(b []byte, e *proto.Event) []byte {
	b = append(b, engineMessage, typeEvent)
	b = append(b, `["error"`...)
	b = appendText(b, e.Message)
	b = append(b, `,{"code":`...)
	b, _ = jsontext.AppendQuote(b, string(e.Code)) // its only error is invalid UTF-8, which it replaces
	if e.Room != "" {
		b = append(b, `,"room":`...)
		b, _ = jsontext.AppendQuote(b, string(e.Room)) // as above
	}
	return append(b, '}', ']')
}

// encodeEvent returns 42["name",arg,…] with the arguments in the order of PROTOCOL.md's tables.
func encodeEvent(e *proto.Event) []byte {
	const most = 64
	b := make([]byte, 0, most+len(e.Data)+len(e.Room)+len(e.SenderID)+len(e.Message))
	b = append(b, engineMessage, typeEvent, '[', '"')
	b = append(b, e.Name...)
	b = append(b, '"')
	switch e.Name {
	case proto.RoomJoined:
		b = appendText(b, string(e.Room))
		b = appendText(b, string(e.OwnerID))
		if e.Packed != nil {
			b = append(append(b, ','), e.Packed...)
		} else {
			b = appendIDs(b, e.Clients)
		}
		if e.More != nil {
			b = appendObject(b, e)
		}
	case proto.RoomLeft:
		b = appendText(b, string(e.Room))
		b = append(b, ',')
		b = strconv.AppendBool(b, e.Kicked)
		b = appendDetails(b, e)
	case proto.TargetNotFound, proto.SignalSent, proto.SignalHeld:
		b = appendText(b, string(e.Room))
		b = appendText(b, string(e.TargetID))
	case proto.SignalReceive:
		b = appendText(b, string(e.Room))
		b = appendText(b, string(e.SenderID))
		b = append(b, ',')
		b = append(b, e.Data...)
	case proto.ClientJoined, proto.ClientLeft, proto.ClientAway, proto.ClientBack:
		b = appendText(b, string(e.Room))
		b = appendText(b, string(e.ID))
		b = appendDetails(b, e)
	case proto.Error:
		b = appendText(b, e.Message)
	case proto.MemberUpdated, proto.ClientKnocked:
		b = appendText(b, string(e.Room))
		b = appendText(b, string(e.ID))
		b = appendObject(b, e)
	case proto.RoomUpdated, proto.RoomRoster, proto.ClientBanned, proto.ClientUnbanned:
		b = appendText(b, string(e.Room))
		b = appendObject(b, e)
	case proto.ClientKicked, proto.ClientAdmitted, proto.ClientRefused:
		b = appendText(b, string(e.Room))
		b = appendText(b, string(e.TargetID))
	case proto.TokenExpiring:
		b = append(b, ',')
		b = strconv.AppendInt(b, e.More.Seconds, 10)
	case proto.ICE:
		b = appendObject(b, e)
	case proto.TokenAccepted:
	default: // room-created, room-exists, room-not-exists, not-in-room
		b = appendText(b, string(e.Room))
	}
	return append(b, ']')
}

// appendText appends a string as a further argument.
func appendText(b []byte, s string) []byte {
	b = append(b, ',')
	b, _ = jsontext.AppendQuote(b, s) // its only error is invalid UTF-8, which it replaces
	return b
}

func appendIDs(b []byte, ids []proto.ClientID) []byte {
	b = slices.Grow(b, 40*len(ids)+4)
	b = append(b, ',', '[')
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b, _ = jsontext.AppendQuote(b, string(id))
	}
	return append(b, ']')
}

// appendObject appends what a plain socket's event has beside what the arguments before say, and beside its place in the room's
// order, as one object, where there is anything.
func appendObject(b []byte, e *proto.Event) []byte {
	said := []string{"event", "room", "id", "kicked", "clients", "ref", "prev", "targetId"}
	if e.Name == proto.RoomJoined {
		said = append(said, "ownerId", "seq")
	}
	if e.Name == proto.ClientBanned {
		said = said[:len(said)-1]
	}
	if e.Name == proto.ClientJoined || e.Name == proto.ClientLeft || e.Name == proto.ClientBack || e.Name == proto.RoomLeft ||
		e.Name == proto.MemberUpdated {
		said = append(said, "seq")
	}
	o := jsontext.Value(proto.AppendEvent(nil, e))
	rest := appendRest([]byte{'{'}, o, said)
	if len(rest) == 1 {
		return b
	}
	return append(append(append(b, ','), rest...), '}')
}

// appendRest appends the members of an object but for some.
func appendRest(b []byte, object jsontext.Value, but []string) []byte {
	d := jsontext.NewDecoder(bytes.NewReader(object))
	if _, err := d.ReadToken(); err != nil {
		return b
	}
	for d.PeekKind() == '"' {
		name, err1 := d.ReadToken()
		text := name.String()
		value, err2 := d.ReadValue()
		if err1 != nil || err2 != nil {
			return b
		}
		if slices.Contains(but, text) {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b, _ = jsontext.AppendQuote(b, text) // it was valid
		b = append(append(b, ':'), value...)
	}
	return b
}

// appendDetails appends an object as the last argument, where there is something to say in one: in rooms that were created with an
// object, which their policy shows, why a client is gone, and who owns the room now.
func appendDetails(b []byte, e *proto.Event) []byte {
	switch {
	case e.More != nil && (e.Name == proto.ClientJoined || e.Name == proto.ClientBack), e.Message != "" && e.Kicked,
		e.OwnerID != "" && e.Name == proto.ClientJoined, e.Reason == proto.Kicked, e.Reason == proto.Banned, e.Reason == proto.Forbidden:
		return appendObject(b, e)
	case e.Name == proto.ClientBack && e.FreshBack:
		return append(b, `,{"fresh":true}`...)
	case e.Name == proto.ClientLeft && e.OwnerID != "":
		b = append(b, `,{"reason":`...)
		b, _ = jsontext.AppendQuote(b, string(e.Reason)) // its only error is invalid UTF-8, which it replaces
		b = append(b, `,"ownerId":`...)
		b, _ = jsontext.AppendQuote(b, string(e.OwnerID)) // as above
		return append(b, '}')
	case e.Policy != "" && e.Reason != "" && (e.Name == proto.ClientLeft || e.Kicked):
		b = append(b, `,{"reason":`...)
		b, _ = jsontext.AppendQuote(b, string(e.Reason)) // as above
		return append(b, '}')
	}
	return b
}
