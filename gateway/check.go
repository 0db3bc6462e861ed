package gateway

import (
	"time"

	"github.com/parley-rtc/parley/proto"
)

// check compares what a replica believes of our members with what is so.
func (h *hub) check(payload []byte) {
	c, err := proto.DecodeCheck(payload)
	if err != nil {
		h.g.log.Warn("a check could not be read", "error", err)
		return
	}
	now := time.Now()
	for i := range c.Rooms {
		h.checkRoom(&c.Rooms[i], now)
	}
}

func (h *hub) checkRoom(c *proto.CheckRoom, now time.Time) {
	r := h.rooms[c.Room]
	if r != nil {
		r.named = now
	}
	believed := make(map[proto.ClientID]struct{}, len(c.Members))
	for _, m := range c.Members {
		believed[m.ID] = struct{}{}
		h.checkMember(r, c, m)
	}
	if r == nil || len(r.local) == 0 {
		return
	}
	if r.seq != c.Seq {
		h.askRoster(r, "check")
		return
	}
	for _, m := range r.local {
		if _, ok := believed[m.s.id]; !ok {
			h.askRoster(r, "check")
			return
		}
	}
}

// checkMember leaves for a client that a replica believes to be in a room in which the gateway does not have it.
func (h *hub) checkMember(r *room, in *proto.CheckRoom, c proto.CheckMember) {
	name := in.Room
	s := h.clients[c.ID]
	if s == nil {
		h.leaveForStranger(name, c)
		return
	}
	m := s.rooms[name]
	switch {
	case m != nil && m.index >= 0:
		if in.Seq >= r.seq && !s.busyIn(name) {
			m.joinedBy(c.Request) // the record knows best, unless it is an old one
		}
	case s.busyIn(name), m != nil:
	default:
		h.leaveGhost(s, name, c.Request)
	}
}

// leaveForStranger leaves for a client that has no session here any more.
func (h *hub) leaveForStranger(name proto.Room, c proto.CheckMember) {
	if len(h.own) > maxRosters {
		return // the next check names it again
	}
	h.g.metrics.ghosts.Inc()
	a := h.g.newOwnAsk(proto.OpLeave, name, h.g.timing.request, proto.AppendRequest(nil, proto.OpLeave, &proto.Request{
		Room: name, ClientID: c.ID, Gateway: h.g.id, Joined: c.Request, Lost: true,
	}))
	h.startOwn(a)
	h.g.spawn(func() { h.g.runOwn(a) })
}
