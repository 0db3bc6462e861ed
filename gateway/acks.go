package gateway

import (
	"context"
	"sync"

	"github.com/parley-rtc/parley/proto"
)

// acks answers the askers of signals straight from this gateway. The dispatcher only appends; encoding and publishing
// happen on a goroutine of their own.
type acks struct {
	g *Gateway

	mu    sync.Mutex // guards queue
	queue []ack      // bounded by the signals under way, which their senders bound
	bell  chan struct{}
}

type ack struct {
	name  proto.Name
	reply string
	room  proto.Room
	to    proto.ClientID // the target; of an error, the sender
}

func newAcks(g *Gateway) *acks { return &acks{g: g, bell: make(chan struct{}, 1)} }

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
	if !k.g.subjects.ReplyAllowed(a.reply) {
		return
	}
	k.mu.Lock()
	k.queue = append(k.queue, a)
	first := len(k.queue) == 1
	k.mu.Unlock()
	if first {
		select {
		case k.bell <- struct{}{}:
		default:
		}
	}
}

// run publishes until the context ends.
func (k *acks) run(ctx context.Context) error {
	var batch []ack
	var buf []byte
	for {
		select {
		case <-k.bell:
		case <-ctx.Done():
			return nil
		}
		k.mu.Lock()
		batch, k.queue = k.queue, batch[:0]
		k.mu.Unlock()
		for i := range batch {
			e := batch[i].event()
			buf = proto.AppendEvent(buf[:0], &e)
			_ = k.g.conn.Publish(batch[i].reply, buf) // one that cannot be sent is a lost answer: the asker asks again
		}
		clear(batch)
	}
}
