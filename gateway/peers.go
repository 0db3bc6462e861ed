package gateway

import (
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/keeper"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/proto"
)

// loop is what waits to be handled after what is handled now: what the gateway says to itself as one gateway to another, and what the
// keeper wants of the core. So neither is stepped while what it said is carried out. The dispatcher owns it.
type loop struct {
	waiting []looped
	posted  bool // a command is on its way that goes on with it
}

// looped is one of them; one field is set.
type looped struct {
	push    *proto.Push
	say     *proto.Peer
	compare proto.Room
}

func (l *loop) add(one looped) { l.waiting = append(l.waiting, one) }

// hops is how many of them are handled before something else has its turn.
const hops = 1024

// runLoop handles what waits in the loop, and what that leads to.
func (d *dispatcher) runLoop() {
	for range hops {
		if len(d.loop.waiting) == 0 {
			d.loop.waiting = nil
			return
		}
		one := d.loop.waiting[0]
		d.loop.waiting[0] = looped{}
		d.loop.waiting = d.loop.waiting[1:]
		switch {
		case one.push != nil:
			d.step(&rooms.In{Kind: rooms.Push, Push: one.push})
		case one.say != nil:
			d.peer(one.say)
		default:
			d.step(&rooms.In{Kind: rooms.CompareRoom, Say: &proto.Peer{Room: one.compare}})
		}
	}
	if !d.loop.posted {
		d.loop.posted = true
		d.post(command{loop: true})
	}
}

// push hands signals to a target's gateway.
func (d *dispatcher) push(to proto.GatewayID, p *proto.Push) {
	if to == d.g.id {
		own := *p
		own.Signals = slices.Clone(p.Signals)
		d.loop.add(looped{push: &own})
		return
	}
	d.acks.tell(d.g.subjects.GatewayPush(to), proto.AppendPush(nil, p))
}

// postTo tells a gateway something of sessions.
func (d *dispatcher) postTo(to proto.GatewayID, say *proto.Peer) {
	own := *say
	own.From = d.g.id
	if to == d.g.id {
		own.Pairs = slices.Clone(say.Pairs)
		d.loop.add(looped{say: &own})
		return
	}
	d.acks.tell(d.g.subjects.GatewayPeer(to), proto.AppendPeer(nil, &own))
}

// pushed handles signals that another gateway hands over.
func (d *dispatcher) pushed(m *nats.Msg) {
	p, err := decoded(proto.DecodePush, m.Data)
	if err != nil {
		d.unreadable("a push", m, err)
		return
	}
	d.step(&rooms.In{Kind: rooms.Push, Push: &p})
}

// told handles what another gateway says of sessions.
func (d *dispatcher) told(m *nats.Msg) {
	say, err := decoded(proto.DecodePeer, m.Data)
	if err != nil {
		d.unreadable("what a gateway says", m, err)
		return
	}
	d.peer(&say)
}

// peer gives what a gateway says to whom it concerns.
func (d *dispatcher) peer(say *proto.Peer) {
	switch say.Kind {
	case proto.Pushed:
		d.keep(&keeper.In{Kind: keeper.Pushed, Say: say})
	case proto.Confirm:
		d.keep(&keeper.In{Kind: keeper.Confirm, Say: say})
	case proto.Ask:
		d.keep(&keeper.In{Kind: keeper.Asked, Say: say})
	case proto.HandedOver:
		d.keep(&keeper.In{Kind: keeper.HandedOver, Say: say})
	case proto.HandOver: // the old turn is closed first: what is handed over is all there is
		d.step(&rooms.In{Kind: rooms.Elsewhere, Say: say})
		d.keep(&keeper.In{Kind: keeper.HandOver, Say: say})
	case proto.Told:
		d.step(&rooms.In{Kind: rooms.Told, Say: say})
	case proto.Away:
		d.step(&rooms.In{Kind: rooms.Hint, Say: say})
	default:
		d.g.metrics.stray.Inc() // of a later version
	}
}

// whoIsAway answers somebody who asks which members of a room are away here.
func (d *dispatcher) whoIsAway(m *nats.Msg) {
	var asked struct {
		Room proto.Room `json:"room"`
	}
	if !d.g.subjects.ReplyAllowed(m.Reply) || json.Unmarshal(m.Data, &asked) != nil {
		d.g.metrics.stray.Inc()
		return
	}
	answer, err := json.Marshal(struct {
		Clients []proto.ClientID `json:"clients"`
	}{d.absentFrom(asked.Room)})
	if err != nil {
		return // ids are text
	}
	d.acks.tell(m.Reply, answer)
}

// resumables are, for each room with members here, those whose sessions are resumable, for the pumps to read. The dispatcher owns them.
type resumables struct {
	by    map[proto.Room]*resumable
	alone []proto.Room // those that nobody here was in when they were looked at last
}

// resumable are those of one room.
type resumable struct {
	session.Peers
	users  int          // members here that read it
	policy proto.Policy // of a room that was created with one, as far as that is known here
}

// of returns those of a room, made if need be.
func (r *resumables) of(room proto.Room) *resumable {
	p := r.by[room]
	if p == nil {
		p = &resumable{}
		r.by[room] = p
		r.alone = append(r.alone, room)
	}
	return p
}

// learn takes note of a room's policy: of one that was created here by what was asked for, of others by what a replica says, which says
// nothing of close. So of a room that was created elsewhere with close it is not known that it was created with a policy.
func (r *resumables) learn(a *ask.Ask, e *proto.Event) {
	switch {
	case e.Name == proto.RoomCreated && a != nil && (a.Policy != "" || r.by[e.Room] != nil):
		r.of(e.Room).policy = a.Policy
	case e.Name != proto.RoomCreated && e.Policy != "":
		r.of(e.Room).policy = e.Policy
	}
}

// policed returns an event that says why somebody is gone with the policy of its room, for those who are told reasons only in rooms
// that were created with one.
func (r *resumables) policed(e *proto.Event) *proto.Event {
	p := r.by[e.Room]
	if p == nil || p.policy == "" || e.Name != proto.ClientLeft && e.Name != proto.RoomLeft {
		return e
	}
	with := *e
	with.Policy = p.policy
	return &with
}

// enter notes by which request a client is in a room.
func (r *resumables) enter(s *session.Session, room proto.Room, joined proto.RequestID) {
	p := r.of(room)
	if _, in := s.Rooms.Joined(room); !in {
		p.users++
	}
	s.Rooms.Set(room, joined, &p.Peers)
}

// leave notes that a client is not in a room any more.
func (r *resumables) leave(s *session.Session, room proto.Room) {
	if _, in := s.Rooms.Joined(room); !in {
		return
	}
	s.Rooms.Drop(room)
	r.left(room)
}

// leaveAll notes that a client is in no room any more.
func (r *resumables) leaveAll(s *session.Session) {
	for room := range s.Rooms.All() {
		r.left(room)
	}
	s.Rooms.Clear()
}

func (r *resumables) left(room proto.Room) {
	if p := r.by[room]; p != nil {
		if p.users--; p.users <= 0 {
			r.alone = append(r.alone, room)
		}
	}
}

// sweep forgets the rooms that nobody here is in.
func (r *resumables) sweep() {
	for _, room := range r.alone {
		if p := r.by[room]; p != nil && p.users <= 0 {
			delete(r.by, room)
		}
	}
	r.alone = r.alone[:0]
}
