package proto

import "strconv"

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
		b = e.More.appendICE(b)
	case ICE:
		b = appendInt(e.More.appendICE(b), "ttl", e.More.TTL)
	case RoomCreated:
		b = appendField(b, "room", string(e.Room))
		if e.OwnerID != "" {
			b = appendField(b, "ownerId", string(e.OwnerID))
		}
		if e.Clients != nil {
			b = appendList(b, "clients", e.Clients)
		}
		b = appendUint(b, "seq", e.Seq)
		if e.OwnerID != "" {
			b = appendUint(b, "prev", e.Prev)
		}
		if e.Policy != "" {
			b = appendField(b, "onOwnerGone", string(e.Policy)) // also close
		}
		b = e.appendRoomMore(b)
	case RoomJoined, Resumed, Roster:
		b = appendField(b, "room", string(e.Room))
		b = appendField(b, "ownerId", string(e.OwnerID))
		if e.Packed != nil {
			b = append(append(b, `,"clients":`...), e.Packed...)
		} else {
			b = appendList(b, "clients", e.Clients)
		}
		if e.Name == Resumed || len(e.Away) > 0 {
			b = appendList(b, "away", e.Away)
		}
		if e.Name == Resumed {
			b = appendList(b, "fresh", e.Fresh)
		}
		b = appendUint(b, "seq", e.Seq)
		b = e.appendRoomMore(b)
	case RoomLeft:
		b = appendField(b, "room", string(e.Room))
		b = append(b, `,"kicked":`...)
		b = strconv.AppendBool(b, e.Kicked)
		if e.Reason != "" {
			b = appendField(b, "reason", string(e.Reason))
		}
		if e.Kicked && e.Message != "" {
			b = appendField(b, "message", e.Message)
		}
	case TargetNotFound, SignalSent, SignalHeld, PushIt:
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
		if e.OwnerID != "" && (e.Name == ClientLeft || e.Name == ClientJoined) {
			b = appendField(b, "ownerId", string(e.OwnerID))
		}
		if e.More != nil {
			b = e.More.appendMember(b)
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
	default:
		b = e.appendModeration(b)
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
