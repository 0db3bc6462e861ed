package gateway

import (
	"github.com/parley-rtc/parley/gateway/keeper"
	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/proto"
)

// refused is a signal that its target's queue did not take.
type refused struct {
	kind   rooms.InKind // Refused or PushRefused
	client *rooms.Client
	event  proto.Event
}

// of returns the session of a core's client.
func of(c *rooms.Client) *session.Session { return c.Peer.(*session.Session) } // open made it so

// carryOut does what the core says.
func (d *dispatcher) carryOut(o *rooms.Out) {
	switch o.Kind {
	case rooms.Member:
		d.peers.enter(of(o.To[0]), o.Room, o.Joined)
		d.knockEnds(of(o.To[0]), o.Room)
	case rooms.Parted:
		d.g.trust.users.lost(of(o.To[0]), o.Room)
		d.peers.leave(of(o.To[0]), o.Room)
		d.lessen(of(o.To[0]))
	case rooms.Disowned:
		d.g.trust.users.lost(of(o.To[0]), o.Room)
	case rooms.Tell:
		d.tell(o)
	case rooms.Deliver:
		d.deliver(o)
	case rooms.Ack:
		d.acks.add(ack{name: o.Name, reply: o.Reply, room: o.Room, to: o.ID})
	case rooms.Resolve:
		s := of(o.To[0])
		d.noteOutcome(o.Outcome)
		s.Resolve(s.Asking(), o.Outcome)
	case rooms.AskRoster:
		d.own.askRoster(o)
	case rooms.LeaveStranger:
		d.own.leaveStranger(o)
	case rooms.QueueLeave:
		if o.Joined != "" {
			d.g.metrics.ghosts.Inc()
		}
		of(o.To[0]).QueueLeave(o.Room, o.Joined)
	case rooms.Dropped:
		d.g.metrics.overflows.WithLabelValues("kept").Add(float64(o.Num))
	case rooms.Forget:
		delete(d.sessions, of(o.To[0]).Num)
		d.departed--
	default:
		d.carryOutSession(o)
	}
}

// carryOutSession does what the core says of resumable sessions.
func (d *dispatcher) carryOutSession(o *rooms.Out) {
	switch o.Kind {
	case rooms.Oust:
		of(o.To[0]).Close(link.Resumed)
	case rooms.DeliverPush:
		d.deliverPush(o)
	case rooms.Ping:
		d.ping(of(o.To[0]), o.Num)
	case rooms.Post:
		d.postTo(o.Gateway, o.Say)
	case rooms.StayIs:
		stay := copied(o.Stay)
		d.peers.of(o.Room).Set(o.ID, stay)
		d.keep(&keeper.In{Kind: keeper.StayIs, Room: o.Room, ID: o.ID, Stay: stay})
	case rooms.Here:
		s := of(o.To[0])
		d.keep(&keeper.In{
			Kind: keeper.Here, Room: o.Room, ID: s.ID(), Peer: s, Turn: s.About.Turn, Stay: copied(o.Stay), Before: o.Before,
			Fresh: o.Fresh, Seq: o.Num, Address: s.About.Address,
		})
	case rooms.NotHere:
		d.keep(&keeper.In{Kind: keeper.NotHere, Room: o.Room, ID: o.To[0].ID, Turn: o.To[0].Turn, Gateway: o.Gateway, Stay: copied(o.Stay)})
	case rooms.KeepAnew:
		d.keepAnew(of(o.To[0]))
	default:
	}
}

// copied returns a stay that stays as it is.
func copied(stay *proto.Stay) *proto.Stay {
	if stay == nil {
		return nil
	}
	return new(*stay)
}

// message returns an event to be queued: with its bytes as they came over NATS, or with none, encoded by the first writer.
func message(e *proto.Event, payload []byte) link.Out {
	if payload == nil {
		return link.Out{Message: link.NewMessage(*e)}
	}
	return link.Out{Message: link.NewEncoded(*e, payload)}
}

// tell queues an event for everybody who is to hear it.
func (d *dispatcher) tell(o *rooms.Out) {
	switch o.Event.Name {
	case proto.Live:
		d.g.metrics.live(o.Event)
	case proto.RoomCreated:
		d.g.trust.users.created(of(o.To[0]), o.Event.Room)
	default:
	}
	m := message(d.peers.policed(o.Event), o.Payload)
	m.Ref = o.Ref
	for _, c := range o.To {
		s := of(c)
		if o.Lazy == 0 {
			s.Send(m)
		} else if s.Out.PutLazily(m) {
			d.lazy.add(s)
		}
	}
	if o.Lazy > 0 {
		d.lazy.soon(o.Lazy)
	}
}

// deliver queues a signal for its target without the sender's count, and confirms it.
func (d *dispatcher) deliver(o *rooms.Out) {
	e := *o.Event
	payload := proto.StripCount(o.Payload, &e)
	e.N = 0
	switch of(o.To[0]).Out.Offer(message(&e, payload)) {
	case session.Taken:
		d.acks.sent(o.Reply, e.Room, o.To[0].ID)
		return
	case session.Full:
		d.acks.full(o.Reply, e.Room, e.SenderID)
	case session.Gone:
		d.acks.notFound(o.Reply, e.Room, o.To[0].ID)
	}
	d.refused = append(d.refused, refused{rooms.Refused, o.To[0], *o.Event})
}
