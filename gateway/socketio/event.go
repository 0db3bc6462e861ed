package socketio

import (
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

// appendOut appends the packet of a message: an acknowledgement when it answers an event that asked for one, otherwise an
// event with positional arguments, encoded once for all its receivers.
func appendOut(b []byte, out link.Out) []byte {
	if out.Ref == "" {
		return append(b, out.Other(encodeEvent)...)
	}
	b = append(b, engineMessage, typeAck)
	b = append(b, out.Ref...)
	b = append(b, '[')
	b = append(b, out.JSON()...)
	return append(b, ']')
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

// appendDetails appends an object as the last argument, where there is something to say in one: in rooms that were created with an
// object, which their policy shows, why a client is gone, and who owns the room now.
func appendDetails(b []byte, e *proto.Event) []byte {
	switch {
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
