package socketio

import (
	"bytes"
	"cmp"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-rtc/parley/proto"
)

// What a client hears about binary data. Binary packets are skipped as they come, so they take no memory.
var (
	errBinary = fmt.Errorf("%w: binary arguments are not supported, a signal's data is JSON", proto.ErrFrame)
	errStray  = fmt.Errorf("%w: binary data that no event has announced", proto.ErrFrame)
)

// refObjects is the ref of a request with an object and without an acknowledgement: an error that answers it has an object, too.
const refObjects = "{}"

// frame turns an event packet into a request. The error, which wraps [proto.ErrFrame], is to be answered; the frame then
// holds what of it could be read. Nothing in the frame refers to the packet's bytes.
func (p *packet) frame() (proto.Frame, error) {
	f, err := p.request()
	if p.kind == typeBinaryEvent {
		err = errBinary // whatever else is wrong with it
	}
	return f, err
}

func (p *packet) request() (proto.Frame, error) {
	f := proto.Frame{Ref: p.ack}
	if p.deep {
		return f, fmt.Errorf("%w: the JSON is nested deeper than %d", proto.ErrFrame, proto.MaxDepth)
	}
	if !p.strict {
		return f, fmt.Errorf("%w: not JSON with each member once, in valid UTF-8", proto.ErrFrame)
	}
	args, n := split(p.json)
	name, ok := text(args[0])
	if !ok {
		return f, fmt.Errorf("%w: the name of an event has to be a string of valid Unicode", proto.ErrFrame)
	}
	f.Name = proto.Name(name)
	if f.Ref == "" && n > 2 && p.kind == typeEvent && f.Name != proto.SignalSend && args[2].Kind() == '{' {
		f.Ref = refObjects
	}
	switch f.Name {
	case proto.RoomCreate, proto.RoomJoin, proto.RoomEnter, proto.RoomLeave, proto.RoomClose, proto.SignalSend,
		proto.MemberUpdate, proto.RoomKick, proto.RoomBan, proto.RoomUnban, proto.RoomUpdate, proto.RoomTransfer, proto.RoomRoster,
		proto.RoomKnock, proto.RoomAdmit, proto.RoomRefuse:
	case proto.ICE:
		return f, nil
	case proto.TokenRenew:
		if n > 1 {
			token, ok := text(args[1])
			if !ok {
				return f, fmt.Errorf(`%w: "token" has to be a string`, proto.ErrFrame)
			}
			f.More = &proto.FrameMore{Token: token}
		}
		return f, f.Check()
	default:
		return f, fmt.Errorf("%w: there is no event %q; there are room-create, -join, -enter, -leave, -close, -kick, -ban, -unban, -update, "+
			"-transfer, -roster, -knock, -admit, -refuse, member-update, signal-send, token and ice", proto.ErrFrame, proto.Clip(name))
	}
	if n > 1 {
		room, ok := text(args[1])
		if !ok {
			return f, fmt.Errorf(`%w: "room" has to be a string of valid Unicode`, proto.ErrFrame)
		}
		f.Room = proto.Room(room)
	}
	if f.Name == proto.SignalSend && n > 2 {
		target, ok := text(args[2])
		if !ok {
			return f, fmt.Errorf(`%w: "targetId" has to be a string of valid Unicode`, proto.ErrFrame)
		}
		f.TargetID = proto.ClientID(target)
		if n > 3 {
			f.Data = bytes.Clone(args[3])
		}
	}
	err := cmp.Or(readOptions(&f, args[2]), readObject(&f, args[2]), f.Check())
	if err != nil && f.Room.Check() != nil {
		f.Room = "" // a bad name is not repeated in the answer
	}
	return f, err
}

// readOptions reads the object that may stand behind the room in room-create and room-enter. Anything else there is ignored, as what
// stands behind it. A room that is created with an object has a policy: close, unless the object says another.
func readOptions(f *proto.Frame, arg jsontext.Value) error {
	if f.Name != proto.RoomCreate && f.Name != proto.RoomEnter || arg.Kind() != '{' {
		return nil
	}
	var options struct {
		OnOwnerGone *proto.Policy `json:"onOwnerGone"`
	}
	if err := json.Unmarshal(arg, &options); err != nil {
		return fmt.Errorf(`%w: "onOwnerGone" has to be a string`, proto.ErrFrame)
	}
	f.Policy = proto.PolicyClose
	if options.OnOwnerGone != nil {
		f.Policy = *options.OnOwnerGone
	}
	return nil
}

// readObject reads the object that may stand behind the room in the requests of names and moderation, and in those that come in.
func readObject(f *proto.Frame, arg jsontext.Value) error {
	switch {
	case arg.Kind() != '{', f.Name == proto.SignalSend, f.Name == proto.RoomLeave, f.Name == proto.RoomClose:
		return nil
	case f.Name == proto.RoomCreate || f.Name == proto.RoomEnter:
		policy := f.Policy // readOptions has read it
		err := f.ReadObject(bytes.Clone(arg))
		f.Policy = policy
		return err
	}
	return f.ReadObject(bytes.Clone(arg))
}

// text returns the string of a raw JSON value, and whether it is one.
func text(v jsontext.Value) (string, bool) {
	if v.Kind() != '"' {
		return "", false
	}
	if bytes.IndexByte(v, '\\') < 0 {
		return string(v[1 : len(v)-1]), true
	}
	s, err := jsontext.AppendUnquote([]byte(nil), v)
	return string(s), err == nil
}
