package sim

import (
	"slices"
	"time"

	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// inquiries are the operations of requests with which the core has nothing to do: the answer is handed on.
var inquiries = map[proto.Name]proto.Op{
	proto.MemberUpdate: proto.OpMember, proto.RoomKick: proto.OpKick, proto.RoomBan: proto.OpBan, proto.RoomUnban: proto.OpUnban,
	proto.RoomUpdate: proto.OpUpdate, proto.RoomTransfer: proto.OpTransfer, proto.RoomRoster: proto.OpAbout,
	proto.RoomKnock: proto.OpKnock, proto.RoomAdmit: proto.OpAdmit, proto.RoomRefuse: proto.OpRefuse,
}

// inquire carries out such a request, as gateway/session does.
func (c *client) inquire(x *item, deadline int64) {
	f := &x.frame
	op := inquiries[f.Name]
	num := c.turns.Number()
	a := &ask{
		Ask: rooms.Ask{Op: op, Room: f.Room, Num: num, ID: c.Request(num), Ref: f.Ref},
		req: proto.Request{
			Room: f.Room, ClientID: c.ID, Gateway: c.g.id, Turn: c.Turn, TargetID: f.TargetID,
		},
		deadline: deadline, inquiry: true,
	}
	if more := f.More; more != nil {
		r := &a.req
		r.Message, r.Banned, r.Seconds, r.Update, r.Meta = more.Message, more.Sub, more.Seconds, more.Update, more.Meta
	}
	c.page.stamp(&a.req, op)
	c.carryOut(a)
}

// inquired hands the answer on, as the gateway's dispatcher does.
func (g *gateway) inquired(a *ask, e proto.Event) {
	outcome := rooms.OK
	if e.Name == proto.Error {
		outcome = rooms.Declined
		if e.Code == proto.CodeUnavailable {
			outcome = rooms.Unavailable
		}
	}
	if e.Name == proto.Fenced {
		outcome = rooms.Declined
		g.step(&rooms.In{Kind: rooms.Fenced, Client: &a.c.Client, Ask: a.Ask})
	} else {
		a.c.queue(packet{event: e, ref: a.Ref})
	}
	if e.Name == proto.KnockPending {
		g.knocks = slices.DeleteFunc(g.knocks, func(k *knocking) bool { return k.c == a.c && k.room == a.Room })
		g.knocks = append(g.knocks, &knocking{c: a.c, room: a.Room, ask: a, next: g.w.now + int64(knockEvery)})
	}
	a.c.resolve(outcome)
}

// knockEvery is how often a gateway repeats a knock.
const knockEvery = 5 * time.Second

// knocking is a client that waits before a room.
type knocking struct {
	c    *client
	room proto.Room
	ask  *ask
	next int64
}

// unknock ends a knock here.
func (g *gateway) unknock(k *knocking) {
	g.knocks = slices.DeleteFunc(g.knocks, func(x *knocking) bool { return x == k })
}

// knockAgain repeats the knocks whose time it is.
func (g *gateway) knockAgain() {
	for _, k := range slices.Clone(g.knocks) {
		if g.w.now >= k.next {
			k.next = g.w.now + int64(knockEvery)
			g.knock(k, false)
		}
	}
}

// knockEnds ends a client's knock at a room that it has come into.
func (g *gateway) knockEnds(c *client, room proto.Room) {
	for _, k := range slices.Clone(g.knocks) {
		if k.c == c && k.room == room {
			g.unknock(k)
			g.knock(k, true)
		}
	}
}

// knocksEnd ends the knocks of a client whose connection is over.
func (g *gateway) knocksEnd(c *client) {
	for _, k := range slices.Clone(g.knocks) {
		if k.c == c {
			g.unknock(k)
			g.knock(k, true)
		}
	}
}

// knock repeats a client's knock, or says that it has ended.
func (g *gateway) knock(k *knocking, gone bool) {
	a := &ask{Ask: rooms.Ask{Op: proto.OpKnock, Room: k.room}, req: k.ask.req}
	if a.req.Gone = gone; !gone {
		a.knock = k
	}
	id := k.ask.ID
	g.num++
	a.g, a.Num, a.ID, a.deadline = g, g.num, id, g.w.now+int64(proto.RequestTimeout)
	g.soon(a.try)
}

// knockAnswered handles the answer to a repetition: as long as somebody has to decide, nothing is told.
func (g *gateway) knockAnswered(k *knocking, e proto.Event) {
	if !slices.Contains(g.knocks, k) || e.Name == proto.KnockPending || e.Name == proto.Error && e.Code == proto.CodeUnavailable {
		return
	}
	g.unknock(k)
	k.c.queue(packet{event: e})
}

// notice takes what is for one client alone. Who was let in, or not, knocks no more.
func (g *gateway) notice(to proto.ClientID, event []byte) {
	e, err := proto.DecodeEvent(event)
	if err != nil {
		g.w.fail("a notice cannot be read: %v: %s", err, event)
		return
	}
	if e.Name != proto.ClientKnocked {
		for _, k := range slices.Clone(g.knocks) {
			if k.room == e.Room && k.c.ID == to {
				g.unknock(k)
			}
		}
	}
	g.step(&rooms.In{Kind: rooms.Notice, To: to, Event: &e, Payload: event})
}
