package gateway

import (
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
	if r.waiting {
		r.keep(*k)
		return
	}
	if _, known := r.members[k.e.SenderID]; !known && k.asked {
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

// take queues a signal unless it is a repetition or has been overtaken.
func (m *membership) take(k *kept) {
	last := m.heard[k.e.SenderID]
	switch {
	case k.e.N > last || k.e.N == 0:
		if m.heard == nil {
			m.heard = make(map[proto.ClientID]int64)
		}
		m.heard[k.e.SenderID] = k.e.N
		payload := proto.StripCount(k.payload, &k.e)
		k.e.N = 0
		m.s.Send(out(k.e, payload))
	case k.e.N < last:
		return // its sender has been answered, or has given it up
	}
	m.s.g.acks.sent(k.reply, m.room.name, m.s.id)
}
