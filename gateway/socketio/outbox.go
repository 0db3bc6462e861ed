package socketio

import (
	"github.com/parley-rtc/parley/gateway/link"
)

// outbox is what waits to be taken by a poll: a session's own packets, which go first, and the batch that its client's
// session waits with. With conn.mu held.
type outbox struct {
	control [][]byte
	waits   int // bytes that control takes in memory
	batch   []link.Out
	drained chan struct{} // capacity 1: told when the batch was taken, or need not wait any longer
}

// Packets of a session's own are answers to what its client sent (pongs, refused namespaces): a client that has many made
// for it and takes none is too slow.
const (
	maxControl  = 256 << 10 // bytes; one packet fits in any case
	controlCost = 32        // bytes that a packet takes beside its own
)

// queue appends a packet of the session's own. It reports false, and drops it, when too many wait.
func (o *outbox) queue(packet []byte) bool {
	cost := len(packet) + controlCost
	if len(o.control) > 0 && o.waits+cost > maxControl {
		return false
	}
	o.control = append(o.control, packet)
	o.waits += cost
	return true
}

// takeControl takes all packets of the session's own.
func (o *outbox) takeControl() [][]byte {
	control := o.control
	o.control, o.waits = nil, 0
	return control
}

// release lets the writer that waits with a batch look again.
func (o *outbox) release() {
	if o.drained == nil {
		return
	}
	select {
	case o.drained <- struct{}{}:
	default:
	}
}

// empty reports whether nothing waits.
func (o *outbox) empty() bool { return len(o.control) == 0 && len(o.batch) == 0 }

// take moves packets into a payload as long as it holds no more than limit bytes then; the first fits in any case.
func (o *outbox) take(p *payload, limit int) {
	for len(o.control) > 0 && p.fits(o.control[0], limit) {
		p.add(o.control[0])
		o.waits -= len(o.control[0]) + controlCost
		o.control = o.control[1:]
	}
	if len(o.control) == 0 {
		o.control = nil
	}
	var scratch []byte
	for len(o.batch) > 0 && o.control == nil {
		scratch = appendOut(scratch[:0], o.batch[0])
		if !p.fits(scratch, limit) {
			return
		}
		p.add(scratch)
		o.batch = o.batch[1:]
		if len(o.batch) == 0 {
			o.batch = nil
			o.release()
		}
	}
}
