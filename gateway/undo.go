package gateway

import (
	"maps"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// doubt is a request of which nobody knows whether it was carried out.
type doubt struct {
	op     proto.Op
	num    uint64
	joined proto.RequestID // leave: what it ends
}

// requestFor returns the Parley-Request whose membership a doubt is about.
func (s *session) requestFor(d doubt) proto.RequestID {
	if d.op == proto.OpLeave {
		return d.joined
	}
	return s.g.requestID(s.num, d.num)
}

// undo leaves what a doubtful request may have joined, and reports whether that is settled.
func (s *session) undo(room proto.Room, d doubt, deadline time.Time) bool {
	a := s.newLeave(room, s.requestFor(d), deadline, false)
	if d.op == proto.OpLeave {
		a.num, a.id = d.num, s.g.requestID(s.num, d.num)
	}
	a.silent = true
	if s.ask(a) == outcomeUnavailable {
		return false
	}
	delete(s.pump.doubts, room)
	return true
}

// undone is a request that was in doubt and has been left: an attempt of it that is late may still be carried out.
type undone struct {
	id proto.RequestID
	at time.Time
}

// noteUndone remembers for a while what an answered leave has undone.
func (s *session) noteUndone(leave *ask) {
	d, ok := s.pump.doubts[leave.room]
	if !ok || s.requestFor(d) != leave.joined {
		return
	}
	now := time.Now()
	if s.pump.undone == nil {
		s.pump.undone = make(map[proto.Room]undone)
	}
	maps.DeleteFunc(s.pump.undone, func(_ proto.Room, u undone) bool { return now.Sub(u.at) > s.g.timing.gone })
	s.pump.undone[leave.room] = undone{leave.joined, now}
}

// leaveStranger leaves a room of which an event has made the client a member that is not in there.
func (s *session) leaveStranger(r request) {
	if s.membership(r.ghostIn) != nil {
		return
	}
	if d, ok := s.pump.doubts[r.ghostIn]; ok {
		s.undo(r.ghostIn, d, r.at.Add(s.g.timing.request))
	} else if u, ok := s.pump.undone[r.ghostIn]; ok {
		s.leaveGhost(r.ghostIn, u.id)
	}
}

// leaveGhost leaves a room that the client is not in, for the gateway, in the order of the client's requests.
func (s *session) leaveGhost(room proto.Room, joined proto.RequestID) {
	if s.joined(room) == joined {
		return // it is in there, rightly
	}
	a := s.newLeave(room, joined, time.Now().Add(s.g.timing.request), true)
	a.silent = true
	outcome := s.ask(a)
	if d, ok := s.pump.doubts[room]; ok && s.requestFor(d) == joined && outcome != outcomeUnavailable {
		delete(s.pump.doubts, room)
	}
}

// depart leaves every room after the connection has ended. What cannot be said now, checks mend. A request that was in
// doubt may be carried out after its leave: the session is remembered for its late answer.
func (s *session) depart() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.g.hub.post(command{ended: true, session: s})
	deadline := time.Now().Add(s.g.timing.request)
	settled, doubted := true, len(s.pump.doubts) > 0
	for _, l := range s.leaving() {
		a := s.newLeave(l.room, l.joined, deadline, true)
		a.silent = true
		if s.ask(a) == outcomeUnavailable {
			settled = false
			break
		}
	}
	for room, d := range s.pump.doubts {
		if !settled {
			break
		}
		a := s.newLeave(room, s.requestFor(d), deadline, true)
		a.silent = true
		if settled = s.ask(a) != outcomeUnavailable; settled {
			delete(s.pump.doubts, room)
		}
	}
	s.g.hub.post(command{departed: s, settled: settled && !doubted})
}

// leaving lists what an ended session has to leave.
func (s *session) leaving() []lastLeave {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]lastLeave, 0, len(s.rooms))
	for room, m := range s.rooms {
		list = append(list, lastLeave{room, m.joined})
	}
	return list
}

type lastLeave struct {
	room   proto.Room
	joined proto.RequestID
}
