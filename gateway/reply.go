package gateway

import (
	"cmp"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
)

// noResponders is the status with which NATS answers a request that nobody listens for.
const noResponders = "503"

// reply handles the answer to an attempt.
func (h *hub) reply(token string, m *nats.Msg) {
	num, askNum, attempt, ok := parseReplyToken(token)
	if !ok {
		h.g.metrics.stray.Inc()
		return
	}
	s := h.sessions[num]
	var a *ask
	if num == 0 {
		a = h.own[askNum]
	} else if s != nil {
		if a = s.asking.Load(); a != nil && a.num != askNum {
			a = nil
		}
	}
	if len(m.Data) == 0 {
		if a != nil && m.Header.Get("Status") == noResponders {
			a.noResponder(attempt)
		}
		return
	}
	if a != nil && a.op == proto.OpSignal && isSent(m.Data) {
		h.sent(s, a)
		return
	}
	e, err := proto.DecodeEvent(m.Data)
	bears := proto.RequestID(m.Header.Get(proto.HeaderRequest))
	switch {
	case err != nil:
		h.g.log.Warn("an answer could not be read", "error", err)
	case a == nil:
		h.late(s, cmp.Or(bears, h.g.requestID(num, askNum)), &e)
	case num == 0:
		h.ownAnswer(askNum, a, &e)
	default:
		a.bears = bears
		h.answer(s, a, &e, m.Data)
	}
}

// late meets an answer that makes a member of a client whom the gateway does not have there with a leave.
func (h *hub) late(s *session, id proto.RequestID, e *proto.Event) {
	if s == nil || e.Name != proto.RoomCreated && e.Name != proto.RoomJoined {
		return
	}
	if s.rooms[e.Room] == nil && !s.busyIn(e.Room) {
		h.leaveGhost(s, e.Room, id)
	}
}

// leaveGhost ends a membership that a client has and should not have.
func (h *hub) leaveGhost(s *session, room proto.Room, joined proto.RequestID) {
	h.g.metrics.ghosts.Inc()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.push(request{at: time.Now(), ghost: joined, ghostIn: room})
}

// busyIn reports whether a request of the client's is under way in a room.
func (s *session) busyIn(room proto.Room) bool {
	a := s.asking.Load()
	return a != nil && a.room == room && a.op != proto.OpSignal
}
