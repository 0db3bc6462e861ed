package gateway

import (
	"bytes"

	"github.com/parley-rtc/parley/proto"
)

// isSent recognises the answer to most requests without decoding it.
func isSent(payload []byte) bool {
	return bytes.HasPrefix(payload, []byte(`{"event":"signal-sent",`))
}

// sent ends a signal that was delivered.
func (h *hub) sent(s *session, a *ask) {
	if a.ref != "" {
		s.tell(proto.Event{Name: proto.SignalSent, Room: a.room, TargetID: a.target}, a.ref)
	}
	h.resolve(s, a, outcomeOK)
}

// resolve ends an ask. Whoever waits for it may then send the next.
func (h *hub) resolve(s *session, a *ask, outcome int32) {
	if s != nil {
		s.asking.CompareAndSwap(a, nil)
	}
	a.resolve(outcome)
}

// answer tells a client what became of its request, and takes note of it.
func (h *hub) answer(s *session, a *ask, e *proto.Event, payload []byte) {
	outcome := outcomeRefused
	switch {
	case a.op == proto.OpSignal:
		h.tellAnswer(s, a, e, payload)
	case a.op == proto.OpLeave:
		outcome = h.left(s, a, e, payload)
	case e.Name == proto.RoomCreated, e.Name == proto.RoomJoined:
		outcome = h.joined(s, a, e, payload)
	default:
		if m := s.rooms[a.room]; m != nil && e.Name == proto.RoomNotExists {
			m.kick(proto.Removed) // it was in there, and has not heard that the room was closed
		}
		h.notJoined(s, a)
		h.tellAnswer(s, a, e, payload)
	}
	if e.Name == proto.SignalSent {
		outcome = outcomeOK
	}
	if e.Name == proto.Error && e.Code == proto.CodeUnavailable && outcome != outcomeOK {
		outcome = outcomeUnavailable
	}
	h.resolve(s, a, outcome)
}

// tellAnswer queues an answer that changes nothing here.
func (h *hub) tellAnswer(s *session, a *ask, e *proto.Event, payload []byte) {
	if a.silent || e.Name == proto.SignalSent && a.ref == "" {
		return
	}
	o := out(*e, payload)
	o.Ref = a.ref
	s.Send(o)
}

// left handles the answer to a leave.
func (h *hub) left(s *session, a *ask, e *proto.Event, payload []byte) int32 {
	m := s.leaves(a)
	if m == nil {
		h.ousted(s, a)
	}
	switch e.Name {
	case proto.RoomLeft, proto.NotInRoom:
		told := e.Name == proto.NotInRoom && m != nil
		if m != nil {
			m.over(a)
			h.dropIfEmpty(m.room)
		}
		if told { // it had the client in there: what was asked for is so
			h.tellAnswer(s, a, &proto.Event{Name: proto.RoomLeft, Room: a.room}, nil)
		} else {
			h.tellAnswer(s, a, e, payload)
		}
		if e.Name == proto.RoomLeft || told {
			return outcomeOK
		}
		return outcomeRefused
	default:
		if m != nil && h.leftAlready(s, a, m) {
			h.tellAnswer(s, a, &proto.Event{Name: proto.RoomLeft, Room: a.room}, nil)
			return outcomeOK
		}
		h.tellAnswer(s, a, e, payload)
		return outcomeRefused
	}
}

// leftAlready ends a leave that was not answered as it should be, and reports whether an event has told that it was
// carried out.
func (h *hub) leftAlready(s *session, a *ask, m *membership) bool {
	if m.index >= 0 || s.isOver() {
		m.leaving = false
		return false
	}
	m.over(a)
	return true
}

// over ends a membership that was left. One that was left for the client, before its next request there, it has not heard
// the end of: the answer to that request says so, or is preceded by room-left.
func (m *membership) over(a *ask) {
	m.leaving = false
	if a.silent && !m.s.isOver() {
		m.leave()
		return
	}
	m.remove()
}

// leaves returns the membership that a leave ends, or nil. One of the gateway's own may be of an earlier membership.
func (s *session) leaves(a *ask) *membership {
	m := s.rooms[a.room]
	if m != nil && a.silent && m.joined != a.joined {
		return nil
	}
	return m
}

// ousted tells a client that it is out of a room before an answer that does not say so: a roster has lacked it while its
// request was under way, or what it was in was left before the request, because an earlier leave had been unavailable.
func (h *hub) ousted(s *session, a *ask) {
	if m := s.rooms[a.room]; m != nil && m.index < 0 && !s.isOver() {
		m.kick(proto.Removed)
		h.dropIfEmpty(m.room)
	}
}

// notJoined drops what was kept for a client that did not become a member.
func (h *hub) notJoined(s *session, a *ask) {
	h.ousted(s, a)
	r := h.rooms[a.room]
	if r == nil {
		return
	}
	if j := r.endJoining(a); j != nil {
		j.refuse()
	}
	h.dropIfEmpty(r)
}

// refuse answers the signals that were kept for a client that is no member.
func (j *joining) refuse() {
	for i := range j.signals {
		k := &j.signals[i]
		j.s.g.acks.notFound(k.reply, j.a.room, k.to)
	}
	j.signals = nil
}

// giveUp ends an ask whose time is up, unless its answer has come meanwhile.
func (h *hub) giveUp(s *session, a *ask) {
	if a.done.Load() {
		return
	}
	if s == nil {
		h.ownGivenUp(a)
		return
	}
	unavailable := proto.Errorf(proto.CodeUnavailable, a.room, s.id,
		"%s: the change may or may not have been made, asking again is safe", errUnavailable)
	outcome := outcomeUnavailable
	switch a.op {
	case proto.OpLeave:
		if m := s.leaves(a); m == nil {
			h.ousted(s, a)
		} else if h.leftAlready(s, a, m) {
			unavailable = proto.Event{Name: proto.RoomLeft, Room: a.room}
			outcome = outcomeOK
		}
	case proto.OpCreate, proto.OpJoin:
		h.notJoined(s, a)
	case proto.OpSignal, proto.OpRoster, proto.OpList:
	}
	h.tellAnswer(s, a, &unavailable, nil)
	h.resolve(s, a, outcome)
}

// isOver reports whether the session leaves its rooms, its connection having ended.
func (s *session) isOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}
