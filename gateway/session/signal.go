package session

import (
	"sync"
	"time"

	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// payloads hold signals while they are asked.
var payloads = sync.Pool{New: func() any { b := make([]byte, 0, 2<<10); return &b }}

// pushHead is more than what stands around a signal that another gateway is handed.
const pushHead = 512

// signal sends a signal on, unless the gateway itself knows better.
func (p *pump) signal(f proto.Frame, at time.Time) {
	peers, in := p.s.Rooms.Peers(f.Room)
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
	n, ok := p.number(f)
	if !ok {
		p.refuse(f, proto.CodeUnavailable, link.UsedUp.Reason)
		p.s.Close(link.UsedUp)
		return
	}
	num := p.turns.Number()
	a := p.newAsk(rooms.Ask{
		Op: proto.OpSignal, Room: f.Room, Num: num, ID: p.Request(num), Ref: f.Ref,
	}, at.Add(p.s.host.Signal))
	a.Target = f.TargetID
	started := time.Now()
	var outcome rooms.Outcome
	var fits bool
	if stay := peers.Of(f.TargetID); stay != nil {
		outcome, fits = p.keep(a, f, n, stay)
	} else if outcome, fits = p.relay(a, f, n); fits && a.PushIt != nil {
		again := p.newAsk(a.Ask, a.Deadline)
		again.Target = a.Target
		outcome, fits = p.keep(again, f, n, a.PushIt)
	}
	if !fits {
		p.refuse(f, proto.CodeTooLarge, "the data is larger than what the servers hand on")
		return
	}
	p.s.host.Metrics.Asked(a.Op, outcome, time.Since(started))
}

// number returns the number of a signal: the client's own where a session with a key gives one, else the next of this connection's.
// It reports false when these are used up.
func (p *pump) number(f proto.Frame) (n int64, ok bool) {
	turn := p.s.About.Turn
	if turn > 0 && f.N > 0 {
		return f.N, true
	}
	if turn > 0 && p.count+1 >= proto.MaxCount {
		return 0, false
	}
	p.count++
	return proto.Number(turn, p.count), true
}

// relay has the room service hand a signal on. It reports whether NATS takes it. Where a replica knows that the target's session is
// resumable, the ask says so, and nobody has been told anything.
func (p *pump) relay(a *ask.Ask, f proto.Frame, n int64) (outcome rooms.Outcome, fits bool) {
	buf, _ := payloads.Get().(*[]byte)
	defer payloads.Put(buf)
	*buf = p.appendSignal((*buf)[:0], &f, n)
	if !p.s.host.Fits(len(*buf)) {
		return rooms.Declined, false
	}
	a.Payload = *buf
	p.s.asking.Store(a)
	outcome = p.ask(a)
	a.Payload = nil
	return outcome, true
}

// appendSignal appends a signal as it is asked. Of the client's token it says the sub alone: there are many signals.
func (p *pump) appendSignal(b []byte, f *proto.Frame, n int64) []byte {
	return proto.AppendRequest(b, proto.OpSignal, &proto.Request{
		Room: f.Room, ClientID: p.s.ID(), Gateway: p.s.host.Gateway, TargetID: f.TargetID, N: n, Data: f.Data, Sub: p.sub(),
	})
}

// keep has this gateway keep a signal and push it to the target's gateway, until that end has confirmed it. It returns when the
// dispatcher knows what has become of it at first, and reports whether NATS takes it.
func (p *pump) keep(a *ask.Ask, f proto.Frame, n int64, stay *proto.Stay) (outcome rooms.Outcome, fits bool) {
	signal := proto.AppendEvent(nil, &proto.Event{Name: proto.SignalReceive, Room: f.Room, SenderID: p.s.ID(), Data: f.Data, N: n})
	if !p.s.host.Fits(len(signal) + pushHead) {
		return rooms.Declined, false
	}
	p.s.asking.Store(a)
	p.s.host.Dispatcher.Keep(p.s, &Kept{Ask: a, Stay: stay, N: n, Signal: signal})
	p.s.host.Asker.Over(a)
	return a.Outcome(), true
}
