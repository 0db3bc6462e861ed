package keeper_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-rtc/parley/gateway/keeper"
	"github.com/parley-rtc/parley/proto"
)

// node is a gateway: the keeper, and as little of the rest as will do.
type node struct {
	w      *world
	id     proto.GatewayID
	dead   bool
	has    bool // it has, or has had, something of the sender
	keeper *keeper.Keeper
	conns  []*conn
	view   map[proto.ClientID]*proto.Stay // what is known here of the room
	told   int64                          // when the last event of the room arrives
	self   int64                          // the sender's turn by which it is in the room here
	end    *receiving
	codec  bool // messages go through their JSON
}

func (g *node) pulse() {
	if g.dead {
		return
	}
	g.w.after(250*ms, g.pulse)
	g.step(&keeper.In{Kind: keeper.Pulse})
	if r := g.end; r != nil {
		g.pulseEnd(r)
	}
}

// step steps the keeper and does what it wants.
func (g *node) step(in *keeper.In) {
	in.Now = g.w.now
	in.Room = lobby
	for _, o := range slices.Clone(g.keeper.Step(in)) {
		g.do(&o)
	}
}

func (g *node) do(o *keeper.Out) {
	w := g.w
	switch o.Kind {
	case keeper.Push:
		p := *o.Push
		p.Signals = slices.Clone(p.Signals)
		if g.codec {
			p = must(proto.DecodePush(proto.AppendPush(nil, &p)))
		}
		w.say("%s → %s: push %s to turn %d, prev %s", g.id, o.Gateway, signals(p.Signals), p.Turn, number(p.Prev))
		w.send(g.id, o.Gateway, func(to *node) { to.push(&p) })
	case keeper.Post:
		g.post(o.Gateway, o.Say)
	case keeper.Settle:
		w.s.settled(o.Peer.(*conn), o.Num, o.Outcome, o.Ref)
	case keeper.Tell:
		if o.Peer.(*conn) == w.s.conn && w.s.conn.open {
			n, _ := strconv.ParseInt(o.Ref, 10, 64)
			w.s.told(n, o.Outcome)
		}
	case keeper.Compare:
		w.after(w.between(5, 80), func() {
			if g.dead {
				return
			}
			stays := &proto.Stays{Members: make(map[proto.ClientID]proto.Stay)}
			for _, id := range []proto.ClientID{sid, tid} {
				g.event(id, w.record[id], false)
				stays.Order = append(stays.Order, id)
				stays.Members[id] = *w.record[id]
			}
			g.step(&keeper.In{Kind: keeper.Compared, Seq: w.seq, Stays: stays})
		})
	}
}

func (g *node) post(to proto.GatewayID, say *proto.Peer) {
	m := *say
	m.Pairs = slices.Clone(m.Pairs)
	if g.codec {
		m = must(proto.DecodePeer(proto.AppendPeer(nil, &m)))
	}
	g.w.say("%s → %s: %s", g.id, to, show(&m))
	g.w.send(g.id, to, func(n *node) { n.hear(&m) })
}

// hear handles what another gateway says.
func (g *node) hear(m *proto.Peer) {
	kind := keeper.Pushed
	switch m.Kind {
	case proto.Pushed:
	case proto.Confirm:
		kind = keeper.Confirm
	case proto.Ask:
		kind = keeper.Asked
	case proto.Told:
		g.answered(m)
		return
	case proto.HandOver:
		kind = keeper.HandOver
		if m.Of == 0 && g.self > 0 && m.Turn > g.self {
			g.elsewhere(m.From, nil)
		}
	case proto.HandedOver:
		kind = keeper.HandedOver
		g.has = g.has || m.Of > 0
	case proto.Away:
		return
	}
	g.step(&keeper.In{Kind: kind, Say: m})
}

// event: the room says where a member is.
func (g *node) event(id proto.ClientID, stay *proto.Stay, fresh bool) {
	if known := g.view[id]; known != nil && known.Turn >= stay.Turn {
		return
	}
	if known := g.view[id]; known != nil && id == tid && stay.Since > known.Since && g.self > 0 {
		g.w.t.excused = max(g.w.t.excused, proto.Number(g.w.s.turn, g.w.s.num)) // what was sent until now was for whom it was before
	}
	anew := g.view[id] != nil && stay.Since > g.view[id].Since
	g.view[id] = stay
	g.step(&keeper.In{Kind: keeper.StayIs, ID: id, Stay: stay, Fresh: fresh})
	switch {
	case id == sid && g.self > 0 && stay.Turn > g.self && stay.Gateway != g.id:
		g.elsewhere(stay.Gateway, stay)
	case id == tid && g.end != nil && stay.Turn > g.end.conn.turn:
		c := g.end.conn
		g.end = nil
		c.cut()
	}
	if r := g.end; r != nil && id == sid {
		switch a := r.asking; {
		case a != nil && anew: // nobody waits for what it sent before
			a.told, a.n, a.sure, a.gateway = true, 0, 0, stay.Gateway
			g.done(r)
		case a != nil && a.gateway != stay.Gateway:
			r.asking.told, r.asking.gateway = false, stay.Gateway
			g.ask(r)
		}
		if r.confirmed > 0 && r.asking == nil {
			g.confirm(r)
		}
	}
}

