package sim

import (
	"time"

	"github.com/parley-rtc/parley/gateway/keeper"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/worker"
)

// gateway is a gateway's core with what carries out what it says. Queues to clients have no bound, and what is queued has
// been heard.
type gateway struct {
	process
	id       proto.GatewayID
	core     *rooms.Core
	keeper   *keeper.Keeper
	stays    map[member]proto.Stay // of resumable members of rooms here
	ranking  ranking
	num      uint64 // of requests of its own
	refused  []rooms.In
	loop     []func() // what is meant for this gateway itself
	depth    int      // of steps that are being carried out
	draining bool
	knocks   []*knocking
}

func (w *world) startGateway() {
	g := &gateway{process: newProcess(w, "gateway"), stays: make(map[member]proto.Stay)}
	g.id = proto.GatewayID(g.name)
	g.core = rooms.New(rooms.Config{
		Self:   g.id,
		Missed: int64(proto.CheckMissed), Remember: int64(time.Minute), Repeats: int64(2 * proto.SignalTimeout),
		Many: 50, MaxRosters: 32, MaxKept: 1 << 20, MaxKeptOne: 1 << 19,
	})
	g.keeper = keeper.New(w.bounds(g.id))
	w.gateways = append(w.gateways, g)
	w.started[g.id] = g
	w.note("%s starts on node %d", g.name, g.node)
	w.beat(g.name, &g.process)
	g.every(time.Second, func() {
		w.beat(g.name, &g.process)
		g.ranking.tick(w.now)
		g.step(&rooms.In{Kind: rooms.Tick})
	})
	if w.Moderation > 0 {
		g.every(time.Second, g.knockAgain)
	}
	if w.Sessions > 0 {
		const pulse = 250 * time.Millisecond
		g.every(pulse, func() {
			g.step(&rooms.In{Kind: rooms.Pulse})
			g.keep(&keeper.In{Kind: keeper.Pulse})
		})
	}
}

// bounds are those of a gateway's keeper.
func (w *world) bounds(id proto.GatewayID) keeper.Config {
	if !w.Bounds {
		return keeper.Config{Self: id}
	}
	return keeper.Config{Self: id, MaxPair: 3, MaxPairBytes: 1 << 10, MaxSender: 1 << 11, MaxAddress: 1 << 11, MaxKept: 1 << 12}
}

// step feeds the core and carries out what it says.
func (g *gateway) step(in *rooms.In) {
	in.Now = g.w.now
	g.depth++
	outs := g.core.Step(in)
	for i := range outs {
		g.carryOut(&outs[i])
	}
	for len(g.refused) > 0 {
		next := g.refused[0]
		g.refused = g.refused[1:]
		g.step(&next)
	}
	g.depth--
	g.drain()
}

// of returns the client that the core speaks of.
func of(c *rooms.Client) *client { return c.Peer.(*client) } // dial made it so

