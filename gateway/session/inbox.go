package session

import (
	"sync"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// The bounds of a client's requests that wait for their turn: then the reader waits, and the peer with it.
const (
	maxInbox      = 64
	maxInboxBytes = 256 << 10
)

// request is a client's request in its inbox, or one that the gateway makes in the client's order.
type request struct {
	frame   proto.Frame
	err     error // to be answered with, instead of carrying it out
	code    proto.Code
	size    int
	at      time.Time       // when it was read
	ghost   proto.RequestID // errLeave: a leave of the membership that this request made
	ghostIn proto.Room
}

// inbox holds the requests that wait for their turn.
type inbox struct {
	mu      sync.Mutex // guards the fields below
	waiting []request  // at most maxInbox or maxInboxBytes, beside the gateway's own
	bytes   int
	pumping bool          // a pump runs
	over    bool          // nothing more is received
	changed chan struct{} // made by who waits; closed when something was taken from the inbox, or written
}

// receive appends what the reader has read, when there is room. It returns false once the connection has ended, and
// whether a pump has to be started.
func (b *inbox) receive(r request) (queued, start bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !b.over && len(b.waiting) > 0 && (len(b.waiting) >= maxInbox || b.bytes+r.size > maxInboxBytes) {
		changed := b.awaited()
		b.mu.Unlock()
		<-changed
		b.mu.Lock()
	}
	if b.over {
		return false, false
	}
	return true, b.append(r)
}

// push appends what the gateway makes. It reports whether a pump has to be started.
func (b *inbox) push(r request) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.append(r)
}

// append is push with mu held.
func (b *inbox) append(r request) bool {
	b.waiting = append(b.waiting, r)
	b.bytes += r.size
	if b.pumping {
		return false
	}
	b.pumping = true
	return true
}

// pop takes the next request, or notes that the pump has ended.
func (b *inbox) pop() (request, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wakeReader()
	if len(b.waiting) == 0 {
		b.waiting = nil // an idle session keeps no memory for requests
		b.pumping = false
		return request{}, false
	}
	r := b.waiting[0]
	b.waiting[0] = request{}
	b.waiting = b.waiting[1:]
	b.bytes -= r.size
	return r, true
}

// busy reports whether something waits or is carried out.
func (b *inbox) busy() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pumping
}

// length returns how many requests wait.
func (b *inbox) length() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting)
}

// end lets a reader go that waits.
func (b *inbox) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	b.wakeReader()
}

// listen returns a channel that is closed when there is less to do.
func (b *inbox) listen() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.awaited()
}

// nudge lets a reader that waits look again.
func (b *inbox) nudge() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wakeReader()
}

// awaited returns the channel that a reader waits on. With mu held.
func (b *inbox) awaited() <-chan struct{} {
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.changed
}

// wakeReader lets a reader that waits look again. With mu held.
func (b *inbox) wakeReader() {
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}
