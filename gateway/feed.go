package gateway

import (
	"bytes"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/defect"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/proto"
)

// noResponders is the status with which NATS answers a request that nobody listens for.
const noResponders = "503"

// step feeds the core, and does what it says. A signal that was not taken comes before anything else.
func (d *dispatcher) step(in *rooms.In) {
	in.Now = int64(time.Since(d.began))
	outs := d.core.Step(in)
	for i := range outs {
		d.carryOut(&outs[i])
	}
	for len(d.refused) > 0 {
		r := d.refused[0]
		d.refused = d.refused[1:]
		d.step(&rooms.In{Kind: r.kind, Client: r.client, Event: &r.event})
	}
}

// message handles what NATS brought.
func (d *dispatcher) message(m *nats.Msg) {
	kind, rest := d.g.subjects.ParseGateway(d.g.id, m.Subject)
	switch kind {
	case proto.KindReply:
		d.reply(rest, m)
	case proto.KindRoom:
		d.roomEvent(m)
	case proto.KindClient:
		d.signal(proto.ClientID(rest), m)
	case proto.KindCheck:
		d.check(m)
	case proto.KindEngine:
		d.g.fromGateway(m)
	case proto.KindPush:
		d.pushed(m)
	case proto.KindPeer:
		d.told(m)
	case proto.KindAway:
		d.whoIsAway(m)
	case proto.KindUnknown:
		d.g.metrics.stray.Inc()
	}
}

// decoded decodes what NATS brought. A defect of the decoder is an error like others: nothing has been changed yet.
func decoded[T any](decode func([]byte) (T, error), data []byte) (v T, err error) {
	defer defect.Catch("reading what NATS brought", &err)
	return decode(data)
}

// stays returns what a message says of members beside what sockets receive, or nil.
func (d *dispatcher) stays(m *nats.Msg) *proto.Stays {
	header := m.Header.Get(proto.HeaderMembers)
	if header == "" {
		return nil
	}
	stays, err := decoded(func(b []byte) (proto.Stays, error) { return proto.DecodeStays(string(b)) }, []byte(header))
	if err != nil {
		d.unreadable("a list of members", m, err)
		return nil
	}
	return &stays
}

// unreadable says that something which NATS brought is dropped. After a defect the rooms are compared with their rosters, which
// mend what it would have brought about.
func (d *dispatcher) unreadable(what string, m *nats.Msg, err error) {
	if !defect.Log(d.g.log, err, "subject", m.Subject) {
		d.g.log.Warn(what+" could not be read", "error", err)
		return
	}
	d.step(&rooms.In{Kind: rooms.CompareAll, Why: rooms.Defect})
}

// roomEvent handles what a replica tells of a room.
func (d *dispatcher) roomEvent(m *nats.Msg) {
	e, err := decoded(d.decode, m.Data)
	if err != nil {
		d.unreadable("a room event", m, err)
		return
	}
	d.in = rooms.In{Kind: rooms.Event, Event: &e, Payload: m.Data, Stays: d.stays(m), Message: m.Header.Get(proto.HeaderMessage)}
	d.step(&d.in)
}

// signal handles a signal for one of our clients.
func (d *dispatcher) signal(to proto.ClientID, m *nats.Msg) {
	e, err := decoded(d.decode, m.Data)
	if err == nil && isNotice(e.Name) {
		d.notice(to, &e, m.Data)
		return
	}
	if err == nil && e.Name != proto.SignalReceive {
		err = fmt.Errorf("%w: it is %q", proto.ErrFrame, e.Name)
	}
	if err != nil {
		d.unreadable("a signal", m, err)
		return
	}
	d.in = rooms.In{Kind: rooms.Signal, Event: &e, Payload: m.Data, To: to, Reply: m.Reply}
	d.step(&d.in)
}

// check handles what a replica believes of our members.
func (d *dispatcher) check(m *nats.Msg) {
	c, err := decoded(proto.DecodeCheck, m.Data)
	if err != nil {
		d.unreadable("a check", m, err)
		return
	}
	for i := range c.Rooms {
		d.step(&rooms.In{Kind: rooms.Check, Check: &c.Rooms[i]})
	}
}

