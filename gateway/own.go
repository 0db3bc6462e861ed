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
func (g *Gateway) newOwn(op proto.Op, room proto.Room, patience time.Duration, payload []byte) *ownAsk {
	num := g.ownNum.Add(1)
	return &ownAsk{Ask: &ask.Ask{
		Ask: rooms.Ask{Op: op, Room: room, Num: num, ID: ask.RequestID(g.id, 0, num)}, Payload: payload,
		Deadline: time.Now().Add(patience), Wake: make(chan struct{}, 1),
	}}
}

// startOwn notes a request of the gateway's own, so that its answer is found.
func (d *dispatcher) startOwn(a *ownAsk) { d.own[a.Num] = a }

// send carries out a request of the gateway's own on a goroutine of its own.
func (d *dispatcher) send(a *ownAsk) {
	d.startOwn(a)
	d.g.spawn(func() { d.g.runOwn(a) })
}

// runOwn carries out a request of the gateway's own that the dispatcher knows of, and returns its outcome.
func (g *Gateway) runOwn(a *ownAsk) rooms.Outcome {
	if !g.asker.Run(a.Ask, ask.NewSender()) {
		g.dispatcher.post(command{giveUp: a.Ask})
		g.asker.Over(a.Ask)
	}
	return a.Outcome()
}

// askRoster asks for the roster of a room.
func (d *dispatcher) askRoster(o *rooms.Out) {
	if o.Why != "" {
		d.g.metrics.rosters.WithLabelValues(string(o.Why)).Inc()
	}
	a := d.g.newOwn(proto.OpRoster, o.Room, d.g.timing.request,
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
	d.send(d.g.newOwn(proto.OpLeave, o.Room, d.g.timing.request, proto.AppendRequest(nil, proto.OpLeave, &proto.Request{
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
	a.Resolve(outcome)
}
