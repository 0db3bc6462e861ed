package gateway

import (
	"time"

	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/proto"
)

// knockAt is where a client knocks.
type knockAt struct {
	session uint64
	room    proto.Room
}

// knocking is a client that waits before a room. The dispatcher owns it.
type knocking struct {
	s       *session.Session
	at      knockAt
	id      proto.RequestID
	payload []byte
	since   time.Time
	next    time.Time
}

// inquired hands an answer on with which the core has nothing to do.
func (d *dispatcher) inquired(s *session.Session, a *ask.Ask, e *proto.Event, payload []byte) {
	outcome := rooms.OK
	switch {
	case e.Name == proto.Error && e.Code == proto.CodeUnavailable:
		outcome = rooms.Unavailable
	case e.Name == proto.Error, e.Name == proto.TargetNotFound, e.Name == proto.RoomNotExists, e.Name == proto.NotInRoom:
		outcome = rooms.Declined
	}
	if a.Silent && a.Op == proto.OpLeave && (e.Name == proto.RoomLeft || e.Name == proto.NotInRoom) {
		d.step(&rooms.In{Kind: rooms.Dismissed, Client: &s.Client, Ask: a.Ask})
	}
	if e.Name == proto.Fenced {
		outcome = rooms.Declined
		d.step(&rooms.In{Kind: rooms.Fenced, Client: &s.Client, Ask: a.Ask})
	} else if !a.Silent {
		o := message(e, payload)
		o.Ref = a.Ref
		s.Send(o)
	}
	if e.Name == proto.KnockPending {
		d.knocked(s, a)
	}
	d.noteOutcome(outcome)
	s.Resolve(a, outcome)
}

// knocked has a client's knock repeated.
func (d *dispatcher) knocked(s *session.Session, a *ask.Ask) {
	now := time.Now()
	at := knockAt{s.Num, a.Room}
	if d.knocks[at] == nil {
		s.Knocks.Add(1)
	}
	d.knocks[at] = &knocking{s: s, at: at, id: a.ID, payload: a.Payload, since: now, next: now.Add(d.g.timing.Knock)}
}

// unknock ends a knock here.
func (d *dispatcher) unknock(k *knocking) {
	k.s.Knocks.Add(-1)
	delete(d.knocks, k.at)
}

// knockAgain repeats the knocks whose time it is, and ends those that have stood for long.
func (d *dispatcher) knockAgain(now time.Time) {
	for _, k := range d.knocks {
		switch {
		case now.Sub(k.since) >= d.g.timing.KnockMost:
			d.refuseKnock(k)
		case !now.Before(k.next):
			k.next = now.Add(d.g.timing.Knock)
			d.own.knock(k, false)
		}
	}
}

// refuseKnock ends a knock on which nobody has decided.
func (d *dispatcher) refuseKnock(k *knocking) {
	d.unknock(k)
	d.own.knock(k, true)
	k.s.Tell(proto.Event{Name: proto.KnockRefused, Room: k.at.room}, "")
}

// knockAnew has a client's knocks say what its new token does. Where it may not join any more, they end.
func (d *dispatcher) knockAnew(s *session.Session) {
	if s.Knocks.Load() == 0 {
		return
	}
	token := s.Token()
	for at, k := range d.knocks {
		if at.session != s.Num {
			continue
		}
		r, err := proto.DecodeRequest(proto.OpKnock, k.payload)
		if err != nil || !token.May(at.room).Has(proto.MayJoin) {
			d.refuseKnock(k)
			continue
		}
		session.Stamp(token, &r, proto.OpKnock)
		k.payload = proto.AppendRequest(nil, proto.OpKnock, &r)
	}
}

// knockEnds ends a client's knock at a room that it has come into.
func (d *dispatcher) knockEnds(s *session.Session, room proto.Room) {
	if k := d.knocks[knockAt{s.Num, room}]; k != nil {
		d.unknock(k)
		d.own.knock(k, true)
	}
}

// knocksEnd ends the knocks of a client whose connection is over.
func (d *dispatcher) knocksEnd(s *session.Session) {
	if s.Knocks.Load() == 0 {
		return
	}
	for at, k := range d.knocks {
		if at.session == s.Num {
			d.unknock(k)
			d.own.knock(k, true)
		}
	}
}

// knockAnswered handles the answer to a repetition: as long as somebody has to decide, nothing is told.
func (d *dispatcher) knockAnswered(k *knocking, e *proto.Event) {
	if d.knocks[k.at] != k || e.Name == proto.KnockPending || e.Name == proto.Error && e.Code == proto.CodeUnavailable {
		return
	}
	d.unknock(k)
	k.s.Tell(*e, "")
}

// isNotice reports whether an event is for one client and no change of a room.
func isNotice(name proto.Name) bool {
	return name == proto.ClientKnocked || name == proto.KnockAdmitted || name == proto.KnockRefused
}

// notice hands a client what is for it alone. Who was let in, or not, knocks no more.
func (d *dispatcher) notice(to proto.ClientID, e *proto.Event, payload []byte) {
	if e.Name != proto.ClientKnocked {
		for at, k := range d.knocks {
			if at.room == e.Room && k.s.ID() == to {
				d.unknock(k)
			}
		}
	}
	d.step(&rooms.In{Kind: rooms.Notice, To: to, Event: e, Payload: payload})
}

// knock repeats a client's knock, or says that it has ended.
func (o *ownAsks) knock(k *knocking, gone bool) {
	payload := k.payload
	if gone {
		payload = append(append([]byte(nil), payload[:len(payload)-1]...), `,"gone":true}`...)
	}
	o.last++
	a := &ownAsk{other: true, Ask: &ask.Ask{
		Ask: rooms.Ask{Op: proto.OpKnock, Room: k.at.room, Num: o.last, ID: k.id}, Payload: payload,
	}}
	if !gone {
		a.knock = k
	}
	o.carryOut(a)
}

// askRevoked asks which tokens count no more.
func (o *ownAsks) askRevoked() {
	o.last++
	o.carryOut(&ownAsk{other: true, Ask: &ask.Ask{
		Ask: rooms.Ask{Op: proto.OpRevoked, Num: o.last, ID: ask.RequestID(o.d.g.id, 0, o.last)}, Payload: []byte(`{}`),
	}})
}
