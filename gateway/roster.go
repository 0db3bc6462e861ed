package gateway

import (
	"time"

	"github.com/parley-rtc/parley/proto"
)

// maxRosters is how many rosters are asked for at once, so that a reconnection does not become a storm.
const maxRosters = 32

// askRoster asks for a room's roster; until it has come, what comes for the room is kept.
func (h *hub) askRoster(r *room, reason string) {
	if r.waiting || len(r.local) == 0 {
		return
	}
	h.g.metrics.rosters.WithLabelValues(reason).Inc()
	r.waiting = true
	h.startRoster(r)
}

// startRoster sends the request, or queues it behind others.
func (h *hub) startRoster(r *room) {
	if h.asking >= maxRosters {
		if !r.queued {
			r.queued = true
			h.rosters = append(h.rosters, r)
		}
		return
	}
	h.sendRoster(r, false)
}

func (h *hub) sendRoster(r *room, again bool) {
	h.asking++
	a := h.g.newOwnAsk(proto.OpRoster, r.name, h.g.timing.request,
		proto.AppendRequest(nil, proto.OpRoster, &proto.Request{Room: r.name}))
	a.again = again
	r.roster = a
	h.startOwn(a)
	h.g.spawn(func() { h.g.runOwn(a) })
}

// nextRoster lets the next room have its turn.
func (h *hub) nextRoster() {
	h.asking--
	for len(h.rosters) > 0 {
		r := h.rosters[0]
		h.rosters = h.rosters[1:]
		r.queued = false
		if r.waiting && h.rooms[r.name] == r {
			h.sendRoster(r, false)
			return
		}
	}
}

// startOwn notes a request of the gateway's own, so that its answer is found.
func (h *hub) startOwn(a *ask) { h.own[a.num] = a }

// ownAnswer handles the answer to a request of the gateway's own.
func (h *hub) ownAnswer(num uint64, a *ask, e *proto.Event) {
	delete(h.own, num)
	outcome := outcomeOK
	if e.Name == proto.Error {
		outcome = outcomeUnavailable
	}
	a.resolve(outcome)
	if a.op != proto.OpRoster {
		return
	}
	h.nextRoster()
	r := h.rooms[a.room]
	if r == nil || !r.waiting || r.roster != a { // an earlier one may be of a room that was closed since
		return
	}
	switch e.Name {
	case proto.Roster:
		if e.Seq < r.seq && !a.again {
			h.sendRoster(r, true)
			return
		}
		r.level(e.Clients, e.Seq)
	case proto.RoomNotExists:
		r.level(nil, r.seq)
	default:
		r.retry = true
		return
	}
	r.replay()
	h.dropIfEmpty(r)
}

// ownGivenUp ends a request of the gateway's own that nobody answered in time.
func (h *hub) ownGivenUp(a *ask) {
	delete(h.own, a.num)
	a.resolve(outcomeUnavailable)
	if a.op != proto.OpRoster {
		return
	}
	h.nextRoster()
	if r := h.rooms[a.room]; r != nil && r.waiting && r.roster == a {
		r.retry = true
	}
}

// newOwnAsk makes a request of the gateway's own.
func (g *Gateway) newOwnAsk(op proto.Op, room proto.Room, patience time.Duration, payload []byte) *ask {
	num := g.ownNum.Add(1)
	return &ask{
		op: op, room: room, num: num, id: g.requestID(0, num), payload: payload,
		deadline: time.Now().Add(patience), wake: make(chan struct{}, 1), stopped: g.stopped,
	}
}

// runOwn carries out a request of the gateway's own that the dispatcher knows of, and returns its outcome.
func (g *Gateway) runOwn(a *ask) int32 {
	if !g.run(a, newSender()) {
		g.hub.post(command{giveUp: a})
		a.over()
	}
	return a.outcome.Load()
}