// elsewhere: the sender has come back at another gateway.
func (g *node) elsewhere(to proto.GatewayID, stay *proto.Stay) {
	g.self = 0
	g.step(&keeper.In{Kind: keeper.NotHere, ID: sid, Gateway: to, Stay: stay})
	for _, c := range slices.Clone(g.conns) {
		if c.id == sid && (stay == nil || c.turn < stay.Turn) {
			c.cut()
		}
	}
}

// resumed: a client has joined the room here, or come back to it.
func (g *node) resumed(c *conn, stay *proto.Stay, before proto.GatewayID, seq uint64, fresh bool) {
	if known := g.view[c.id]; known != nil && known.Turn > stay.Turn {
		return
	}
	g.event(c.id, stay, fresh)
	for _, id := range []proto.ClientID{sid, tid} {
		if other := g.w.record[id]; other != nil && id != c.id { // the answer says where the others are
			g.event(id, other, false)
		}
	}
	if c.id == sid {
		g.self, g.has = c.turn, true
		g.step(&keeper.In{Kind: keeper.Here, ID: sid, Peer: c, Stay: stay, Before: before, Seq: seq, Fresh: fresh})
		if !c.open {
			g.step(&keeper.In{Kind: keeper.Closed, ID: sid, Turn: c.turn})
		}
		c.write(func() { g.w.s.resumed(c) })
		return
	}
	g.end = &receiving{conn: c, since: stay.Since}
	if before == "" || fresh {
		if fresh {
			g.post(g.view[sid].Gateway, &proto.Peer{
				Kind: proto.Ask, From: g.id, Room: lobby, TargetID: tid, Turn: c.turn, Since: stay.Since, Fresh: true,
				Pairs: []proto.PeerPair{{SenderID: sid}},
			})
		}
		g.end.asking = nil
		c.write(func() { g.w.t.receive(frame{}) })
		return
	}
	heard := g.w.t.last
	g.end.last = heard
	g.end.asking = &asking{began: g.w.now, heard: heard, gateway: g.view[sid].Gateway}
	g.ask(g.end)
}

// send: the sender's client sends a signal.
func (g *node) send(c *conn, n int64, num uint64) {
	stay := g.view[tid]
	if stay == nil {
		stay = g.w.record[tid]
	}
	data := jsontext.Value(fmt.Sprintf(`{"event":"signal-receive","room":"lobby","senderId":"sender","data":1,"n":%d}`, n))
	before, _ := g.keeper.Kept()
	asking := g.w.s.asking
	g.step(&keeper.In{
		Kind: keeper.Send, ID: sid, Peer: c, Turn: c.turn, Target: tid, Stay: stay, N: n, Signal: data,
		Ref: strconv.FormatInt(n, 10), Num: num,
	})
	if after, _ := g.keeper.Kept(); g.w.bound > 0 && after >= g.w.bound && before == after && asking == n {
		g.w.Unkept++
		g.w.t.unkept = max(g.w.t.unkept, n)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func signals(raw []jsontext.Value) string {
	var out []string
	for _, v := range raw {
		out = append(out, number(must(proto.DecodeEvent(v)).N))
	}
	return strings.Join(out, " ")
}

// show says what a gateway says to another.
func show(m *proto.Peer) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s", m.Kind)
	if m.State != "" {
		fmt.Fprintf(&out, " %s n=%s", m.State, number(m.N))
	}
	if m.Turn > 0 {
		fmt.Fprintf(&out, " turn=%d", m.Turn)
	}
	if m.Of > 0 {
		fmt.Fprintf(&out, " of=%d", m.Of)
	}
	if m.Gateway != "" {
		fmt.Fprintf(&out, " gateway=%s", m.Gateway)
	}
	if m.Fresh {
		out.WriteString(" fresh")
	}
	for _, p := range m.Pairs {
		fmt.Fprintf(&out, " [%s→%s n=%s sure=%s", p.SenderID, p.TargetID, number(p.N), number(p.Sure))
		if p.Gateway != "" {
			fmt.Fprintf(&out, " gateway=%s", p.Gateway)
		}
		if len(p.Signals) > 0 {
			fmt.Fprintf(&out, " keeps %s", signals(p.Signals))
		}
		out.WriteString("]")
	}
	return out.String()
}
