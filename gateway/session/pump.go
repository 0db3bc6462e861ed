package session

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/defect"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/gateway/turns"
	"github.com/parley-rtc/parley/proto"
)

// pump carries out a client's requests, one at a time and in order. It runs on a goroutine of its own while there are
// any; its fields are owned by that goroutine. It implements [turns.Client].
type pump struct {
	s      *Session
	turns  turns.Turns
	n      int64         // of the last signal
	wake   chan struct{} // for asks
	sender *ask.Sender   // made with the first ask, as is wake
}

// run handles what is in the inbox.
func (p *pump) run() {
	for {
		r, ok := p.s.in.pop()
		if !ok {
			return
		}
		switch {
		case errors.Is(r.err, errEnded):
			p.depart()
		case errors.Is(r.err, errLeave):
			p.settle(defect.Guard("a leave for a client", func() { p.leave(r) }))
		case r.err != nil:
			p.refuse(r.frame, r.code, r.err.Error())
		default:
			p.guard(r.frame, func() { p.handle(r) })
		}
	}
}

// guard keeps a defect in handling one client's request from ending more than that request. The client hears internal, or, of
// a request that was under way, unavailable.
func (p *pump) guard(f proto.Frame, handle func()) {
	err := defect.Guard("a client's request", handle)
	d, is := errors.AsType[*defect.Error](err)
	if is && !p.settle(err) {
		p.refuse(f, proto.CodeInternal, fmt.Sprintf("a defect of the server, please report it with the id %s", d.ID))
	}
}

// settle ends the request that was under way when a defect was come upon, and reports whether there was one.
func (p *pump) settle(err error) bool {
	if !defect.Log(p.s.host.Log, err, "client", p.s.ID()) {
		return false
	}
	a := p.s.Asking()
	if a == nil {
		return false
	}
	p.s.host.Dispatcher.GiveUp(p.s, a)
	p.s.host.Asker.Over(a)
	return true
}

// refuse answers with an error.
func (p *pump) refuse(f proto.Frame, code proto.Code, message string) {
	p.s.host.Metrics.Refused(f.Name, string(code))
	p.s.Tell(proto.Errorf(code, f.Room, p.s.ID(), "%s", message), f.Ref)
}

func (p *pump) handle(r request) {
	f := r.frame
	switch f.Name {
	case proto.Ping:
		p.s.Tell(proto.Event{Name: proto.Pong}, f.Ref)
	case proto.SignalSend:
		p.signal(f, r.at)
	case proto.RoomCreate:
		p.change(f, proto.OpCreate, r.at)
	case proto.RoomJoin:
		p.change(f, proto.OpJoin, r.at)
	case proto.RoomLeave:
		p.change(f, proto.OpLeave, r.at)
	default:
		p.refuse(f, proto.CodeBadRequest, "there is no such event")
	}
}

// payloads hold signals while they are asked.
var payloads = sync.Pool{New: func() any { b := make([]byte, 0, 2<<10); return &b }}

// signal sends a signal on, unless the gateway itself knows better.
func (p *pump) signal(f proto.Frame, at time.Time) {
	_, in := p.Joined(f.Room)
	switch {
	case f.TargetID == p.s.ID():
		p.refuse(f, proto.CodeBadRequest, "a client cannot signal itself")
		return
	case !in:
		p.answer(f, proto.Event{Name: proto.NotInRoom, Room: f.Room})
		return
	case f.TargetID.Check() != nil: // nobody can bear such an id
		p.answer(f, proto.Event{Name: proto.TargetNotFound, Room: f.Room, TargetID: f.TargetID})
		return
	}
	p.n++
	num := p.turns.Number()
	a := p.newAsk(rooms.Ask{
		Op: proto.OpSignal, Room: f.Room, Num: num, ID: p.Request(num), Ref: f.Ref,
	}, at.Add(p.s.host.Signal))
	a.Target = f.TargetID
	buf, _ := payloads.Get().(*[]byte)
	*buf = proto.AppendRequest((*buf)[:0], proto.OpSignal, &proto.Request{
		Room: f.Room, ClientID: p.s.ID(), Gateway: p.s.host.Gateway, TargetID: f.TargetID, N: p.n, Data: f.Data,
	})
	a.Payload = *buf
	if p.s.host.Fits(*buf) {
		p.carryOut(a)
	} else {
		p.refuse(f, proto.CodeTooLarge, "the data is larger than what the servers hand on")
	}
	a.Payload = nil
	payloads.Put(buf)
}

