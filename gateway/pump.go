package gateway

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// pump carries out a client's requests, one at a time and in order. It runs on a goroutine of its own while there are
// any; its fields are owned by that goroutine.
type pump struct {
	num    uint64               // of the last request to the room service
	n      int64                // of the last signal
	doubts map[proto.Room]doubt // requests answered unavailable: the change may have been made
	undone map[proto.Room]undone
	wake   chan struct{} // for asks
	sender *sender       // made with the first ask, as is wake
}

// What ends a request before it reaches the room service.
var (
	errRate     = errors.New("too many requests: this one was not carried out, slow down")
	errStranger = errors.New("a request that was given up has been carried out") // marks an item: it is to be undone
	errEnded    = errors.New("the connection ended")                             // marks the last item of an inbox
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
		case errors.Is(r.err, errStranger):
			s.leaveStranger(r)
		case r.ghost != "":
			s.leaveGhost(r.ghostIn, r.ghost)
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
		s.g.log.Error("a defect", "id", id, "client", s.id, "event", proto.Clip(string(f.Name)), "panic", defect,
			"stack", string(debug.Stack()))
		if a := s.asking.Load(); a != nil {
			s.g.hub.post(command{giveUp: a, session: s})
			a.over()
			return
		}
		s.refuse(f, proto.CodeInternal, fmt.Sprintf("a defect of the server, please report it with the id %s", id))
	}()
	handle()
}

// refuse answers with an error.
func (s *session) refuse(f proto.Frame, code proto.Code, message string) {
	s.g.metrics.request(f.Name, string(code))
	s.tell(proto.Errorf(code, f.Room, s.id, "%s", message), f.Ref)
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
	case f.TargetID == s.id:
		s.refuse(f, proto.CodeBadRequest, "a client cannot signal itself")
		return
	case s.membership(f.Room) == nil:
		s.g.metrics.request(f.Name, string(proto.NotInRoom))
		s.tell(proto.Event{Name: proto.NotInRoom, Room: f.Room}, f.Ref)
		return
	case f.TargetID.Check() != nil: // nobody can bear such an id
		s.g.metrics.request(f.Name, string(proto.TargetNotFound))
		s.tell(proto.Event{Name: proto.TargetNotFound, Room: f.Room, TargetID: f.TargetID}, f.Ref)
		return
	}
	s.pump.n++
	a := s.newAsk(proto.OpSignal, f.Room, at.Add(s.g.timing.signal))
	a.ref, a.target = f.Ref, f.TargetID
	buf, _ := payloads.Get().(*[]byte)
	*buf = proto.AppendRequest((*buf)[:0], proto.OpSignal, &proto.Request{
		Room: f.Room, ClientID: s.id, Gateway: s.g.id, TargetID: f.TargetID, N: s.pump.n, Data: f.Data,
	})
	a.payload = *buf
	if s.g.fits(*buf) {
		s.ask(a)
	} else {
		s.refuse(f, proto.CodeTooLarge, "the data is larger than what the servers hand on")
	}
	a.payload = nil
	payloads.Put(buf)
}

// fits reports whether NATS takes a request: without --max-frame a client may send more. Every NATS takes a check's page.
func (g *Gateway) fits(payload []byte) bool {
	const head = 256 // more than the request's headers
	return len(payload)+head <= proto.MaxCheckPage || int64(len(payload)+head) <= g.conn.MaxPayload()
}

