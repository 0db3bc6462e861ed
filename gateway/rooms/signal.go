package rooms

import (
	"maps"
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// deliver queues a signal for its target, keeps it while the target or the sender is about to be known, or answers that the
// target is not here.
func (c *Core) deliver(k *kept) {
	cl, r := c.clients[k.to], c.rooms[k.e.Room]
	if cl == nil || r == nil {
		c.ack(proto.TargetNotFound, k)
		return
	}
	if k.push != nil {
		c.take(k.push)
		return
	}
	m := r.memberOf(k.to)
	if j := r.joiningOf(cl); j != nil && m == nil {
		if k = c.own(k); c.hold(r, k) {
			j.signals.list = append(j.signals.list, k)
		}
		return
	}
	switch {
	case m == nil || m.own == nil && m.c.stage != connected:
		c.ack(proto.TargetNotFound, k)
		return
	case m.own != nil: // a replica that knows the target's record has it pushed. Without an answer another is asked
		return
	}
	known := r.members.has(k.e.SenderID)
	switch {
	case r.sync != level && (!known || r.keepsNews()):
		r.keep(c.own(k))
	case known:
		m.hearSignal(k)
	case k.looked:
		c.ack(proto.NotInRoom, k) // it has left meanwhile
	default:
		k.looked = true
		r.keep(c.own(k))
		c.askRoster(r, Sender)
	}
}

// keepsNews reports whether something is kept that the members here have not been told. Without it there is no gap: the
// roster is asked for to be sure, as after a reconnection, and signals need not wait for the stream's leader.
func (r *room) keepsNews() bool {
	return slices.ContainsFunc(r.kept.list, func(k *kept) bool { return k.isSignal() || k.e.Seq > r.seq })
}

// hearSignal queues a signal unless it is a repetition or has been overtaken.
func (m *membership) hearSignal(k *kept) {
	last := m.lastN[k.e.SenderID]
	switch {
	case k.e.N > last || k.e.N == 0 && last == 0:
		m.count(k.e.SenderID, k.e.N)
		c := m.room.core
		c.emit(Out{Kind: Deliver, To: c.one(m.c), Event: &k.e, Payload: k.payload, Reply: k.reply})
	case k.e.N < last: // its sender has been answered, or has given it up
	case m.room.core.delivers(m.c, &k.e):
		// Two attempts of it were kept. Whether the queue takes it is not known yet, and its sender hears that by the first.
	default:
		m.room.core.ack(proto.SignalSent, k)
	}
}

// delivers reports whether a signal is delivered by this step.
func (c *Core) delivers(cl *Client, e *proto.Event) bool {
	return slices.ContainsFunc(c.outs, func(o Out) bool {
		return o.Kind == Deliver && o.To[0] == cl && o.Event.Room == e.Room && o.Event.SenderID == e.SenderID && o.Event.N == e.N
	})
}

// refused takes back that a client has heard a signal: its queue did not take it. A repetition is delivered then.
func (c *Core) refused(cl *Client, e *proto.Event) {
	lastN := cl.parted[e.Room].lastN
	if m := cl.rooms[e.Room]; m != nil {
		lastN = m.lastN
	}
	if last, ok := lastN[e.SenderID]; ok && last == e.N {
		lastN[e.SenderID] = e.N - 1
	}
}

// count notes a sender's last signal. Senders that have left are forgotten when they have become many.
func (m *membership) count(sender proto.ClientID, n int64) {
	const few = 32
	if m.lastN == nil {
		m.lastN = make(map[proto.ClientID]int64)
	}
	m.lastN[sender] = n
	if len(m.lastN) > 2*len(m.room.members.at)+few {
		maps.DeleteFunc(m.lastN, func(id proto.ClientID, _ int64) bool { return !m.room.members.has(id) })
	}
}

// parted is what a client has heard of whom in a room that it left: one of those signals may still come again, when it is
// back in the room.
type parted struct {
	lastN map[proto.ClientID]int64
	at    int64
}

// part keeps what was heard for as long as an attempt may still be on its way.
func (m *membership) part() {
	if len(m.lastN) == 0 {
		return
	}
	c := m.room.core
	if m.c.parted == nil {
		m.c.parted = make(map[proto.Room]parted)
	}
	maps.DeleteFunc(m.c.parted, func(_ proto.Room, p parted) bool { return c.now-p.at > c.cfg.Repeats })
	m.c.parted[m.room.name] = parted{lastN: m.lastN, at: c.now}
	m.lastN = nil
}