// answer tells the client what the gateway itself knows.
func (p *pump) answer(f proto.Frame, e proto.Event) {
	p.s.host.Metrics.Refused(f.Name, string(e.Name))
	p.s.Tell(e, f.Ref)
}

// change carries out a create, join or leave.
func (p *pump) change(f proto.Frame, op proto.Op, at time.Time) {
	switch p.turns.Change(p, op, f.Room, f.Ref, p.s.host.clock(at.Add(p.s.host.Request))) {
	case turns.Asked:
	case turns.Unavailable:
		p.refuse(f, proto.CodeUnavailable, rooms.Unreached)
	case turns.TooMany:
		p.refuse(f, proto.CodeTooManyRooms, fmt.Sprintf("a client can be in %d rooms: leave one first", p.s.host.Limits.MaxRooms))
	}
}

// leave leaves a room for the gateway, in the order of the client's requests.
func (p *pump) leave(r request) {
	if r.ghost == "" {
		p.turns.LeaveDoubted(p, r.ghostIn, p.s.host.clock(r.at.Add(p.s.host.Request)))
		return
	}
	p.turns.LeaveGhost(p, r.ghostIn, r.ghost, p.Now()+int64(p.s.host.Request))
}

// depart leaves every room after the connection has ended.
func (p *pump) depart() {
	p.s.host.Dispatcher.Ended(p.s)
	settled := false // after a defect neither: checks name what was not left
	p.settle(defect.Guard("a client's leaves", func() {
		settled = p.turns.Depart(p, p.s.Rooms.All(), p.Now()+int64(p.s.host.Request))
	}))
	p.s.host.Dispatcher.Departed(p.s, settled)
}

// Now implements [turns.Client].
func (p *pump) Now() int64 { return p.s.host.clock(time.Now()) }

// Request implements [turns.Client].
func (p *pump) Request(num uint64) proto.RequestID {
	return ask.RequestID(p.s.host.Gateway, p.s.Num, num)
}

// Joined implements [turns.Client].
func (p *pump) Joined(room proto.Room) (proto.RequestID, bool) { return p.s.Rooms.Joined(room) }

// Full implements [turns.Client].
func (p *pump) Full() bool { return p.s.Rooms.Count() >= p.s.host.Limits.MaxRooms }

// Ask implements [turns.Client].
func (p *pump) Ask(a *turns.Ask) rooms.Outcome {
	q := p.newAsk(a.Ask, p.s.host.Began.Add(time.Duration(a.Deadline)))
	q.Payload = proto.AppendRequest(nil, a.Op, &proto.Request{
		Room: a.Room, ClientID: p.s.ID(), Gateway: p.s.host.Gateway, Joined: a.Joined, Lost: a.Lost,
	})
	return p.carryOut(q)
}

// newAsk makes a request of the client.
func (p *pump) newAsk(a rooms.Ask, deadline time.Time) *ask.Ask {
	if p.sender == nil {
		p.wake, p.sender = make(chan struct{}, 1), ask.NewSender()
	}
	return &ask.Ask{Ask: a, Session: p.s.Num, Deadline: deadline, Wake: p.wake}
}

// carryOut carries out one request and returns its outcome. The dispatcher tells the client.
func (p *pump) carryOut(a *ask.Ask) rooms.Outcome {
	started := time.Now()
	p.s.asking.Store(a)
	if a.Op != proto.OpSignal {
		p.s.host.Dispatcher.Begin(p.s, a) // before the request is sent, so that what comes for that room is kept
	}
	if !p.s.host.Asker.Run(a, p.sender) {
		p.s.host.Dispatcher.GiveUp(p.s, a)
		p.s.host.Asker.Over(a)
	}
	outcome := a.Outcome()
	p.s.host.Metrics.Asked(a.Op, outcome, time.Since(started))
	return outcome
}
