package session

import "github.com/parley-rtc/parley/proto"

// ice tells a client the STUN and TURN servers, with credentials of its own. Only who is in a room is told: others have nobody to
// reach through them.
func (p *pump) ice(f proto.Frame) {
	if p.s.Rooms.Count() == 0 {
		p.refuse(f, proto.CodeForbidden, "ICE servers are told to who is in a room: enter one first")
		return
	}
	name := string(p.s.ID())
	if t := p.s.Token(); t != nil && t.User != "" {
		name = t.User
	}
	p.s.Tell(proto.Event{Name: proto.ICE, More: p.s.host.ICE(name)}, f.Ref)
}
