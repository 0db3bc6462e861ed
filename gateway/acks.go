package gateway

import (
	"context"

	"github.com/parley-rtc/parley/bus"
	"github.com/parley-rtc/parley/proto"
)

// acks answers the askers of signals straight from this gateway. The dispatcher only appends; encoding and publishing
// happen on a goroutine of their own.
type acks struct {
	g     *Gateway
	queue *bus.Queue[ack] // bounded by the signals under way, which their senders bound
}

type ack struct {
	name  proto.Name
	reply string
	room  proto.Room
	to    proto.ClientID
}

func newAcks(g *Gateway) *acks { return &acks{g: g, queue: bus.NewQueue[ack]()} }

// sent confirms that a signal was queued for its target.
func (k *acks) sent(reply string, room proto.Room, to proto.ClientID) {
	k.add(ack{proto.SignalSent, reply, room, to})
}

// notFound says that the target is not in that room here.
func (k *acks) notFound(reply string, room proto.Room, to proto.ClientID) {
	k.add(ack{proto.TargetNotFound, reply, room, to})
}

// notInRoom says that the sender is not in the room.
func (k *acks) notInRoom(reply string, room proto.Room) {
	k.add(ack{proto.NotInRoom, reply, room, ""})
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
			a := &batch[i]
			buf = proto.AppendEvent(buf[:0], &proto.Event{Name: a.name, Room: a.room, TargetID: a.to})
			_ = k.g.conn.Publish(a.reply, buf) // one that cannot be sent is a lost answer: the asker asks again
		}
		clear(batch)
	}
}
