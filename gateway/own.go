package gateway

import (
	"time"

	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// ownAsk is a request of the gateway's own.
type ownAsk struct {
	*ask.Ask
	roster uint64 // the core's number of the roster that is asked for; 0: it is no roster
}

// maxStrangers is how many leaves for clients without a session are under way at once.
const maxStrangers = 32

// newOwn makes a request of the gateway's own.
func (d *dispatcher) newOwn(op proto.Op, room proto.Room, payload []byte) *ownAsk {
	d.ownNum++
	return &ownAsk{Ask: &ask.Ask{
		Ask:     rooms.Ask{Op: op, Room: room, Num: d.ownNum, ID: ask.RequestID(d.g.id, 0, d.ownNum)},
		Payload: payload, Deadline: time.Now().Add(d.g.timing.request), Wake: make(chan struct{}, 1),
	}}
}

// send carries out a request of the gateway's own on a goroutine of its own.
func (d *dispatcher) send(a *ownAsk) {
	d.own[a.Num] = a
	d.g.spawn(func() {
		if !d.g.asker.Run(a.Ask, ask.NewSender()) {
			d.post(command{giveUp: a.Ask})
			d.g.asker.Over(a.Ask)
		}
	})
}

// askRoster asks for the roster of a room.
func (d *dispatcher) askRoster(o *rooms.Out) {
	if o.Why != "" {
		d.g.metrics.rosters.WithLabelValues(string(o.Why)).Inc()
	}
	a := d.newOwn(proto.OpRoster, o.Room,
		proto.AppendRequest(nil, proto.OpRoster, &proto.Request{Room: o.Room}))
	a.roster = o.Num
	d.send(a)
}

// leaveStranger leaves for a client that has no session here any more, unless too many such leaves are under way: the next
// check names it again.
func (d *dispatcher) leaveStranger(o *rooms.Out) {
	if len(d.own) > maxStrangers {
		return
	}
	d.g.metrics.ghosts.Inc()
	d.send(d.newOwn(proto.OpLeave, o.Room, proto.AppendRequest(nil, proto.OpLeave, &proto.Request{
		Room: o.Room, ClientID: o.ID, Gateway: d.g.id, Joined: o.Joined, Lost: true,
	})))
}

// ownAnswer handles the answer to a request of the gateway's own.
func (d *dispatcher) ownAnswer(a *ownAsk, e *proto.Event) {
	outcome := rooms.OK
	if e.Name == proto.Error {
		outcome = rooms.Unavailable
	}
	d.endOwn(a, outcome)
	if a.roster != 0 {
		d.step(&rooms.In{Kind: rooms.Roster, Num: a.roster, Event: e})
	}
}

// ownGivenUp ends a request of the gateway's own that nobody answered in time.
func (d *dispatcher) ownGivenUp(a *ask.Ask) {
	own := d.own[a.Num]
	if own == nil {
		return
	}
	d.endOwn(own, rooms.Unavailable)
	if own.roster != 0 {
		d.step(&rooms.In{Kind: rooms.NoRoster, Num: own.roster})
	}
}

func (d *dispatcher) endOwn(a *ownAsk, outcome rooms.Outcome) {
	delete(d.own, a.Num)
	d.noteOutcome(outcome)
	a.Resolve(outcome)
}
