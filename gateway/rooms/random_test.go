package rooms

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/parley-rtc/parley/proto"
)

// mess is a core of which anything is asked in any order, as a faulty network and clients that do what they like may bring it.
type mess struct {
	*rapid.T
	c       *Core
	clients []*Client
	turns   map[proto.ClientID]int64
	given   map[*Client]map[proto.ClientID]int64 // by sender, the last signal
	now     int64
	num     uint64
}

var (
	ids      = []proto.ClientID{"a", "b", "c"}
	names    = []proto.Room{"lobby", "hall"}
	gateways = []proto.GatewayID{"g1", "g2", "g3"}
)

func pick[T any](m *mess, list []T) T { return rapid.SampledFrom(list).Draw(m.T, "one") }

func (m *mess) small() uint64 { return rapid.Uint64Range(0, 12).Draw(m.T, "number") }

func (m *mess) stays() *proto.Stays {
	s := &proto.Stays{Before: pick(m, gateways), Members: make(map[proto.ClientID]proto.Stay)}
	for _, id := range rapid.SliceOfDistinct(rapid.SampledFrom(ids), rapid.ID).Draw(m.T, "members") {
		s.Order = append(s.Order, id)
		s.Members[id] = proto.Stay{Gateway: pick(m, gateways), Turn: int64(m.small() / 3), Since: m.small()}
	}
	return s
}

func (m *mess) event(of ...proto.Name) *proto.Event {
	seq := m.small()
	return &proto.Event{
		Name: pick(m, of), Room: pick(m, names), ID: pick(m, ids), OwnerID: pick(m, ids), SenderID: pick(m, ids), Seq: seq + 1, Prev: seq,
		Clients: rapid.SliceOfDistinct(rapid.SampledFrom(ids), rapid.ID).Draw(m.T, "clients"), Code: proto.CodeUnavailable,
		N: int64(m.small()),
	}
}

// request begins or ends a request of a client.
func (m *mess) request(cl *Client) *In {
	if !cl.asking {
		m.num++
		return &In{Kind: Begin, Client: cl, Ask: Ask{
			Op: pick(m, []proto.Op{
				proto.OpCreate, proto.OpJoin, proto.OpEnter, proto.OpResume, proto.OpResume, proto.OpLeave, proto.OpClose,
			}),
			Room: pick(m, names), Num: m.num, ID: "r", Fresh: m.small() == 0, Heard: map[proto.ClientID]int64{pick(m, ids): int64(m.small())},
		}}
	}
	in := &In{Kind: GiveUp, Client: cl, Ask: cl.ask}
	if m.small() > 3 {
		in.Kind, in.Stays = Answer, m.stays()
		in.Event = m.event(proto.RoomCreated, proto.RoomJoined, proto.Resumed, proto.Resumed, proto.NotInRoom, proto.RoomLeft,
			proto.Fenced, proto.Error, proto.RoomNotExists)
		in.Event.Room = cl.ask.Room
		in.Event.Clients = remove(in.Event.Clients, cl.ID)
		in.Stays.Members[cl.ID] = proto.Stay{Gateway: "g1", Turn: cl.Turn, Since: m.small()}
	}
	return in
}

func remove(list []proto.ClientID, id proto.ClientID) []proto.ClientID {
	var others []proto.ClientID
	for _, other := range list {
		if other != id {
			others = append(others, other)
		}
	}
	return others
}

func (m *mess) say() *proto.Peer {
	say := &proto.Peer{
		From: pick(m, gateways), Room: pick(m, names), ID: pick(m, ids), TargetID: pick(m, ids), Turn: int64(m.small() / 3), Seq: m.small(),
		Pairs: []proto.PeerPair{
			{SenderID: pick(m, ids), N: int64(m.small()), Sure: int64(m.small())}, {SenderID: pick(m, ids), Gateway: pick(m, gateways)},
		},
	}
	if len(m.c.asking) > 0 { // mostly an answer that counts
		mb := pick(m, m.c.asking)
		say.TargetID, say.Turn, say.Room = mb.c.ID, mb.c.Turn, mb.room.name
		if all := mb.own.asking.senders; len(all) > 0 {
			say.From, say.Pairs[0].SenderID = all[0].gateway, all[0].id
		}
	}
	return say
}

func (m *mess) push() *In {
	p := &proto.Push{
		From: pick(m, gateways), Target: pick(m, ids), Turn: int64(m.small() / 3), Since: m.small(), SenderSince: m.small(), Prev: int64(m.small()),
	}
	e := m.event(proto.SignalReceive)
	e.Data = jsontext.Value("1")
	for range 1 + m.small()/4 {
		e.N++
		p.Signals = append(p.Signals, proto.AppendEvent(nil, e))
	}
	for _, cl := range m.clients { // mostly one that is taken
		if mb := cl.rooms[e.Room]; cl.ID == p.Target && mb != nil && mb.own != nil {
			p.Turn, p.Since, p.SenderSince = cl.Turn, mb.own.stay.Since, mb.room.stays[e.SenderID].Since
		}
	}
	return &In{Kind: Push, Push: p}
}

