package sim

import (
	"math"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-rtc/parley/gateway/keeper"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// How a gateway drives its keeper, and what gateways tell each other. What is meant for the gateway itself is looped back, after
// all that the step which said it says.

// keep feeds the keeper and carries out what it says.
func (g *gateway) keep(in *keeper.In) {
	in.Now = g.w.now
	g.depth++
	outs := g.keeper.Step(in)
	for i := range outs {
		g.carryKeeper(&outs[i])
	}
	g.depth--
	g.drain()
}

// compared tells the keeper of a room's roster. Of a room that is not there everybody has left.
func (g *gateway) compared(room proto.Room, e *proto.Event, stays *proto.Stays) {
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
	g.keep(&keeper.In{Kind: keeper.Compared, Room: room, Seq: seq, Stays: stays})
}

// here tells the keeper of a client that is in a room from now on.
func (g *gateway) here(o *rooms.Out) {
	c := of(o.To[0])
	g.w.note("%s has %s in %q: %v, before at %q, fresh %t, at %d", g.name, c, o.Room, o.Stay, o.Before, o.Fresh, o.Num)
	g.keep(&keeper.In{
		Kind: keeper.Here, Room: o.Room, ID: c.ID, Peer: c, Turn: c.Turn, Stay: o.Stay, Before: o.Before, Fresh: o.Fresh, Seq: o.Num,
		Address: string(c.ID),
	})
}

// drain carries out what is looped back.
func (g *gateway) drain() {
	for g.depth == 0 && len(g.loop) > 0 {
		next := g.loop[0]
		g.loop = g.loop[1:]
		next()
	}
}

func (g *gateway) carryKeeper(o *keeper.Out) {
	switch o.Kind {
	case keeper.Push:
		data := proto.AppendPush(nil, o.Push)
		g.w.note("%s pushes to %s: %s", g.name, o.Gateway, data)
		g.tell(o.Gateway, func(to *gateway) { to.push(data) })
	case keeper.Post:
		g.post(o.Gateway, o.Say)
	case keeper.Settle:
		g.settle(o)
	case keeper.Tell:
		c := o.Peer.(*client) // the asker's, as ask.keep set it
		e := outcome(o.Outcome, o.Room, o.Target, c.ID)
		c.queue(packet{event: e, ref: o.Ref})
	case keeper.Compare:
		room := o.Room
		g.w.note("%s compares %q for %s", g.name, room, o.Target)
		g.loop = append(g.loop, func() {
			g.step(&rooms.In{Kind: rooms.CompareRoom, Say: &proto.Peer{Room: room}})
		})
	}
}

// settle ends a signal that the keeper has.
func (g *gateway) settle(o *keeper.Out) {
	c := o.Peer.(*client) // the asker's, as ask.keep set it
	a := c.asking
	if a == nil || a.Num != o.Num || a.Op != proto.OpSignal {
		g.w.fail("%s settles the signal %d of %s, which is not under way", g.name, o.Num, c)
		return
	}
	e := outcome(o.Outcome, o.Room, o.Target, c.ID)
	c.queue(packet{event: e, ref: a.Ref})
	c.resolve(rooms.OK)
}

// outcome is what a sender is told.
func outcome(o keeper.Outcome, room proto.Room, target, sender proto.ClientID) proto.Event {
	e := proto.Event{Room: room, TargetID: target}
	switch o {
	case keeper.Sent:
		e.Name = proto.SignalSent
	case keeper.Held:
		e.Name = proto.SignalHeld
	case keeper.NotFound:
		e.Name = proto.TargetNotFound
	case keeper.Full:
		e = proto.Errorf(proto.CodeUnavailable, room, sender, "no room")
	case keeper.TooOld:
		e = proto.Errorf(proto.CodeTooOld, room, sender, "too old")
	}
	return e
}

// tell has something happen at a gateway, which may be this one.
func (g *gateway) tell(id proto.GatewayID, do func(to *gateway)) {
	if id == g.id {
		g.loop = append(g.loop, func() { do(g) })
		return
	}
	if to := g.w.gateway(id); to != nil {
		g.send(&to.process, func() { do(to) })
	}
}

// post tells a gateway something of sessions.
func (g *gateway) post(id proto.GatewayID, p *proto.Peer) {
	data := proto.AppendPeer(nil, p)
	g.w.note("%s tells %s: %s", g.name, id, data)
	g.tell(id, func(to *gateway) { to.peer(data) })
}

func (g *gateway) push(data []byte) {
	p, err := proto.DecodePush(data)
	if err != nil {
		g.w.fail("a push cannot be read: %v: %s", err, data)
		return
	}
	g.step(&rooms.In{Kind: rooms.Push, Push: &p})
}

func (g *gateway) peer(data []byte) {
	p, err := proto.DecodePeer(data)
	if err != nil {
		g.w.fail("what a gateway says cannot be read: %v: %s", err, data)
		return
	}
	switch p.Kind {
	case proto.Pushed:
		g.keep(&keeper.In{Kind: keeper.Pushed, Say: &p})
	case proto.Confirm:
		g.keep(&keeper.In{Kind: keeper.Confirm, Say: &p})
	case proto.Ask:
		g.keep(&keeper.In{Kind: keeper.Asked, Say: &p})
	case proto.Told:
		g.step(&rooms.In{Kind: rooms.Told, Say: &p})
	case proto.HandOver:
		g.step(&rooms.In{Kind: rooms.Elsewhere, Say: &p}) // the earlier turn is closed first
		g.keep(&keeper.In{Kind: keeper.HandOver, Say: &p})
	case proto.HandedOver:
		g.keep(&keeper.In{Kind: keeper.HandedOver, Say: &p})
	case proto.Away:
		g.step(&rooms.In{Kind: rooms.Hint, Say: &p})
	}
}

// deliverPush queues signals for a session, as far as its connection has room for them.
func (g *gateway) deliverPush(o *rooms.Out) {
	c, answer := of(o.To[0]), *o.Answer
	for i := range o.Signals {
		e := o.Signals[i]
		if c.shut {
			answer.State = proto.TookAway
		} else if g.w.ill(g.w.Loss / 4) {
			answer.State = proto.TookFull
			g.hurt(0)
		} else {
			g.w.signal(e.Data).queued = true
			c.queue(packet{event: e})
			continue
		}
		answer.N = e.N - 1 // there is none between it and the one before
		if i > 0 {
			answer.N = o.Signals[i-1].N
		}
		g.refused = append(g.refused, rooms.In{
			Kind: rooms.PushRefused, Client: o.To[0], Event: &proto.Event{Room: e.Room, SenderID: e.SenderID, N: answer.N},
		})
		break
	}
	g.post(o.Gateway, &answer)
}

// stay returns where a resumable member of a room is, as far as the gateway knows, or nil.
func (g *gateway) stay(room proto.Room, id proto.ClientID) *proto.Stay {
	if s, ok := g.stays[member{room, id}]; ok {
		return &s
	}
	return nil
}

type member struct {
	room proto.Room
	id   proto.ClientID
}

// stayIs takes note of a member's stay, for signals to it and for the keeper.
func (g *gateway) stayIs(o *rooms.Out) {
	m := member{o.Room, o.ID}
	delete(g.stays, m)
	if o.Stay != nil && o.Stay.Resumable() {
		g.stays[m] = *o.Stay
	}
	g.keep(&keeper.In{Kind: keeper.StayIs, Room: o.Room, ID: o.ID, Stay: o.Stay})
}

// keep hands a signal to the gateway's keeper.
func (a *ask) keep() {
	g, c := a.g, a.c
	if a.done || a.kept || !g.alive {
		return
	}
	a.kept = true
	a.attempts++ // no attempt is made any more
	e := proto.Event{Name: proto.SignalReceive, Room: a.Room, SenderID: c.ID, Data: a.req.Data, N: a.req.N}
	g.w.note("%s keeps %s of %s for %s (%d)", g.name, e.Data, c, a.req.TargetID, e.N)
	g.keep(&keeper.In{
		Kind: keeper.Send, Room: a.Room, ID: c.ID, Peer: c, Turn: c.Turn, Target: a.req.TargetID, Stay: a.stay, N: a.req.N,
		Signal: jsontext.Value(proto.AppendEvent(nil, &e)), Ref: a.Ref, Num: a.Num, Address: string(c.ID),
	})
}
