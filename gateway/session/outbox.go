package session

import (
	"errors"
	"net"
	"os"
	"runtime"
	"sync"

	"github.com/parley-rtc/parley/gateway/defect"
	"github.com/parley-rtc/parley/gateway/link"
)

// Outbox holds what a client is to be told and has not been written yet. A signal that finds MaxQueue bytes waiting is
// refused. What cannot be refused, answers and room events, may fill twice that; then the client is closed as too slow.
type Outbox struct {
	s *Session

	mu      sync.Mutex // guards the fields below; never held across I/O or an encode
	waiting []link.Out
	bytes   int  // of waiting and of what the writer has in hand
	writing bool // a writer runs
	lazy    bool // something was queued that is written when Flush is called
	closed  bool // nothing more is queued
	over    bool // nothing more is written
}

// Put queues a message that cannot be refused: an answer, or what happens in a room. Those are small. With twice MaxQueue
// waiting the client is closed: it has asked for more than it reads, or has heard nothing of its rooms for long.
func (b *Outbox) Put(out link.Out) { b.put(out, false) }

// PutLazily is Put, but the message is written with the next one that is not lazy, or when Flush is called. It reports
// whether somebody has to call that: whoever queued the first.
func (b *Outbox) PutLazily(out link.Out) bool { return b.put(out, true) }

func (b *Outbox) put(out link.Out, lazily bool) (first bool) {
	first, slow := b.queue(out, lazily)
	if slow {
		b.s.host.Metrics.Overflow("outgoing")
		b.s.Close(link.TooSlow)
	}
	return first
}

// queue queues a message that cannot be refused. It reports whether that is the first that waits for Flush, and whether there
// is no room for it, after which nothing more is queued.
func (b *Outbox) queue(out link.Out, lazily bool) (first, slow bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
	case !b.fits(out, 2*int64(b.s.host.Limits.MaxQueue)):
		b.closed = true
		return false, true
	case lazily:
		b.append(out)
		first = !b.writing && !b.lazy
		b.lazy = b.lazy || first
	default:
		b.append(out)
		b.start()
	}
	return first, false
}

// Offered is what became of a signal that was offered.
type Offered uint8

// What can become of it.
const (
	Taken Offered = iota // it is queued
	Full                 // MaxQueue bytes wait: perhaps later
	Gone                 // the connection is about to end
)

// Offer queues a signal where there is room. A full queue is not slowness: the sender hears unavailable and may send again. A
// client that reads nothing is closed by its transport.
func (b *Outbox) Offer(out link.Out) Offered {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return Gone
	case !b.fits(out, int64(b.s.host.Limits.MaxQueue)):
		b.s.host.Metrics.Overflow("signals")
		return Full
	}
	b.append(out)
	b.start()
	return Taken
}

// Flush has what was queued lazily be written.
func (b *Outbox) Flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lazy = false
	b.start()
}

// busy reports whether something waits or is being written.
func (b *Outbox) busy() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.writing || len(b.waiting) > 0
}

// fits reports whether no more than most bytes wait with a message. An empty queue takes any one message, however large. With mu
// held.
func (b *Outbox) fits(out link.Out, most int64) bool {
	return len(b.waiting) == 0 || int64(b.bytes)+int64(out.Size()) <= most
}

// append appends a message. With mu held.
func (b *Outbox) append(out link.Out) {
	b.bytes += out.Size()
	b.waiting = append(b.waiting, out)
}

// start starts the writer if there is something to write and none runs. With mu held.
func (b *Outbox) start() {
	if !b.writing && len(b.waiting) > 0 && !b.over {
		b.writing = true
		b.s.host.Spawn(b.write)
	}
}

// write is the writer: it lives while there is something to write.
func (b *Outbox) write() {
	runtime.Gosched() // who is about to queue more goes first: in one process with NATS, events come one by one
	var batch []link.Out
	for {
		var more bool
		if batch, more = b.next(batch); !more {
			b.s.in.nudge()
			return
		}
		if err := b.send(batch); err != nil {
			b.fail(err)
			return
		}
	}
}

// next returns what is to be written after a batch that was, or false when there is nothing: then the writer has ended.
func (b *Outbox) next(written []link.Out) (batch []link.Out, more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range written {
		b.bytes -= written[i].Size()
	}
	if len(b.waiting) == 0 || b.over {
		b.writing, b.waiting = false, nil
		return nil, false
	}
	clear(written)
	return b.take(written[:0]), true
}

// send writes a batch. A defect in that is an error like others: it ends this client's connection.
func (b *Outbox) send(batch []link.Out) (err error) {
	defer defect.Catch("writing to a client", &err)
	if t := b.s.line(); t != nil {
		return t.Write(batch) // fail knows what was done
	}
	return net.ErrClosed
}

// inHand is how many bytes the writer takes at once, unless one message is larger: what it has written is room for more.
const inHand = 256 << 10

// take takes what is to be written next, into the batch that was written before. With mu held.
func (b *Outbox) take(batch []link.Out) []link.Out {
	if b.bytes <= inHand {
		batch, b.waiting = b.waiting, batch
		return batch
	}
	n, size := 0, 0
	for n < len(b.waiting) && (n == 0 || size+b.waiting[n].Size() <= inHand) {
		size += b.waiting[n].Size()
		n++
	}
	batch = append(batch, b.waiting[:n]...)
	clear(b.waiting[:n])
	b.waiting = b.waiting[n:]
	return batch
}

// fail drops what waits after a write that went wrong: the reader will see that the connection is over.
func (b *Outbox) fail(err error) {
	b.mu.Lock()
	b.writing, b.waiting = false, nil
	b.mu.Unlock()
	b.s.in.nudge()
	defect.Log(b.s.host.Log, err, "client", b.s.ID())
	if errors.Is(err, os.ErrDeadlineExceeded) {
		b.s.Close(link.TooSlow) // it has taken nothing for long
		return
	}
	b.s.Close(link.Internal)
}

// shut lets nothing more be queued. What waits is written.
func (b *Outbox) shut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
}

// end drops what waits.
func (b *Outbox) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed, b.over = true, true
	b.waiting = nil
}
