package gateway

import (
	"math"
	"time"

	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/keeper"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// ownAsk is a request of the gateway's own.
type ownAsk struct {
	*ask.Ask
	roster uint64 // the core's number of the roster that is asked for; 0: it is no roster
	knock  *knocking
	other  bool // it is a knock, or asks which tokens count no more: no leave
}

// maxStrangers is how many leaves for clients without a session are under way at once.
const maxStrangers = 32

// ownAsks are the gateway's own requests that are under way. The dispatcher owns them.
type ownAsks struct {
	d    *dispatcher
	by   map[uint64]*ownAsk // by number
	last uint64             // number

	strangers int // leaves for clients without a session, of them
}

// send makes a request, and carries it out on a goroutine of its own. roster is the core's number of the roster that it
// asks for.
func (o *ownAsks) send(op proto.Op, room proto.Room, payload []byte, roster uint64) {
	o.last++
	o.carryOut(&ownAsk{roster: roster, Ask: &ask.Ask{
		Ask:     rooms.Ask{Op: op, Room: room, Num: o.last, ID: ask.RequestID(o.d.g.id, 0, o.last)},
		Payload: payload,
	}})
}

// carryOut carries out a request that has a number on a goroutine of its own.
func (o *ownAsks) carryOut(a *ownAsk) {
	d := o.d
	a.Deadline, a.Wake = time.Now().Add(d.g.timing.Request), make(chan struct{}, 1)
	o.by[a.Num] = a
	d.g.spawn(func() {
		if !d.g.asker.Run(a.Ask, ask.NewSender()) {
			d.post(command{giveUp: a.Ask})
			d.g.asker.Over(a.Ask)
		}
	})
}

// askRoster asks for the roster of a room.
func (o *ownAsks) askRoster(out *rooms.Out) {
	if out.Why != "" {
		o.d.g.metrics.rosters.WithLabelValues(string(out.Why)).Inc()
	}
	o.send(proto.OpRoster, out.Room, proto.AppendRequest(nil, proto.OpRoster, &proto.Request{Room: out.Room}), out.Num)
}

// leaveStranger leaves for a client that has no session here any more, unless too many such leaves are under way: the next
// check names it again.
func (o *ownAsks) leaveStranger(out *rooms.Out) {
	if o.strangers >= maxStrangers {
		return
	}
	o.strangers++
	o.d.g.metrics.ghosts.Inc()
	o.send(proto.OpLeave, out.Room, proto.AppendRequest(nil, proto.OpLeave, &proto.Request{
		Room: out.Room, ClientID: out.ID, Gateway: o.d.g.id, Joined: out.Joined, Lost: true,
	}), 0)
}

// answer handles the answer to a request.
func (o *ownAsks) answer(a *ownAsk, e *proto.Event, stays *proto.Stays) {
	outcome := rooms.OK
	if e.Name == proto.Error {
		outcome = rooms.Unavailable
	}
	o.end(a, outcome)
	switch {
	case a.knock != nil:
		o.d.knockAnswered(a.knock, e)
	case a.Op == proto.OpRevoked:
		o.d.g.trust.revoked(e)
	}
	if a.roster != 0 {
		o.d.peers.learn(nil, e)
		o.d.step(&rooms.In{Kind: rooms.Roster, Num: a.roster, Event: e, Stays: stays})
		o.d.compared(a.Room, e, stays)
	}
}

// compared tells the keeper of a room's roster: a target that is not in it has left. Of a room that is not there everybody has.
func (d *dispatcher) compared(room proto.Room, e *proto.Event, stays *proto.Stays) {
	seq := e.Seq
	switch e.Name {
	case proto.Roster:
	case proto.RoomNotExists:
		seq = math.MaxUint64
	default:
		return
	}
	if stays == nil {
		stays = &proto.Stays{} // nobody's session is resumable there
	}
	d.keep(&keeper.In{Kind: keeper.Compared, Room: room, Seq: seq, Stays: stays})
}

// givenUp ends a request that nobody answered in time.
func (o *ownAsks) givenUp(a *ask.Ask) {
	own := o.by[a.Num]
	if own == nil {
		return
	}
	o.end(own, rooms.Unavailable)
	switch {
	case own.roster != 0:
		o.d.step(&rooms.In{Kind: rooms.NoRoster, Num: own.roster})
	case own.Op == proto.OpRevoked:
		o.d.g.trust.unanswered()
	}
}

func (o *ownAsks) end(a *ownAsk, outcome rooms.Outcome) {
	delete(o.by, a.Num)
	if a.roster == 0 && !a.other {
		o.strangers--
	}
	o.d.noteOutcome(outcome)
	a.Resolve(outcome)
}
