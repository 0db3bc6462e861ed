package sim

import (
	"slices"
	"strconv"

	"github.com/parley-rtc/parley/proto"
)

// asked is a client's request.
type asked struct {
	proto.Frame
	at    int64
	ids   []proto.RequestID // the Parley-Requests under which it was carried out
	began int64             // when its gateway began to
	// knew is when the client had been told last that a signal's target had joined, or come back fresh.
	knew uint64
	// joined is what a leave named last.
	joined      proto.RequestID
	unavailable bool // so it was answered
}

// noteRequest notes under which Parley-Request a client's request is carried out.
func (c *client) noteRequest(a *ask) {
	if i, err := strconv.Atoi(a.Ref); err == nil && i < len(c.asked) {
		if len(c.asked[i].ids) == 0 {
			c.asked[i].began = c.w.now
		}
		c.asked[i].ids = append(c.asked[i].ids, a.ID)
		c.asked[i].joined = a.Joined
	}
}

// judgeAnswer holds an answer against its request, which it returns, and against what was true meanwhile.
func (c *client) judgeAnswer(e *proto.Event, ref string) *asked {
	if ref != strconv.Itoa(c.answered) || c.answered >= len(c.asked) {
		c.wrong(e, "it answers %s, expected the answer to %d", ref, c.answered)
		return nil
	}
	q := c.asked[c.answered]
	q.unavailable = e.Name == proto.Error && e.Code == proto.CodeUnavailable
	first := c.repeats(c.answered)
	c.answered++
	if first != q { // in doubt, and asked again: it is one request, which may have been carried out all along
		q.at, q.ids = first.at, append(q.ids, first.ids...)
	}
	if q.Name == proto.SignalSend {
		c.say(c.w.signal(q.Data), e)
		if e.Name == proto.SignalHeld {
			c.held[ref] = true
		}
	}
	if why := c.lie(q, e); why != "" {
		c.wrong(e, "%s; it asked %s for %q at %.3f", why, q.Name, q.Room, float64(q.at)/1e6)
	}
	return q
}

// repeats returns the first of those of a client's requests that one repeats: the same, in the same room, with nothing
// between, each of which was answered unavailable.
func (c *client) repeats(i int) *asked {
	first := c.asked[i]
	for _, q := range slices.Backward(c.asked[:i]) {
		switch {
		case !q.moves() || q.Room != first.Room || !first.moves():
		case q.Name == first.Name && q.unavailable:
			first = q
		default:
			return first
		}
	}
	return first
}

// lie says why an answer was true at no moment between request and answer; empty: it was.
func (c *client) lie(q *asked, e *proto.Event) string {
	if inquiries[q.Name] != "" && e.Name != proto.Error {
		return c.lieOfInquiry(q, e)
	}
	h := c.w.room(q.Room)
	ever := func(so func(*state) bool) bool { return h.ever(q.at, so) }
	switch e.Name {
	case proto.RoomJoined, proto.RoomCreated:
		s := h.at(e.Seq)
		switch {
		case s == nil && e.Name == proto.RoomCreated: // repeated: its number is made up
		case s == nil || s.seq == 0:
			return "there is no such change"
		case !ever(func(s *state) bool { return s.has(c.ID) }):
			return "it was never a member"
		case !slices.Equal(sorted(e.Unpack()), s.others(c.ID)) && (e.Name == proto.RoomJoined || len(e.Unpack()) > 0):
			return "those were not the members"
		case e.Seq < c.told(q.Room, q.at):
			return "a client had been told of a later change before it asked"
		}
	case proto.RoomExists:
		mine := func(s *state) bool {
			i := s.rec.Member(c.ID)
			return i >= 0 && s.rec.OwnerID == c.ID && slices.Contains(q.ids, s.rec.Members[i].Request)
		}
		if !ever(func(s *state) bool { return s.open() && !mine(s) }) {
			return "there was no such room, or it has just made it itself"
		}
	case proto.RoomNotExists:
		if !ever(func(s *state) bool { return !s.open() }) {
			return "there was such a room"
		}
	case proto.RoomLeft:
		// Where a late attempt of another join has made it a member of a room that replaced the one that it was in, and no event
		// has told its gateway so, the leave names the wrong membership: it is left again when a check names it.
		switch {
		case e.Kicked, q.Name != proto.RoomLeave && q.Name != proto.RoomClose,
			!ever(func(s *state) bool { return !s.hasBy(c.ID, q.joined) }):
			return "it was still a member"
		}
	case proto.NotInRoom:
		if (c.view(q.Room).in || q.Name == proto.Resume) && !ever(func(s *state) bool { return !s.has(c.ID) || !s.resumable(c.ID) }) {
			return "it was a member"
		}
	case proto.Resumed:
		if q.Name != proto.Resume {
			return "it has not asked for that"
		}
	case proto.TargetNotFound, proto.SignalSent, proto.SignalHeld:
		return c.lieOfSignal(q, e)
	case proto.Error:
		return c.lieOfError(q, e)
	default:
		return "it answers nothing"
	}
	return ""
}

