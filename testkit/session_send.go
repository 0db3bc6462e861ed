package testkit

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-rtc/parley/proto"
)

// wish is a request that is not answered yet.
type wish struct {
	frame  proto.Frame
	turn   int64 // on which it was sent; 0: it was not
	answer chan proto.Event
}

// Signal is a signal that a session sends.
type Signal struct {
	Room   proto.Room
	Target proto.ClientID
	Data   string
	N      int64 // as far as the session numbers its signals itself
	Answer proto.Name
	Code   proto.Code // of an error
	Sent   time.Time  // first
	Said   time.Time  // when the answer came
	Turns  []int64    // on which it was sent

	turn int64
}

// Unsaid is the answer of a signal whose connection ended before its answer, where nobody knows its number: it is not sent again.
const Unsaid proto.Name = "unsaid"

// enters reports whether a request makes its sender a member.
func enters(name proto.Name) bool {
	return name == proto.RoomCreate || name == proto.RoomJoin || name == proto.RoomEnter
}

// Request asks, over as many connections as it takes, and returns the answer. A join whose connection ended first is answered with
// resumed where it had been carried out.
func (s *Session) Request(ctx context.Context, f proto.Frame) (proto.Event, error) {
	w := &wish{frame: f, answer: make(chan proto.Event, 1)}
	s.mu.Lock()
	s.asked++
	w.frame.Ref = "w" + strconv.Itoa(s.asked)
	s.wishes = append(s.wishes, w)
	s.mu.Unlock()
	s.poke()
	select {
	case e := <-w.answer:
		return e, nil
	case <-s.done:
		return proto.Event{}, context.Canceled
	case <-ctx.Done():
		return proto.Event{}, context.Cause(ctx)
	}
}

// Do is [Session.Request] for tests: it fails the test when no answer comes within 15 seconds.
func (s *Session) Do(tb testing.TB, f proto.Frame) proto.Event {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), waitTimeout)
	defer cancel()
	e, err := s.Request(ctx, f)
	if err != nil {
		tb.Fatalf("testkit: session %s: %s: %v", s.id, f.Name, err)
	}
	return e
}

// Enter asks for room-enter.
func (s *Session) Enter(tb testing.TB, room proto.Room) proto.Event {
	tb.Helper()
	return s.Do(tb, proto.Frame{Name: proto.RoomEnter, Room: room})
}

// Window is how many signals of a pair may be unconfirmed: fewer than the 64 whose numbers are remembered.
const Window = 48

// Send sends a signal, now or as soon as the session is in the room again. It reports false, and sends nothing, where so many of the same pair
// are unconfirmed that one more could not be sent again.
func (s *Session) Send(room proto.Room, target proto.ClientID, data string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := 0
	for _, sig := range s.pending {
		if sig.Room == room && sig.Target == target {
			waiting++
		}
	}
	if waiting >= Window || s.over {
		return false
	}
	sig := &Signal{Room: room, Target: target, Data: data}
	if s.opts.Numbers {
		s.count++
		sig.N = proto.Number(s.turn, s.count)
	}
	s.signals = append(s.signals, sig)
	s.pending = append(s.pending, sig)
	s.poke()
	return true
}

// poke wakes run.
func (s *Session) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// wished returns the requests that are to be sent: those of a room that is being resumed wait for that.
func (s *Session) wished() []proto.Frame {
	var frames []proto.Frame
	for _, w := range s.wishes {
		p := s.rooms[w.frame.Room]
		if w.turn == s.turn || p != nil && p.turn != s.turn && p.begun != s.turn {
			continue
		}
		if p == nil && enters(w.frame.Name) {
			p = &place{begun: s.turn} // it may be in there before it hears of it
			s.rooms[w.frame.Room] = p
		}
		w.turn = s.turn
		frames = append(frames, w.frame)
	}
	return frames
}

// unsent returns the signals that are to be sent, or sent again, in their order.
func (s *Session) unsent() []proto.Frame {
	var frames []proto.Frame
	for _, sig := range slices.Clone(s.pending) {
		p := s.rooms[sig.Room]
		switch {
		case sig.turn == s.turn || p == nil || p.turn != s.turn:
			continue
		case sig.turn != 0 && !s.opts.Numbers:
			s.settle(sig, &proto.Event{Name: Unsaid})
			continue
		case sig.turn == 0:
			sig.Sent = time.Now()
		}
		sig.turn = s.turn
		sig.Turns = append(sig.Turns, s.turn)
		frames = append(frames, proto.Frame{
			Name: proto.SignalSend, Room: sig.Room, TargetID: sig.Target, Data: jsontext.Value(sig.Data), N: sig.N,
			Ref: "s" + strconv.Itoa(slices.Index(s.signals, sig)),
		})
	}
	return frames
}

// answered finds what an event is the answer to.
func (s *Session) answered(r *Received) {
	if r.Ref == "" {
		return
	}
	if r.Ref[0] == 's' {
		i, err := strconv.Atoi(r.Ref[1:])
		if err != nil || i < 0 || i >= len(s.signals) {
			s.fault("there is no signal %s", r.Raw)
			return
		}
		s.settle(s.signals[i], &r.Event)
		return
	}
	for _, w := range s.wishes {
		if w.frame.Ref != r.Ref {
			continue
		}
		p := s.rooms[r.Room]
		if p != nil && p.turn == 0 && p.begun == s.turn && enters(w.frame.Name) && r.Name != proto.Error {
			delete(s.rooms, r.Room) // it was refused
		}
		if r.Name == proto.Error && r.Code == proto.CodeUnavailable {
			w.turn = 0 // asked again: the gateway uses the same request
			return
		}
		s.grant(w, r.Event)
		return
	}
}

// grant answers a request.
func (s *Session) grant(w *wish, e proto.Event) {
	s.wishes = slices.DeleteFunc(s.wishes, func(one *wish) bool { return one == w })
	w.answer <- e
}

// settle notes the answer to a signal. One that is held waits for another.
func (s *Session) settle(sig *Signal, e *proto.Event) {
	if sig.Answer == proto.SignalSent && e.Name != proto.SignalSent {
		s.fault("signal %d was confirmed, and then answered %s", sig.N, e.Name)
		return
	}
	sig.Answer, sig.Code, sig.Said = e.Name, e.Code, time.Now()
	if e.Name != proto.SignalHeld {
		s.pending = slices.DeleteFunc(s.pending, func(one *Signal) bool { return one == sig })
	}
}