// change carries out a create, join or leave.
func (s *session) change(f proto.Frame, op proto.Op, at time.Time) {
	deadline := at.Add(s.g.timing.request)
	d, doubted := s.pump.doubts[f.Room]
	in := s.joined(f.Room)
	if doubted && d.op != proto.OpLeave && in == s.requestFor(d) {
		doubted = false // it was carried out, as a check has said
		delete(s.pump.doubts, f.Room)
	}
	again := doubted && d.op == op && (op != proto.OpLeave || in == "" || in == d.joined)
	if doubted && !again {
		// What was answered unavailable is undone before anything else is asked for. A leave of the client's own does that.
		if op == proto.OpLeave && in == "" {
			s.leave(f, s.requestFor(d), deadline)
			return
		}
		if !s.undo(f.Room, d, deadline) {
			s.refuse(f, proto.CodeUnavailable, errUnavailable.Error())
			return
		}
	}
	if op == proto.OpLeave {
		if again && in == "" {
			in = d.joined
		}
		s.leave(f, in, deadline)
		return
	}
	if s.roomCount() >= s.g.limits.MaxRooms && s.membership(f.Room) == nil {
		s.refuse(f, proto.CodeTooManyRooms, fmt.Sprintf("a client can be in %d rooms: leave one first", s.g.limits.MaxRooms))
		return
	}
	a := s.newAsk(op, f.Room, deadline)
	if again {
		a.num, a.id = d.num, s.g.requestID(s.num, d.num)
	}
	a.ref = f.Ref
	a.payload = proto.AppendRequest(nil, op, &proto.Request{Room: f.Room, ClientID: s.id, Gateway: s.g.id})
	s.ask(a)
}

// leave carries out the client's own leave.
func (s *session) leave(f proto.Frame, joined proto.RequestID, deadline time.Time) {
	a := s.newLeave(f.Room, joined, deadline, false)
	if d, ok := s.pump.doubts[f.Room]; ok && d.op == proto.OpLeave && d.joined == a.joined {
		a.num, a.id = d.num, s.g.requestID(s.num, d.num)
	}
	a.ref = f.Ref
	s.ask(a)
}

// joined returns the request that made the client a member, as far as the gateway knows; empty when it does not.
func (s *session) joined(room proto.Room) proto.RequestID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.rooms[room]; m != nil {
		return m.joined
	}
	return ""
}

func (s *session) roomCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rooms)
}

// newAsk numbers a request.
func (s *session) newAsk(op proto.Op, room proto.Room, deadline time.Time) *ask {
	if s.pump.sender == nil {
		s.pump.wake, s.pump.sender = make(chan struct{}, 1), newSender()
	}
	s.pump.num++
	return &ask{
		op: op, room: room, session: s.num, num: s.pump.num, id: s.g.requestID(s.num, s.pump.num),
		deadline: deadline, wake: s.pump.wake, stopped: s.g.stopped,
	}
}

// newLeave makes a leave. Lost says that the connection ended.
func (s *session) newLeave(room proto.Room, joined proto.RequestID, deadline time.Time, lost bool) *ask {
	a := s.newAsk(proto.OpLeave, room, deadline)
	if joined == "" {
		// It is in no room that the gateway knows of. An attempt that is late must not end what it joins after this one:
		// no member bears the leave's own request.
		joined = a.id
	}
	a.joined = joined
	a.payload = proto.AppendRequest(nil, proto.OpLeave, &proto.Request{
		Room: room, ClientID: s.id, Gateway: s.g.id, Joined: joined, Lost: lost,
	})
	return a
}

// ask carries out one request and returns its outcome. The dispatcher tells the client.
func (s *session) ask(a *ask) int32 {
	started := time.Now()
	s.asking.Store(a)
	if a.op != proto.OpSignal {
		s.g.hub.post(command{begin: a, session: s}) // before the request is sent, so that what comes for that room is kept
	}
	if !s.g.run(a, s.pump.sender) {
		s.g.hub.post(command{giveUp: a, session: s})
		a.over()
	}
	outcome := a.outcome.Load()
	s.g.metrics.observe(a.op, outcome, time.Since(started))
	if a.op == proto.OpLeave && outcome != outcomeUnavailable {
		s.noteUndone(a)
	}
	switch {
	case a.op == proto.OpSignal:
	case a.silent:
		if d, ok := s.pump.doubts[a.room]; ok && outcome == outcomeUnavailable && s.requestFor(d) == a.joined {
			// The leave may still be carried out: what it ends is never asked for again.
			s.pump.doubts[a.room] = doubt{op: a.op, num: a.num, joined: a.joined}
		}
	case outcome == outcomeUnavailable:
		if s.pump.doubts == nil {
			s.pump.doubts = make(map[proto.Room]doubt)
		}
		s.pump.doubts[a.room] = doubt{op: a.op, num: a.num, joined: a.joined}
	default:
		delete(s.pump.doubts, a.room)
	}
	return outcome
}
