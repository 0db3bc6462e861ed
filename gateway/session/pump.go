package session

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

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
	policy proto.Policy // what the request that is carried out asks for, and turns do not look at
	more   *proto.FrameMore
	meta   *rate.Limiter           // of member-update; made with the first
	full   bool                    // and whether it may create no room, though it asks to enter one
	owed   map[proto.Room]proto.Op // what is to be asked for rooms since the token has changed
	owedAt atomic.Int64            // when that was asked for last, in Unix nanoseconds
	count  int64                   // signals that the gateway has numbered
	wake   chan struct{}           // for asks
	sender *ask.Sender             // made with the first ask, as is wake

	ending
}

// ending is how far the end of a session has come that was kept.
type ending struct {
	away       bool // it is kept
	leaving    bool // its time is up
	unanswered bool // a leave was not answered
	unsettled  bool // something that it asked may still be answered
	gone       bool // it has left all
}

// run handles what is in the inbox.
func (p *pump) run() {
	for {
		p.rest()
		r, ok := p.s.in.pop()
		if !ok {
			return
		}
		switch {
		case errors.Is(r.err, errEnded):
			p.end()
		case errors.Is(r.err, errOver):
			p.over()
		case errors.Is(r.err, errLeave):
			p.settle(defect.Guard("a leave for a client", func() { p.leave(r) }))
		case errors.Is(r.err, errReview):
			p.settle(defect.Guard("what a new token brings", p.settleOwed))
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
	case proto.RoomEnter:
		p.change(f, proto.OpEnter, r.at)
	case proto.RoomLeave:
		p.change(f, proto.OpLeave, r.at)
	case proto.RoomClose:
		p.change(f, proto.OpClose, r.at)
	case proto.TokenRenew:
		p.renew(f)
	case proto.ICE:
		p.ice(f)
	case proto.MemberUpdate, proto.RoomKick, proto.RoomBan, proto.RoomUnban, proto.RoomUpdate, proto.RoomTransfer, proto.RoomRoster,
		proto.RoomKnock, proto.RoomAdmit, proto.RoomRefuse:
		p.moderate(f, r.at)
	case proto.Resume:
		if p.s.About.Turn == 0 {
			p.refuse(f, proto.CodeBadRequest, "a session without a key cannot be resumed")
			return
		}
		p.change(f, proto.OpResume, r.at)
	default:
		p.refuse(f, proto.CodeBadRequest, "there is no such event")
	}
}

// answer tells the client what the gateway itself knows.
func (p *pump) answer(f proto.Frame, e proto.Event) {
	p.s.host.Metrics.Refused(f.Name, string(e.Name))
	p.s.Tell(e, f.Ref)
}

// change carries out a create, join, enter, leave, close or resume.
func (p *pump) change(f proto.Frame, op proto.Op, at time.Time) {
	if !p.may(f, op) || !p.fitsMeta(f) {
		return
	}
	if !p.mayEnter(f, op) {
		return
	}
	p.policy, p.more, p.full = f.Policy, f.More, false
	if users := p.s.host.Users; users != nil && (op == proto.OpCreate || op == proto.OpEnter) {
		switch {
		case users.MayCreate(p.s):
			defer users.Created(p.s)
		case op == proto.OpCreate:
			p.refuse(f, proto.CodeTooManyRooms, rooms.FullOfRooms)
			return
		default: // it may join one that is there
			op, p.full = proto.OpJoin, true
		}
	}
	deadline := p.s.host.clock(at.Add(p.s.host.Request))
	var verdict turns.Verdict
	if op == proto.OpResume {
		verdict = p.turns.Resume(p, &rooms.Ask{Room: f.Room, Ref: f.Ref, Seq: f.Seq, Heard: f.Heard, Fresh: f.Fresh}, deadline)
	} else {
		verdict = p.turns.Change(p, op, f.Room, f.Ref, deadline)
	}
	switch verdict {
	case turns.Asked:
	case turns.Unavailable:
		p.refuse(f, proto.CodeUnavailable, rooms.Unreached)
	case turns.ResumeFirst:
		p.refuse(f, proto.CodeResumeFirst, "whether the session is back in this room is not known: resume it")
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
	p.gone = true
	p.s.host.Dispatcher.Departed(p.s, p.leaveAll())
}

// leaveAll leaves every room, and reports whether everything that was ever asked has its answer.
func (p *pump) leaveAll() (settled bool) {
	p.settle(defect.Guard("a client's leaves", func() { // after a defect it is not: checks name what was not left
		settled = p.turns.Depart(p, p.s.Rooms.All(), p.Now()+int64(p.s.host.Request))
	}))
	return settled
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
	about := &p.s.About
	r := proto.Request{
		Room: a.Room, ClientID: p.s.ID(), Gateway: p.s.host.Gateway, Turn: about.Turn, Keep: about.Keep, Joined: a.Joined, Lost: a.Lost,
	}
	if !a.Silent { // it is the client's own
		r.Policy, r.Seq, r.Fresh = p.policy, a.Seq, a.Fresh
		p.enter(&r, a.Op)
	}
	Stamp(p.s.Token(), &r, a.Op)
	q := p.newAsk(a.Ask, p.deadline(p.s.host.Began.Add(time.Duration(a.Deadline))))
	q.Payload, q.Policy = proto.AppendRequest(nil, a.Op, &r), r.Policy
	if enters(a.Op) {
		q.Shows, q.Full = r.Who().Shows(), p.full
	}
	outcome := p.carryOut(q)
	p.unanswered = p.unanswered || outcome == rooms.Unavailable
	return outcome
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
	p.s.host.Dispatcher.Begin(p.s, a) // before the request is sent, so that what comes for that room is kept
	outcome := p.ask(a)
	p.s.host.Metrics.Asked(a.Op, outcome, time.Since(started))
	return outcome
}

// ask asks the room service, and returns the outcome once the dispatcher has resolved the request.
func (p *pump) ask(a *ask.Ask) rooms.Outcome {
	if !p.s.host.Asker.Run(a, p.sender) {
		p.s.host.Dispatcher.GiveUp(p.s, a)
		p.s.host.Asker.Over(a)
	}
	return a.Outcome()
}
