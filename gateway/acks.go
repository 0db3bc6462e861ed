package gateway

import (
	"context"

	"github.com/parley-rtc/parley/bus"
	"github.com/parley-rtc/parley/proto"
)

// acks answers the askers of signals straight from this gateway. The dispatcher only appends; encoding and publishing
// happen on a goroutine of their own.
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
}

func newAcks(g *Gateway) *acks {
	return &acks{g: g, queue: bus.NewQueue[ack](), encode: proto.AppendEvent}
}

// sent confirms that a signal was queued for its target.
func (k *acks) sent(reply string, room proto.Room, to proto.ClientID) {
	k.add(ack{proto.SignalSent, reply, room, to})
}

// notFound says that the target is not in that room here.
func (k *acks) notFound(reply string, room proto.Room, to proto.ClientID) {
	k.add(ack{proto.TargetNotFound, reply, room, to})
}

// full says that the target's queue has no room, which may be otherwise soon.
func (k *acks) full(reply string, room proto.Room, sender proto.ClientID) {
	k.add(ack{proto.Error, reply, room, sender})
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
			e := batch[i].event()
			buf = k.encode(buf[:0], &e)
			_ = k.g.conn.Publish(batch[i].reply, buf) // one that cannot be sent is a lost answer: the asker asks again
		}
		clear(batch)
	}
}
