package proto

import "strconv"

// appendModeration appends the members of events of names and moderation; of what has no more than a room (room-exists,
// room-not-exists, fenced, and what this version does not know) that.
func (e *Event) appendModeration(b []byte) []byte {
	if e.Name == TokenExpiring || e.Name == TokenAccepted || e.Name == Revoked {
		return e.appendToken(b)
	}
	b = appendField(b, "room", string(e.Room))
	more := e.More
	if more == nil {
		more = &More{}
	}
	switch e.Name {
	case ClientKicked, ClientAdmitted, ClientRefused:
		b = appendField(b, "targetId", string(e.TargetID))
	case ClientBanned, ClientUnbanned:
		if e.TargetID != "" {
			b = appendField(b, "targetId", string(e.TargetID))
		}
		b = appendField(b, "sub", more.Sub)
		if e.Name == ClientBanned {
			b = appendInt(b, "seconds", more.Seconds)
		}
	case ClientKnocked:
		b = more.appendMember(appendField(b, "id", string(e.ID)))
		if more.Gone {
			b = append(b, `,"gone":true`...)
		}
	case MemberUpdated:
		b = more.appendMember(appendField(b, "id", string(e.ID)))
		b = e.appendOrder(b)
	case RoomUpdated:
		b = appendField(b, "ownerId", string(e.OwnerID))
		if more.By != "" {
			b = appendField(b, "by", string(more.By))
		}
		b = e.appendRoomMore(e.appendOrder(b))
	case RoomRoster:
		b = appendField(b, "ownerId", string(e.OwnerID))
		b = e.appendRoomMore(e.appendOrder(b))
		b = more.appendBans(b)
	default:
	}
	return b
}

// appendOrder appends where in the room's order an event stands. Without a prev it is an answer.
func (e *Event) appendOrder(b []byte) []byte {
	b = appendUint(b, "seq", e.Seq)
	if e.Prev > 0 {
		b = appendUint(b, "prev", e.Prev)
	}
	return b
}

// appendRoomMore appends what stands about a room, and its members as others see them.
func (e *Event) appendRoomMore(b []byte) []byte {
	if e.Policy != "" && e.Policy != PolicyClose && e.Name != RoomCreated {
		b = appendField(b, "onOwnerGone", string(e.Policy))
	}
	m := e.More
	if m == nil {
		return b
	}
	about := About{Locked: m.Locked, MaxMembers: m.MaxMembers, Knock: m.Knock, Meta: m.Meta}
	if m.Password {
		about.Password = "yes" // what it is is not told
	}
	b = about.appendShown(b)
	if m.Members != nil {
		b = appendMembers(b, m.Members, e.Name == RoomRoster)
	}
	return b
}

// appendMember appends what others see of one member.
func (m *More) appendMember(b []byte) []byte {
	w := Who{User: m.User, Claims: m.Claims, Meta: m.Meta, Mod: m.Mod}
	return w.appendShown(b)
}

// appendBans appends what a moderator is told of who may not come, and of who wants to.
func (m *More) appendBans(b []byte) []byte {
	b = append(b, `,"bans":[`...)
	for i := range m.Bans {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"sub":`...)
		b = appendString(b, m.Bans[i].Sub)
		b = append(appendInt(b, "seconds", m.Bans[i].Seconds), '}')
	}
	b = append(b, `],"knocks":[`...)
	for i := range m.Knocks {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"id":`...)
		b = appendString(b, string(m.Knocks[i].ID))
		b = append(m.Knocks[i].appendShown(b), '}')
	}
	return append(b, ']')
}

// appendToken appends the members of events about tokens.
func (e *Event) appendToken(b []byte) []byte {
	switch {
	case e.More == nil:
	case e.Name == TokenExpiring:
		b = appendInt(b, "seconds", e.More.Seconds)
	case e.Name == Revoked:
		b = append(b, `,"list":[`...)
		for i := range e.More.Revoked {
			if i > 0 {
				b = append(b, ',')
			}
			b = e.More.Revoked[i].append(b)
		}
		b = appendUint(append(b, ']'), "seq", e.Seq)
	default:
	}
	return b
}

// appendInt appends a member whose value is a number.
func appendInt(b []byte, name string, value int64) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return strconv.AppendInt(b, value, 10)
}
