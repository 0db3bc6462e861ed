package socketio

import (
	"maps"
	"strings"
	"sync"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

// withOptions stands behind the number of the acknowledgement, in the ref of a request that had an object as second argument. So the
// answer tells the transport, which knows nothing else of rooms.
const withOptions = "{"

// details are the rooms in which a client hears reasons, in an object at the end: those that it has entered with an object itself. A
// client that is older than these objects hears what it always did. Whether somebody else has created the room with an object is not known here.
type details struct {
	mu    sync.Mutex          // guards rooms
	rooms map[proto.Room]bool // true: the client has left it, or has been told so
}

// append appends the packet of a message: an acknowledgement when it answers an event that asked for one, otherwise an
// event with positional arguments, encoded once for all its receivers. What has been appended may be appended once more.
func (d *details) append(b []byte, out link.Out) []byte {
	ack, entered := strings.CutSuffix(out.Ref, withOptions)
	detailed := d.note(&out.Event, entered)
	if ack != "" {
		b = append(b, engineMessage, typeAck)
		b = append(b, ack...)
		b = append(b, '[')
		b = append(b, out.JSON()...)
		return append(b, ']')
	}
	b = append(b, out.Other(encodeEvent)...)
	if detailed {
		b = appendDetails(b, &out.Event)
	}
	return b
}

// note takes note of what an event says of the client's rooms, and reports whether it hears details in that room. entered: it is the
// answer to a request that had an object.
func (d *details) note(e *proto.Event, entered bool) (detailed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	left, known := d.rooms[e.Room]
	switch e.Name {
	case proto.RoomCreated, proto.RoomJoined:
		if entered {
			maps.DeleteFunc(d.rooms, func(_ proto.Room, left bool) bool { return left })
			if d.rooms == nil {
				d.rooms = make(map[proto.Room]bool)
			}
			d.rooms[e.Room] = false
		} else if left {
			delete(d.rooms, e.Room)
		}
	case proto.RoomLeft:
		if known {
			d.rooms[e.Room] = true
		}
	default:
	}
	return known
}

// forget forgets the rooms of a client that has left the namespace.
func (d *details) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rooms = nil
}

// appendDetails puts an object behind the arguments of an event that has reasons.
func appendDetails(b []byte, e *proto.Event) []byte {
	about := e.Name == proto.ClientLeft || e.Name == proto.RoomLeft && e.Kicked
	owner := e.OwnerID != "" && e.Name == proto.ClientLeft
	if !about || e.Reason == "" && !owner {
		return b
	}
	b = append(b[:len(b)-1], `,{`...)
	if e.Reason != "" {
		b = append(b, `"reason"`...)
		b = appendValue(b, string(e.Reason))
		if owner {
			b = append(b, ',')
		}
	}
	if owner {
		b = append(b, `"ownerId"`...)
		b = appendValue(b, string(e.OwnerID))
	}
	return append(b, `}]`...)
}

// appendValue appends a string as the value of a member.
func appendValue(b []byte, s string) []byte {
	at := len(b)
	b = appendText(b, s)
	b[at] = ':' // where an argument has a comma
	return b
}