func (g *gateway) carryOut(o *rooms.Out) {
	switch o.Kind {
	case rooms.Member:
		of(o.To[0]).in[o.Room] = o.Joined
		g.knockEnds(of(o.To[0]), o.Room)
	case rooms.Parted:
		delete(of(o.To[0]).in, o.Room)
	case rooms.Disowned: // of use to who counts the rooms of a user
	case rooms.Tell:
		for _, c := range o.To {
			of(c).queue(packet{event: *o.Event, ref: o.Ref})
		}
	case rooms.Deliver:
		g.deliver(o)
	case rooms.Ack:
		g.ack(o.Reply, proto.Event{Name: o.Name, Room: o.Room, TargetID: o.ID})
	case rooms.Resolve:
		c := of(o.To[0])
		if a := c.asking; a != nil && a.Num == o.Num {
			c.resolve(o.Outcome)
		}
	case rooms.AskRoster:
		g.ask(&ask{Ask: rooms.Ask{Op: proto.OpRoster, Room: o.Room}, roster: o.Num, req: proto.Request{Room: o.Room}})
	case rooms.LeaveStranger:
		g.ask(&ask{Ask: rooms.Ask{Op: proto.OpLeave, Room: o.Room}, req: proto.Request{
			Room: o.Room, ClientID: o.ID, Gateway: g.id, Joined: o.Joined, Lost: true,
		}})
	case rooms.QueueLeave:
		c := of(o.To[0])
		c.push(item{ghost: o.Joined, room: o.Room, leave: true, at: g.w.now})
	case rooms.Dropped:
	case rooms.Forget:
		of(o.To[0]).forgotten = true
	case rooms.Oust:
		of(o.To[0]).oust()
	case rooms.DeliverPush:
		g.deliverPush(o)
	case rooms.Ping:
		of(o.To[0]).queue(packet{ping: o.Num})
	case rooms.Post:
		g.post(o.Gateway, o.Say)
	case rooms.KeepAnew:
		of(o.To[0]).keepAnew()
	case rooms.StayIs:
		g.stayIs(o)
	case rooms.Here:
		g.here(o)
	case rooms.NotHere:
		c := of(o.To[0])
		g.w.note("%s has %s in %q no longer, which is at %q: %v", g.name, c, o.Room, o.Gateway, o.Stay)
		g.keep(&keeper.In{Kind: keeper.NotHere, Room: o.Room, ID: c.ID, Turn: c.Turn, Gateway: o.Gateway, Stay: o.Stay})
	}
}

// deliver queues a signal for a client, which now and then has no room for it.
func (g *gateway) deliver(o *rooms.Out) {
	c, e := of(o.To[0]), *o.Event
	answer := proto.Event{Name: proto.SignalSent, Room: e.Room, TargetID: c.ID}
	switch {
	case c.closed && c.Turn == 0, c.shut:
		answer.Name = proto.TargetNotFound
	case g.w.ill(g.w.Loss / 4):
		answer = proto.Errorf(proto.CodeUnavailable, e.Room, e.SenderID, "full")
	default:
		g.w.signal(e.Data).queued = true
		c.queue(packet{event: e})
	}
	g.ack(o.Reply, answer)
	if answer.Name != proto.SignalSent {
		g.refused = append(g.refused, rooms.In{Kind: rooms.Refused, Client: o.To[0], Event: &e})
	}
}

// ack answers a signal's asker, straight from here.
func (g *gateway) ack(reply string, e proto.Event) {
	if a := g.w.attempts[reply]; a != nil {
		event := proto.AppendEvent(nil, &e)
		g.send(&a.ask.g.process, func() { a.ask.g.answer(a, event, worker.Beside{}) })
	}
}

// event takes a room event that a replica tells.
func (g *gateway) event(data []byte, beside worker.Beside) {
	e, err := proto.DecodeEvent(data)
	if err != nil {
		g.w.fail("an event cannot be read: %v: %s", err, data)
		return
	}
	g.step(&rooms.In{Kind: rooms.Event, Event: &e, Payload: data, Stays: g.w.stays(beside.Stays), Message: beside.Message})
}

// stays reads the header of members' stays.
func (w *world) stays(header string) *proto.Stays {
	if header == "" {
		return nil
	}
	s, err := proto.DecodeStays(header)
	if err != nil {
		w.fail("stays cannot be read: %v: %s", err, header)
		return nil
	}
	return &s
}

func (g *gateway) signal(to proto.ClientID, e proto.Event, reply string) {
	g.step(&rooms.In{Kind: rooms.Signal, Event: &e, Payload: e.Data, To: to, Reply: reply})
}

func (g *gateway) check(c *proto.CheckRoom) {
	g.w.note("%s is checked: %s at %d with %v", g.name, c.Room, c.Seq, c.Members)
	g.step(&rooms.In{Kind: rooms.Check, Check: c})
}

// reconnected is what a gateway does when NATS is back.
func (g *gateway) reconnected() { g.step(&rooms.In{Kind: rooms.CompareAll, Why: rooms.Reconnect}) }
