package gateway

import (
	"maps"
	"slices"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// signal handles a signal for one of our clients.
func (h *hub) signal(to proto.ClientID, payload []byte, reply string) {
	e, err := proto.DecodeEvent(payload)
	if err != nil || e.Name != proto.SignalReceive {
		h.g.log.Warn("a signal could not be read", "event", string(e.Name), "error", err)
		return
	}
	h.deliver(&kept{e: e, payload: payload, reply: reply, to: to})
}

// deliver queues a signal for its target and confirms it, keeps it while the target or the sender is about to be known,
// or answers that the target is not here.
func (h *hub) deliver(k *kept) {
	s, r := h.clients[k.to], h.rooms[k.e.Room]
	if s == nil || r == nil {
		h.g.acks.notFound(k.reply, k.e.Room, k.to)
		return
	}
	if j := r.joiningOf(s); j != nil && r.member(s) == nil {
		if len(j.signals) < maxKept {
			j.signals = append(j.signals, *k)
		}
		return
	}
	m := r.member(s)
	if m == nil {
		h.g.acks.notFound(k.reply, k.e.Room, k.to)
		return
	}
	known := r.members.has(k.e.SenderID)
	if r.waiting && (!known || r.keepsNews()) {
		r.keep(*k)
		return
	}
	if !known && k.asked {
		h.g.acks.notInRoom(k.reply, r.name) // it has left meanwhile
		return
	} else if !known {
		k.asked = true
		r.keep(*k)
		h.askRoster(r, "sender")
		return
	}
	m.take(k)
}

// keepsNews reports whether something is kept that the members here have not been told. Without it there is no gap: the
// roster is asked for to be sure, as after a reconnection, and signals need not wait for the stream's leader.
func (r *room) keepsNews() bool {
	return slices.ContainsFunc(r.kept, func(k kept) bool { return k.reply != "" || k.e.Seq > r.seq })
}

// take queues a signal unless it is a repetition or has been overtaken. One for which there is no room does not count as
// heard, so that the same again is not confirmed.
func (m *membership) take(k *kept) {
	last := m.heard[k.e.SenderID]
	switch {
	case k.e.N > last || k.e.N == 0 && last == 0:
		payload := proto.StripCount(k.payload, &k.e)
		n := k.e.N
		k.e.N = 0
		switch m.s.offer(out(k.e, payload)) {
		case gone:
			m.s.g.acks.notFound(k.reply, m.room.name, m.s.id)
			return
		case full:
			m.s.g.acks.full(k.reply, m.room.name, k.e.SenderID)
			return
		case taken:
		}
		m.count(k.e.SenderID, n)
	case k.e.N < last:
		return // its sender has been answered, or has given it up
	}
	m.s.g.acks.sent(k.reply, m.room.name, m.s.id)
}

// count notes a sender's last signal. Senders that have left are forgotten when they have become many.
func (m *membership) count(sender proto.ClientID, n int64) {
	const few = 32
	if m.heard == nil {
		m.heard = make(map[proto.ClientID]int64)
	}
	m.heard[sender] = n
	if len(m.heard) > 2*len(m.room.members.at)+few {
		maps.DeleteFunc(m.heard, func(id proto.ClientID, _ int64) bool { return !m.room.members.has(id) })
	}
}

// parted is what a client has heard of whom in a room that it left: one of those signals may still come again, when it is
// back in the room.
type parted struct {
	heard map[proto.ClientID]int64
	at    time.Time
}

// part keeps what was heard for as long as an attempt may still be on its way.
func (m *membership) part() {
	if len(m.heard) == 0 {
		return
	}
	now := time.Now()
	if m.s.parted == nil {
		m.s.parted = make(map[proto.Room]parted)
	}
	maps.DeleteFunc(m.s.parted, func(_ proto.Room, p parted) bool { return now.Sub(p.at) > 2*m.s.g.timing.signal })
	m.s.parted[m.room.name] = parted{heard: m.heard, at: now}
	m.heard = nil
}