// next returns anything that may happen.
func (m *mess) next() *In {
	cl := pick(m, m.clients)
	if cl.stage == departed {
		cl = m.open(cl.ID)
	}
	switch rapid.IntRange(0, 14).Draw(m.T, "what") {
	case 0:
		return &In{Kind: Event, Event: m.event(proto.ClientJoined, proto.ClientLeft, proto.ClientBack, proto.RoomClosed), Stays: m.stays()}
	case 1, 2, 3, 4:
		if cl.stage == connected {
			return m.request(cl)
		}
		return &In{Kind: Tick}
	case 5, 6, 7:
		return m.push()
	case 8:
		return &In{Kind: pick(m, []InKind{Told, Told, Hint, Elsewhere, CompareRoom}), Say: m.say()}
	case 9:
		return &In{Kind: Check, Check: &proto.CheckRoom{
			Room: pick(m, names), Seq: m.small(), Members: []proto.CheckMember{{ID: pick(m, ids), Request: "r"}},
		}}
	case 10:
		return &In{Kind: Roster, Num: m.c.num, Event: m.event(proto.Roster, proto.RoomNotExists), Stays: m.stays()}
	case 11:
		return &In{Kind: Pong, Client: cl, Num: m.small()}
	case 12:
		if cl.asking {
			return &In{Kind: Tick}
		}
		return &In{Kind: map[stage]InKind{connected: Away, away: Ended, ended: Departed}[cl.stage], Client: cl, Settled: m.small() > 5}
	case 13:
		m.open(pick(m, ids))
		return &In{Kind: Pulse}
	default:
		return &In{Kind: pick(m, []InKind{Pulse, Pulse, Pulse, Tick, CompareAll}), Why: Reconnect}
	}
}

func (m *mess) open(id proto.ClientID) *Client {
	m.turns[id]++
	cl := &Client{ID: id, Turn: m.turns[id], Keep: 3_000_000_000}
	m.clients = append(m.clients, cl)
	m.given[cl] = make(map[proto.ClientID]int64)
	m.c.Step(&In{Kind: Open, Client: cl, Now: m.now})
	return cl
}

// step steps the core and looks at what it says.
func (m *mess) step(in *In) {
	if in.Kind != PushRefused {
		m.now += int64(proto.AskEvery)
	}
	in.Now = m.now
	was := make(map[*Client]stage)
	for _, cl := range m.clients {
		was[cl] = cl.stage
	}
	var refused []In
	for _, o := range m.c.Step(in) {
		for _, cl := range o.To {
			if o.Kind == Tell || o.Kind == Deliver || o.Kind == DeliverPush || o.Kind == Ping || o.Kind == Oust {
				if was[cl] != connected {
					m.Fatalf("%+v is for one who has no connection", o)
				}
			}
		}
		m.look(&o)
		if o.Kind == DeliverPush && m.small() == 0 {
			refused = append(refused, m.refuse(&o))
		}
	}
	for i := range refused {
		m.step(&refused[i])
	}
	for _, r := range m.c.order {
		here := make(map[proto.ClientID]bool)
		for i, mb := range r.local {
			if here[mb.c.ID] || mb.index != i || mb.state == taken || mb.c.rooms[r.name] != mb {
				m.Fatalf("%s is wrongly in %s", mb.c.ID, r.name)
			}
			here[mb.c.ID] = true
		}
		for _, mb := range r.asking {
			if mb.own.asking == nil || mb.state == taken || mb.c.stage != connected {
				m.Fatalf("%s still asks in %s", mb.c.ID, r.name)
			}
		}
	}
}

// refuse has a queue take only the first of what it is given, or nothing.
func (m *mess) refuse(o *Out) In {
	e := o.Signals[0]
	if m.small() > 5 {
		e.N--
	}
	m.given[o.To[0]][proto.ClientID(e.Room)+"/"+e.SenderID] = e.N
	return In{Kind: PushRefused, Client: o.To[0], Event: &e}
}

// look sees to it that signals are given once and in order, as far as the client has taken note.
func (m *mess) look(o *Out) {
	switch {
	case o.Kind == Here:
		m.given[o.To[0]] = make(map[proto.ClientID]int64)
	case o.Kind == Tell && o.Event.Name == proto.Live:
		for sender, n := range o.Event.Lost {
			last := m.given[o.To[0]]
			key := proto.ClientID(o.Event.Room) + "/" + sender
			if n < last[key] {
				m.Fatalf("%d counts as heard, and %d was given", n, last[key])
			}
			last[key] = n
		}
	case o.Kind == DeliverPush:
		for i := range o.Signals {
			e := &o.Signals[i]
			last := m.given[o.To[0]]
			key := proto.ClientID(e.Room) + "/" + e.SenderID
			if e.N <= last[key] {
				m.Fatalf("%d is given after %d", e.N, last[key])
			}
			last[key] = e.N
		}
	}
}

func TestWhateverComesSignalsAreGivenOnceAndInOrderAndARoomHasOneTurnOfASession(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &mess{
			T: t, turns: make(map[proto.ClientID]int64), given: make(map[*Client]map[proto.ClientID]int64),
			c: New(Config{Self: "g1", Many: 50, MaxRosters: 1, MaxKept: 1 << 16, MaxKeptOne: 1 << 15, Missed: 1 << 40, Remember: 1 << 32}),
		}
		for _, id := range ids {
			m.open(id)
		}
		for range rapid.IntRange(10, 120).Draw(t, "steps") {
			m.step(m.next())
		}
	})
}
