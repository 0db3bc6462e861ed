package testkit

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// step takes what was heard and returns what is to be sent.
func (s *Session) step(some []Received) []proto.Frame {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range some {
		s.heard = append(s.heard, SessionHeard{Received: some[i], Turn: s.turn})
		s.hear(&some[i])
	}
	return s.due()
}

// hear carries out what one event says.
func (s *Session) hear(r *Received) {
	p := s.rooms[r.Room]
	if p != nil && p.turn != s.turn && s.before(r) {
		s.fault("it has not resumed the room and hears %s", r.Raw)
	}
	switch r.Name {
	case proto.RoomCreated, proto.RoomJoined:
		s.entered(r)
	case proto.Resumed:
		s.resumed(p, r)
	case proto.Live:
		s.live(p, r)
	case proto.RoomLeft:
		delete(s.rooms, r.Room)
		s.unsendable(r.Room)
	case proto.NotInRoom:
		if p != nil && r.Ref == p.ref && p.turn != s.turn {
			delete(s.rooms, r.Room)
			s.gone(r)
		}
	case proto.Error:
		if p != nil && r.Ref == p.ref && p.turn != s.turn {
			p.asked = 0 // unavailable: it is asked again
			switch r.Code {
			case proto.CodeUnavailable:
			case proto.CodeBanned:
				delete(s.rooms, r.Room) // it is out of it, or will be in a moment
				s.gone(r)
			default:
				s.fault("a resume is answered %s", r.Raw)
				delete(s.rooms, r.Room)
			}
		}
	case proto.SignalReceive:
		s.received(p, r)
	case proto.ClientJoined, proto.ClientLeft, proto.ClientBack:
		if p == nil {
			s.fault("it is not in the room and hears %s", r.Raw)
			break
		}
		p.Take(&r.Event)
	}
	s.answered(r)
}

// before reports whether an event of a room may not come before the room has been resumed.
func (s *Session) before(r *Received) bool {
	switch r.Name {
	case proto.ClientJoined, proto.ClientLeft, proto.ClientBack, proto.ClientAway, proto.SignalReceive, proto.Live:
		p := s.rooms[r.Room]
		return p.asked != 0 || p.turn != 0
	default:
		return false
	}
}

// entered takes an answer by which the session is in a room.
func (s *Session) entered(r *Received) {
	p := s.rooms[r.Room]
	if p == nil {
		p = &place{}
		s.rooms[r.Room] = p
	}
	p.Take(&r.Event)
	p.turn, p.live = s.turn, true
}

func (s *Session) resumed(p *place, r *Received) {
	if p == nil || p.asked != s.turn || p.turn == s.turn {
		s.fault("it did not ask for %s", r.Raw)
		return
	}
	p.Take(&r.Event)
	p.turn, p.live = s.turn, s.opts.Fresh
	p.back.Resumed, p.back.Fresh = r.At, r.Fresh
	for _, w := range slices.Clone(s.wishes) {
		if w.frame.Room == r.Room && w.turn != 0 && w.turn != s.turn && enters(w.frame.Name) {
			s.grant(w, r.Event) // what it asked for on a connection before has been carried out
		}
	}
}

func (s *Session) live(p *place, r *Received) {
	if p == nil || p.turn != s.turn || p.back == nil || !p.back.Live.IsZero() {
		s.fault("it did not ask for %s", r.Raw)
		return
	}
	p.Take(&r.Event)
	p.live, p.back.Live, p.back.Lost = true, r.At, r.Lost
	for id, n := range r.Lost {
		if n < 0 || id == s.id {
			s.fault("nonsense is lost: %s", r.Raw)
		}
	}
}

// gone ends what was asked before of a room that the session is not in any more.
func (s *Session) gone(r *Received) {
	for _, w := range slices.Clone(s.wishes) {
		if w.frame.Room != r.Room || w.turn == 0 {
			continue
		}
		if enters(w.frame.Name) {
			w.turn = 0 // it was not carried out, or ended since: it is asked anew
		} else {
			s.grant(w, r.Event)
		}
	}
	s.unsendable(r.Room)
}

// unsendable settles the signals of a room that the session is not in any more.
func (s *Session) unsendable(room proto.Room) {
	for _, sig := range slices.Clone(s.pending) {
		if sig.Room == room {
			s.settle(sig, &proto.Event{Name: proto.NotInRoom})
		}
	}
}

// received takes a signal, which has to be newer than what was heard of its sender.
func (s *Session) received(p *place, r *Received) {
	switch {
	case p == nil:
		s.fault("it is not in the room and hears %s", r.Raw)
		return
	case r.N <= 0:
		s.fault("a signal without a number: %s", r.Raw)
	case r.N <= p.N[r.SenderID]:
		s.fault("%d was heard of that sender before %s", p.N[r.SenderID], r.Raw)
	}
	p.Take(&r.Event)
}

// due returns what is to be sent on this connection, and takes it as sent.
func (s *Session) due() []proto.Frame {
	var frames []proto.Frame
	for room, p := range s.rooms {
		if p.turn != s.turn && p.asked != s.turn && p.begun != s.turn {
			s.asked++
			p.asked, p.ref, p.live = s.turn, "b"+strconv.Itoa(s.asked), false
			s.returns(room, p)
			f := p.Frame(room, s.opts.Fresh)
			f.Ref = p.ref
			frames = append(frames, f)
		}
	}
	frames = append(frames, s.wished()...)
	return append(frames, s.unsent()...)
}

// returns notes that the session is coming back to a room. Where it asks once more, that is the same coming back.
func (s *Session) returns(room proto.Room, p *place) {
	if p.back != nil && p.back.Turn == s.turn {
		return
	}
	p.back = &Back{Room: room, Turn: s.turn, Dialed: s.turns[len(s.turns)-1].From}
	if n := len(s.turns); n > 1 {
		p.back.Ended = s.turns[n-2].Until
	}
	s.backs = append(s.backs, p.back)
}

// Backs returns each coming back to a room.
func (s *Session) Backs() []Back {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Back, len(s.backs))
	for i, b := range s.backs {
		all[i] = *b
	}
	return all
}

// Heard returns what the session has taken note of in a room.
func (s *Session) Heard(room proto.Room) Heard {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.rooms[room]; p != nil {
		return Heard{Seq: p.Seq, N: maps.Clone(p.N)}
	}
	return Heard{}
}

// Level reports whether the session is connected, in the rooms given, each live, and waits for no answer.
func (s *Session) Level(rooms ...proto.Room) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil || len(s.wishes) > 0 || len(s.pending) > 0 {
		return false
	}
	for _, room := range rooms {
		if p := s.rooms[room]; p == nil || p.turn != s.turn || !p.live {
			return false
		}
	}
	return true
}

// LiveSince reports whether the session has come back to a room, live, on a connection made after a time.
func (s *Session) LiveSince(room proto.Room, at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.rooms[room]
	return p != nil && s.conn != nil && p.turn == s.turn && p.live && s.turns[len(s.turns)-1].From.After(at)
}