// reply handles the answer to an attempt. What comes of a signal is not the core's business.
func (d *dispatcher) reply(token string, m *nats.Msg) {
	num, askNum, attempt, ok := ask.ParseToken(token)
	if !ok {
		d.g.metrics.stray.Inc()
		return
	}
	s, own, a := d.sessions[num], (*ownAsk)(nil), (*ask.Ask)(nil)
	if num == 0 {
		if own = d.own.by[askNum]; own != nil {
			a = own.Ask
		}
	} else if s != nil {
		if a = s.Asking(); a != nil && a.Num != askNum {
			a = nil
		}
	}
	if len(m.Data) == 0 {
		if a != nil && m.Header.Get("Status") == noResponders {
			a.NobodyThere(attempt)
		}
		return
	}
	if a != nil && a.Op == proto.OpSignal && isSent(m.Data) {
		d.sent(s, a)
		return
	}
	e, err := decoded(proto.DecodeAnswer, m.Data)
	switch {
	case err != nil:
		d.unreadable("an answer", m, err)
	case own != nil:
		d.own.answer(own, &e, d.stays(m))
	case s == nil:
	case a != nil && a.Op == proto.OpSignal && e.Name == proto.PushIt:
		d.pushIt(s, a, d.stays(m))
	case a != nil && a.Op == proto.OpSignal:
		d.signalAnswer(s, a, &e, m.Data)
	case a != nil && a.Inquiry:
		d.inquired(s, a, &e, m.Data)
	default:
		d.g.metrics.resumed(a, &e)
		d.peers.learn(a, &e)
		if e.Name != proto.Error || e.Code != proto.CodeUnavailable {
			d.answered = true // also where the core has to tell its client something else
		}
		d.in = rooms.In{
			Kind: rooms.Answer, Client: &s.Client, Event: &e, Payload: m.Data,
			Bears: proto.RequestID(m.Header.Get(proto.HeaderRequest)), Stays: d.stays(m),
		}
		if a != nil {
			d.in.Ask = a.Ask
		} else {
			d.in.Ask = rooms.Ask{Num: askNum, ID: ask.RequestID(d.g.id, num, askNum)}
		}
		d.step(&d.in)
	}
}

// isSent recognises the answer to most requests without decoding it.
func isSent(payload []byte) bool {
	return bytes.HasPrefix(payload, []byte(`{"event":"signal-sent",`))
}

// sent ends a signal that was delivered.
func (d *dispatcher) sent(s *session.Session, a *ask.Ask) {
	if a.Ref != "" {
		s.Tell(proto.Event{Name: proto.SignalSent, Room: a.Room, TargetID: a.Target}, a.Ref)
	}
	d.answered = true
	s.Resolve(a, rooms.OK)
}

// signalAnswer tells a client what became of its signal.
func (d *dispatcher) signalAnswer(s *session.Session, a *ask.Ask, e *proto.Event, payload []byte) {
	outcome := rooms.Declined
	switch {
	case e.Name == proto.SignalSent:
		outcome = rooms.OK
	case e.Name == proto.Error && e.Code == proto.CodeUnavailable:
		outcome = rooms.Unavailable
	}
	if outcome != rooms.OK || a.Ref != "" {
		o := message(e, payload)
		o.Ref = a.Ref
		s.Send(o)
	}
	d.answered = true // whatever it says
	s.Resolve(a, outcome)
}

// giveUp ends an ask whose time is up, unless its answer has come meanwhile.
func (d *dispatcher) giveUp(s *session.Session, a *ask.Ask) {
	switch {
	case a.Done():
	case s == nil:
		d.own.givenUp(a)
	case a.Inquiry && a.Silent:
		d.noteOutcome(rooms.Unavailable)
		s.Resolve(a, rooms.Unavailable)
	case a.Op == proto.OpSignal, a.Inquiry:
		s.Tell(rooms.Unanswered(a.Room, s.ID()), a.Ref)
		d.noteOutcome(rooms.Unavailable)
		s.Resolve(a, rooms.Unavailable)
	default:
		d.step(&rooms.In{Kind: rooms.GiveUp, Client: &s.Client, Ask: rooms.Ask{Num: a.Num}})
	}
}
