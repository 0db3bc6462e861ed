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
	to    proto.ClientID
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
			a := &batch[i]
			buf = proto.AppendEvent(buf[:0], &proto.Event{Name: a.name, Room: a.room, TargetID: a.to})
			_ = k.g.conn.Publish(a.reply, buf) // one that cannot be sent is a lost answer: the asker asks again
		}
		clear(batch)
	}
}
