package sim

import (
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// view is a room as one client has heard it.
type view struct {
	in      bool
	seq     uint64
	members []proto.ClientID
	since   map[proto.ClientID]uint64 // when it was told last that a member joined or came back fresh
	back    map[proto.ClientID]uint64 // or came back at all
	away    map[proto.ClientID]bool

	// Of a session.
	old    bool // an earlier turn was in there, or may have been: it has to be resumed
	fresh  bool // the page was loaded anew since
	keeps  bool // it is a resumable member there
	live   bool
	again  bool                     // it has joined again before it was live: that may have begun a new stay
	stayAt int64                    // when it joined, or came back fresh, last
	asked  *asked                   // the request that was answered so
	heard  map[proto.ClientID]int64 // by sender, the number of the last signal
	passed map[proto.ClientID]int64 // what it took as heard, since its sender was in lost
	unread map[proto.ClientID]int64 // what the page's end has had, and the page has not read

	owner proto.ClientID // "": nobody
	about shown          // what stands about the room
	who   map[proto.ClientID]who
	came  uint64 // when it joined, or came back

	began int64                  // when this stay did
	last  map[proto.ClientID]int // the last signal of a sender, by its number among all
}

func (p *page) view(room proto.Room) *view {
	v := p.views[room]
	if v == nil {
		v = &view{live: true}
		v.forget(0)
		p.views[room] = v
	}
	return v
}

// forget begins a new stay.
func (v *view) forget(now int64) {
	v.began, v.last = now, make(map[proto.ClientID]int)
	v.heard, v.passed = make(map[proto.ClientID]int64), make(map[proto.ClientID]int64)
	v.unread = make(map[proto.ClientID]int64)
	v.since, v.back = make(map[proto.ClientID]uint64), make(map[proto.ClientID]uint64)
	v.away = make(map[proto.ClientID]bool)
	v.who = make(map[proto.ClientID]who)
	v.old, v.fresh, v.live = false, false, true
}

func (c *client) view(room proto.Room) *view { return c.page.view(room) }

// hear takes what a client is told, with the ref of the request that it answers, and judges it.
func (c *client) hear(e proto.Event, ref string) {
	if c.closed {
		return
	}
	c.w.note("%s hears %s (ref %s)", c, proto.AppendEvent(nil, &e), ref)
	v, h := c.view(e.Room), c.w.room(e.Room)
	var q *asked
	switch {
	case ref == "":
	case c.held[ref]:
		c.sayLater(&e, ref)
	default:
		q = c.judgeAnswer(&e, ref)
	}
	switch e.Name {
	case proto.RoomCreated, proto.RoomJoined:
		h.tell(e.Seq, c.w.now)
		if e.Seq < v.seq && (v.in || e.Name == proto.RoomJoined) { // a roster may have told of the new room before its answer
			c.wrong(&e, "its number is below %d", v.seq)
		}
		v.join(c, &e, q)
	case proto.RoomLeft:
		c.hearLeft(v, h, &e)
	case proto.NotInRoom:
		if q != nil && q.Name == proto.Resume {
			v.in = false
			v.forget(c.w.now)
		}
	case proto.Resumed:
		h.tell(e.Seq, c.w.now)
		c.hearResumed(v, h, &e, q)
	case proto.Live:
		c.hearLive(v, &e)
	case proto.ClientJoined, proto.ClientLeft, proto.ClientBack:
		c.hearChange(v, h, &e)
	case proto.ClientAway:
		c.hearAway(v, &e)
	case proto.SignalReceive:
		c.hearSignal(v, &e)
	case proto.RoomUpdated, proto.MemberUpdated:
		if ref == "" {
			c.hearUpdate(v, h, &e)
		}
	case proto.ClientKnocked, proto.KnockAdmitted, proto.KnockRefused:
		if ref == "" {
			c.hearKnock(h, &e)
		}
	default:
	}
}

// join begins a stay.
func (v *view) join(c *client, e *proto.Event, q *asked) {
	if !v.in {
		v.forget(c.w.now)
	}
	v.again = v.in && !v.live
	v.in, v.seq, v.members = true, e.Seq, append(slices.Clone(e.Unpack()), c.ID)
	clear(v.away)
	for _, id := range v.members {
		v.since[id], v.back[id] = e.Seq, e.Seq
	}
	v.noteAway(e)
	v.see(c, e)
	if e.Name == proto.RoomCreated {
		v.owner = c.ID
		if q != nil {
			v.about.policy = policyOf(q.Policy)
		}
	}
	v.keeps = c.Turn > 0 && !c.w.Older
	v.stayAt = c.w.room(e.Room).backAt(e.Seq, c.ID)
}

// noteAway takes a list of who is away.
func (v *view) noteAway(e *proto.Event) {
	for _, id := range e.Away {
		v.away[id] = true
	}
}

// hearLeft judges that a client is in a room no longer: it was out of it at some moment.
func (c *client) hearLeft(v *view, h *history, e *proto.Event) {
	if !v.in && e.Kicked {
		c.wrong(e, "it is not in there")
	}
	if v.in && e.Kicked && h.now().resumable(c.ID) && !h.since(v.came, func(s *state) bool { return !s.has(c.ID) }) {
		c.wrong(e, "it was a member all the time")
	}
	c.judgeReason(v, h, e)
	v.in = false
	v.forget(c.w.now)
}

// hearChange judges what a member is told of another.
func (c *client) hearChange(v *view, h *history, e *proto.Event) {
	at := slices.Index(v.members, e.ID)
	switch {
	case !v.in:
		c.wrong(e, "it is not in there")
	case e.ID == c.ID:
		c.wrong(e, "it is itself")
	case e.Seq <= v.seq && (e.Prev != v.seq || e.Seq != v.seq): // a room that replaced another takes but one number
		c.wrong(e, "it comes after %d", v.seq)
	case e.Prev > v.seq && !v.was(h, e.Prev): // joins and leaves that cancel each other out may be left out
		c.wrong(e, "something is missing after %d", v.seq)
	case (at >= 0) == (e.Name == proto.ClientJoined):
		c.wrong(e, "it comes twice, or its other half never came: %v", v.members)
	case e.Name == proto.ClientLeft && !h.anew(v.since[e.ID], e.ID):
		c.wrong(e, "it was a member all the time")
	case e.Name == proto.ClientBack && e.FreshBack && !h.anew(v.since[e.ID], e.ID),
		e.Name == proto.ClientBack && !e.FreshBack && !h.since(v.back[e.ID], func(s *state) bool { return s.back(e.ID, false) }):
		c.wrong(e, "it has not come back so")
	}
	if s := h.at(e.Seq); s != nil && s.rec.Change.Event == e.Name && s.rec.Change.ID == e.ID {
		h.tell(e.Seq, c.w.now)
		if e.Reason != s.rec.Change.Reason && e.Reason != "" {
			c.wrong(e, "the reason was %q", s.rec.Change.Reason)
		}
	}
	v.seq = max(v.seq, e.Seq)
	v.hears(e)
	delete(v.away, e.ID)
	switch e.Name {
	case proto.ClientJoined:
		v.members = append(v.members, e.ID)
		v.since[e.ID], v.back[e.ID] = e.Seq, e.Seq
	case proto.ClientBack:
		v.back[e.ID] = e.Seq
		if e.FreshBack {
			v.since[e.ID] = e.Seq
		}
	default:
		if at >= 0 {
			v.members = slices.Delete(v.members, at, at+1)
		}
	}
}

// hearAway judges a hint that a member is away.
func (c *client) hearAway(v *view, e *proto.Event) {
	switch {
	case !v.in:
		c.wrong(e, "it is not in there")
	case e.ID == c.ID:
		c.wrong(e, "it is itself")
	case slices.Contains(v.members, e.ID) && e.Seq >= v.back[e.ID]:
		v.away[e.ID] = true
	}
}

// was reports whether the room was as this client has heard it when it had a number.
func (v *view) was(h *history, seq uint64) bool {
	s := h.at(seq)
	return s != nil && slices.Equal(v.list(), s.others(""))
}

func (v *view) list() []proto.ClientID {
	list := slices.Clone(v.members)
	slices.Sort(list)
	return list
}

func (c *client) wrong(e *proto.Event, format string, args ...any) {
	c.w.fail("%s hears %s, but "+format, append([]any{c, proto.AppendEvent(nil, e)}, args...)...)
}
