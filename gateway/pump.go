package gateway

import (
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"sync"
	"time"

	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/gateway/turns"
	"github.com/parley-rtc/parley/proto"
)

// pump carries out a client's requests, one at a time and in order. It runs on a goroutine of its own while there are
// any; its fields are owned by that goroutine.
type pump struct {
	turns  turns.Turns
	n      int64         // of the last signal
	wake   chan struct{} // for asks
	sender *ask.Sender   // made with the first ask, as is wake
}

// What ends a request before it reaches the room service.
var (
	errRate  = errors.New("too many requests: this one was not carried out, slow down")
	errLeave = errors.New("a membership that should not be") // marks an item: it is to be left
	errEnded = errors.New("the connection ended")            // marks the last item of an inbox
)

// runPump handles what is in the inbox.
func (s *session) runPump() {
	for {
		r, ok := s.pop()
		if !ok {
			return
		}
		switch {
		case errors.Is(r.err, errEnded):
			s.depart()
		case errors.Is(r.err, errLeave):
			s.leave(r)
		case r.err != nil:
			s.refuse(r.frame, r.code, r.err.Error())
		default:
			s.guard(r.frame, func() { s.handle(r) })
		}
	}
}

// guard keeps a defect in handling one client's request from ending the gateway. The client hears internal, or, of a
// request that was under way, unavailable.
func (s *session) guard(f proto.Frame, handle func()) {
	defer func() {
		defect := recover()
		if defect == nil {
			return
		}
		id := proto.NewRequestID()
		s.g.log.Error("a defect", "id", id, "client", s.client.ID, "event", proto.Clip(string(f.Name)), "panic", defect,
			"stack", string(debug.Stack()))
		if a := s.asking.Load(); a != nil {
			s.g.dispatcher.post(command{giveUp: a, session: s})
			s.g.asker.Over(a)
			return
		}
		s.refuse(f, proto.CodeInternal, fmt.Sprintf("a defect of the server, please report it with the id %s", id))
	}()
	handle()
}

// refuse answers with an error.
func (s *session) refuse(f proto.Frame, code proto.Code, message string) {
	s.g.metrics.request(f.Name, string(code))
	s.tell(proto.Errorf(code, f.Room, s.client.ID, "%s", message), f.Ref)
}

func (s *session) handle(r request) {
	f := r.frame
	switch f.Name {
	case proto.Ping:
		s.tell(proto.Event{Name: proto.Pong}, f.Ref)
	case proto.SignalSend:
		s.signal(f, r.at)
	case proto.RoomCreate:
		s.change(f, proto.OpCreate, r.at)
	case proto.RoomJoin:
		s.change(f, proto.OpJoin, r.at)
	case proto.RoomLeave:
		s.change(f, proto.OpLeave, r.at)
	default:
		s.refuse(f, proto.CodeBadRequest, "there is no such event")
	}
}

// payloads hold signals while they are asked.
var payloads = sync.Pool{New: func() any { b := make([]byte, 0, 2<<10); return &b }}

// signal sends a signal on, unless the gateway itself knows better.
func (s *session) signal(f proto.Frame, at time.Time) {
	switch {
	case f.TargetID == s.client.ID:
		s.refuse(f, proto.CodeBadRequest, "a client cannot signal itself")
		return
	case !s.isIn(f.Room):
		s.g.metrics.request(f.Name, string(proto.NotInRoom))
		s.tell(proto.Event{Name: proto.NotInRoom, Room: f.Room}, f.Ref)
		return
	case f.TargetID.Check() != nil: // nobody can bear such an id
		s.g.metrics.request(f.Name, string(proto.TargetNotFound))
		s.tell(proto.Event{Name: proto.TargetNotFound, Room: f.Room, TargetID: f.TargetID}, f.Ref)
		return
	}
	s.pump.n++
	num := s.pump.turns.Number()
	a := s.newAsk(rooms.Ask{
		Op: proto.OpSignal, Room: f.Room, Num: num, ID: s.Request(num), Ref: f.Ref,
	}, at.Add(s.g.timing.signal))
	a.Target = f.TargetID
	buf, _ := payloads.Get().(*[]byte)
	*buf = proto.AppendRequest((*buf)[:0], proto.OpSignal, &proto.Request{
		Room: f.Room, ClientID: s.client.ID, Gateway: s.g.id, TargetID: f.TargetID, N: s.pump.n, Data: f.Data,
	})
	a.Payload = *buf
	if s.g.fits(*buf) {
		s.carryOut(a)
	} else {
		s.refuse(f, proto.CodeBadRequest, "the data is larger than what the servers hand on")
	}
	a.Payload = nil
	payloads.Put(buf)
}

