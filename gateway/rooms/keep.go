package rooms

import "github.com/parley-rtc/parley/proto"

// kept is a room event, or a signal for to, that cannot be told yet.
type kept struct {
	e       proto.Event
	payload []byte
	reply   string // signals
	to      proto.ClientID
	looked  bool        // a signal for whose sender a roster has been asked for
	stay    *proto.Stay // an event: that of the member who joined or came back, if it is resumable
	message string      // an event: a word to who was removed by it
	push    *pushed     // signals that a keeper has pushed, and not one that a replica has relayed
	holds   int         // how many keep it
}

// keep is a list of what is kept of one room, with the bytes that it takes. The zero value is empty.
type keep struct {
	list []*kept
	room int // bytes of the room's own list and of what those who join it hold
}

// fixed is what something kept takes beside its payload.
const fixed = 512

func (k *kept) size() int {
	if k.push != nil {
		return k.push.bytes()
	}
	return fixed + len(k.payload) + len(k.reply)
}

// isSignal reports whether a signal is kept, and not an event.
func (k *kept) isSignal() bool { return k.e.Name == proto.SignalReceive }

// own returns something kept that outlives the step: most signals are delivered at once and need no memory of their own.
func (c *Core) own(k *kept) *kept {
	if k != &c.signal {
		return k
	}
	own := *k
	return &own
}

// hold counts something that is kept once more of a room, and reports whether there is room for it. What there is no room
// for is missed: an event shows as a gap later, a signal's asker hears no answer and asks again.
func (c *Core) hold(r *room, k *kept) bool {
	if k.holds == 0 {
		if size := k.size(); c.keptBytes+size > c.cfg.MaxKept || r.kept.room+size > c.cfg.MaxKeptOne {
			c.dropped++
			return false
		}
		c.keptBytes += k.size()
		r.kept.room += k.size()
	}
	k.holds++
	return true
}

// release is the end of a hold.
func (c *Core) release(r *room, k *kept) {
	if k.holds--; k.holds == 0 {
		c.keptBytes -= k.size()
		r.kept.room -= k.size()
	}
}

// keep holds on to what cannot be told yet.
func (r *room) keep(k *kept) {
	if r.core.hold(r, k) {
		r.kept.list = append(r.kept.list, k)
	}
}

// empty takes everything out of a list. What it returns is not held any more.
func (c *Core) empty(r *room, list *[]*kept) []*kept {
	was := *list
	*list = nil
	for _, k := range was {
		c.release(r, k)
	}
	return was
}

// refuseKept answers the signals that were kept for somebody who is not here, and forgets the events.
func (c *Core) refuseKept(r *room, l *keep) {
	for _, k := range c.empty(r, &l.list) {
		if k.isSignal() {
			c.ack(proto.TargetNotFound, k)
		}
	}
}

// end forgets the events that were kept for a client that joined, and returns the signals.
func (c *Core) end(r *room, j *joining) (events, signals []*kept) {
	return c.empty(r, &j.kept), c.empty(r, &j.signals.list)
}

// refuse forgets what was kept for a client that is no member, and answers the signals.
func (c *Core) refuse(r *room, j *joining) {
	c.empty(r, &j.kept)
	c.refuseKept(r, &j.signals)
}

// arrived returns a kept event as it came.
func (k *kept) arrived() *arrived {
	return &arrived{event: &k.e, payload: k.payload, stay: k.stay, message: k.message, kept: k}
}
