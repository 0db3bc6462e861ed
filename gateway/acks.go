package gateway

import (
	"context"

	"github.com/parley-rtc/parley/bus"
	"github.com/parley-rtc/parley/proto"
)

// acks answers the askers of signals straight from this gateway, and tells other gateways what concerns sessions. The dispatcher only
// appends; encoding answers and publishing happen on a goroutine of their own.
type acks struct {
	g      *Gateway
	queue  *bus.Queue[ack]                             // bounded by the signals under way, which their senders bound
	encode func(to []byte, answer *proto.Event) []byte // proto.AppendEvent; set before run
}

type ack struct {
	name  proto.Name
	reply string
	room  proto.Room
	to    proto.ClientID // the target; of an error, the sender

	payload []byte // to be published as it is; nil: the answer is encoded
}

func newAcks(g *Gateway) *acks {
	return &acks{g: g, queue: bus.NewQueue[ack](), encode: proto.AppendEvent}
}

// sent confirms that a signal was queued for its target.
func (k *acks) sent(reply string, room proto.Room, to proto.ClientID) {
	k.add(ack{name: proto.SignalSent, reply: reply, room: room, to: to})
}

// notFound says that the target is not in that room here.
func (k *acks) notFound(reply string, room proto.Room, to proto.ClientID) {
	k.add(ack{name: proto.TargetNotFound, reply: reply, room: room, to: to})
}

// full says that the target's queue has no room, which may be otherwise soon.
func (k *acks) full(reply string, room proto.Room, sender proto.ClientID) {
	k.add(ack{name: proto.Error, reply: reply, room: room, to: sender})
}

// event is what an ack says.
func (a *ack) event() proto.Event {
	if a.name == proto.Error {
		return proto.Errorf(proto.CodeUnavailable, a.room, a.to, "the target has more to read than it can take at once: send it again in a moment")
	}
	return proto.Event{Name: a.name, Room: a.room, TargetID: a.to}
}

func (k *acks) add(a ack) {
	if k.g.subjects.ReplyAllowed(a.reply) {
		k.queue.Put(a)
	}
}

// tell publishes what has been encoded.
func (k *acks) tell(subject string, payload []byte) {
	k.queue.Put(ack{reply: subject, payload: payload})
}

// publish publishes one. What cannot be sent is lost: whoever waits for it asks, or pushes, again.
func (k *acks) publish(a *ack, buf []byte) []byte {
	if a.payload != nil {
		_ = k.g.conn.Publish(a.reply, a.payload) // as above
		return buf
	}
	e := a.event()
	buf = k.encode(buf[:0], &e)
	_ = k.g.conn.Publish(a.reply, buf) // as above
	return buf
}

// run publishes until the context ends.
func (k *acks) run(ctx context.Context) error {
	var batch []ack
	var buf []byte
	for {
		select {
		case <-k.queue.Bell():
		case <-ctx.Done():
			return nil
		}
		batch = k.queue.Take(batch)
		for i := range batch {
			buf = k.publish(&batch[i], buf)
		}
		clear(batch)
	}
}