// lieOfSignal is lie for what a sender hears of a signal. What signal-sent says, say judges.
func (c *client) lieOfSignal(q *asked, e *proto.Event) string {
	h, t := c.w.room(q.Room), c.w.pages[q.TargetID]
	was := h.since(0, func(s *state) bool { return s.has(t.id) })                     // it may have left, and its sender's gateway does not know yet
	gone := h.ever(q.at, func(s *state) bool { return !s.has(t.id) || !s.has(c.ID) }) // who has sent it may have been removed meanwhile
	switch {
	case q.Name != proto.SignalSend:
		return "it answers nothing"
	case e.Name == proto.SignalHeld && (t.keep == 0 || !was):
		return "its target was no member that has a key"
	case e.Name != proto.TargetNotFound:
	case t.keep > 0 && !c.w.Older:
		if !gone && !h.anew(q.knew, t.id) {
			return "its target was a member"
		}
	case t.keep == 0 && !t.conn.closed && t.view(q.Room).in && t.conn.steady(q.Room, q.at) && !gone:
		return "its target was a member, and had been told so"
	}
	return ""
}

// lieOfError is lie for an error.
func (c *client) lieOfError(q *asked, e *proto.Event) string {
	h := c.w.room(q.Room)
	ever := func(so func(*state) bool) bool { return h.ever(q.at, so) }
	switch e.Code {
	case proto.CodeRoomFull:
	case proto.CodeLocked, proto.CodeBadPassword, proto.CodeBanned, proto.CodeTooManyBans, proto.CodeRateLimited, proto.CodeBadRequest:
		return c.lieOfRefusal(q, e)
	case proto.CodeUnavailable:
		full := q.Name == proto.SignalSend && c.w.Bounds
		older := c.w.Older && (q.Policy != "" || q.Name == proto.SignalSend || inquiries[q.Name] != "") // a session may be in there as one without a key is
		if c.w.clean() && !full && !older {
			return "nothing has gone wrong"
		}
	case proto.CodeForbidden:
		return c.lieOfForbidden(q)
	case proto.CodeResumeFirst:
		earlier := ever(func(s *state) bool { return s.before(c.ID, c.Turn) })
		if q.Name == proto.Resume || q.Name == proto.SignalSend || !earlier && (!c.doubts(q) || !q.moves()) {
			return "no earlier turn was in there"
		}
	case proto.CodeTooOld:
		s := c.w.signal(q.Data)
		if !slices.ContainsFunc(c.w.lines[s.pair], func(x *signal) bool { return x.n > s.n }) && !c.w.excused(s) {
			return "no later one was sent"
		}
	default:
		return "it is no answer that fits"
	}
	return ""
}

// doubts reports whether a resume of the same room was answered unavailable before a request.
func (c *client) doubts(q *asked) bool {
	return slices.ContainsFunc(c.asked, func(x *asked) bool {
		return x.Name == proto.Resume && x.Room == q.Room && x.unavailable && x.at <= q.at
	})
}

// resumable reports whether a member's session is.
func (s *state) resumable(id proto.ClientID) bool {
	return s.has(id) && s.rec.Members[s.rec.Member(id)].Turn > 0
}

// before reports whether a member is in a room by an earlier turn.
func (s *state) before(id proto.ClientID, turn int64) bool {
	return s.resumable(id) && s.rec.Members[s.rec.Member(id)].Turn < turn
}

// told returns the last change of a room of which any client had been told at a time.
func (c *client) told(room proto.Room, at int64) uint64 {
	h := c.w.room(room)
	for _, s := range slices.Backward(h.states) {
		if s.told < at {
			return s.seq
		}
	}
	return 0
}

// steady reports whether nothing is under way of a client in a room, and was not lately.
func (c *client) steady(room proto.Room, since int64) bool {
	for _, q := range slices.Backward(c.asked) {
		if q.Room == room && q.moves() {
			i := slices.Index(c.asked, q)
			return q.at < since && c.answered > i && c.asking == nil
		}
	}
	return false
}

func sorted(ids []proto.ClientID) []proto.ClientID {
	list := append([]proto.ClientID{}, ids...)
	slices.Sort(list)
	return list
}
