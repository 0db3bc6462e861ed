package socketio

import (
	"github.com/parley-rtc/parley/gateway/link"
)

// outbox is what waits to be taken by a poll: a session's own packets, which go first, and the batch that its client's
// session waits with. With conn.mu held.
type outbox struct {
	control [][]byte
	batch   []link.Out
	drained chan struct{} // capacity 1: told when the batch was taken, or need not wait any longer
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

// take moves packets into a payload until it holds about limit bytes.
func (o *outbox) take(p *payload, limit int) {
	for len(o.control) > 0 && len(p.buf) < limit {
		p.add(o.control[0])
		o.control = o.control[1:]
	}
	if len(o.control) == 0 {
		o.control = nil
	}
	var scratch []byte
	for len(o.batch) > 0 && len(p.buf) < limit && o.control == nil {
		scratch = appendOut(scratch[:0], o.batch[0])
		p.add(scratch)
		o.batch = o.batch[1:]
		if len(o.batch) == 0 {
			o.batch = nil
			o.release()
		}
	}
}