// fits reports whether NATS takes a request: without --max-frame a client may send more. Every NATS takes a check's page.
func (g *Gateway) fits(payload []byte) bool {
	const head = 256 // more than the request's headers
	return len(payload)+head <= proto.MaxCheckPage || int64(len(payload)+head) <= g.conn.MaxPayload()
}

// change carries out a create, join or leave.
func (s *session) change(f proto.Frame, op proto.Op, at time.Time) {
	switch s.pump.turns.Change(s, op, f.Room, f.Ref, s.g.clock(at.Add(s.g.timing.request))) {
	case turns.Asked:
	case turns.Unavailable:
		s.refuse(f, proto.CodeUnavailable, errUnavailable.Error())
	case turns.TooMany:
		s.refuse(f, proto.CodeTooManyRooms, fmt.Sprintf("a client can be in %d rooms: leave one first", s.g.limits.MaxRooms))
	}
}

// leave leaves a room for the gateway, in the order of the client's requests.
func (s *session) leave(r request) {
	if r.ghost == "" {
		s.pump.turns.LeaveStranger(s, r.ghostIn, s.g.clock(r.at.Add(s.g.timing.request)))
		return
	}
	s.pump.turns.LeaveGhost(s, r.ghostIn, r.ghost, s.g.clock(time.Now().Add(s.g.timing.request)))
}

// depart leaves every room after the connection has ended.
func (s *session) depart() {
	s.g.dispatcher.post(command{ended: true, session: s})
	s.mu.Lock()
	in := maps.Clone(s.rooms)
	s.mu.Unlock()
	settled := s.pump.turns.Depart(s, in, s.g.clock(time.Now().Add(s.g.timing.request)))
	s.g.dispatcher.post(command{departed: s, settled: settled})
}

// clock returns a time as the core and the turns have it.
func (g *Gateway) clock(t time.Time) int64 { return int64(t.Sub(g.dispatcher.began)) }

// Now implements turns.Client.
func (s *session) Now() int64 { return s.g.clock(time.Now()) }

// Request implements turns.Client.
func (s *session) Request(num uint64) proto.RequestID { return ask.RequestID(s.g.id, s.num, num) }

// Joined implements turns.Client.
func (s *session) Joined(room proto.Room) (proto.RequestID, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	by, in := s.rooms[room]
	return by, in
}

// isIn reports whether the client is a member of a room, as far as the gateway knows.
func (s *session) isIn(room proto.Room) bool {
	_, in := s.Joined(room)
	return in
}

// Full implements turns.Client.
func (s *session) Full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rooms) >= s.g.limits.MaxRooms
}

// Ask implements turns.Client.
func (s *session) Ask(a *turns.Ask) rooms.Outcome {
	q := s.newAsk(a.Ask, s.g.dispatcher.began.Add(time.Duration(a.Deadline)))
	q.Payload = proto.AppendRequest(nil, a.Op, &proto.Request{
		Room: a.Room, ClientID: s.client.ID, Gateway: s.g.id, Joined: a.Joined, Lost: a.Lost,
	})
	return s.carryOut(q)
}

// newAsk makes a request of the client.
func (s *session) newAsk(a rooms.Ask, deadline time.Time) *ask.Ask {
	if s.pump.sender == nil {
		s.pump.wake, s.pump.sender = make(chan struct{}, 1), ask.NewSender()
	}
	return &ask.Ask{Ask: a, Session: s.num, Deadline: deadline, Wake: s.pump.wake}
}

// carryOut carries out one request and returns its outcome. The dispatcher tells the client.
func (s *session) carryOut(a *ask.Ask) rooms.Outcome {
	started := time.Now()
	s.asking.Store(a)
	if a.Op != proto.OpSignal {
		s.g.dispatcher.post(command{begin: a, session: s}) // before the request is sent, so that what comes for that room is kept
	}
	if !s.g.asker.Run(a, s.pump.sender) {
		s.g.dispatcher.post(command{giveUp: a, session: s})
		s.g.asker.Over(a)
	}
	outcome := a.Outcome()
	s.g.metrics.observe(a.Op, outcome, time.Since(started))
	return outcome
}
