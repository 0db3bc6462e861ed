package sim

import (
	"fmt"

	"github.com/parley-rtc/parley/proto"
)

// shown is what a member is told of what stands about a room.
type shown struct {
	policy           proto.Policy
	locked, password bool
	most             int
	knock            bool
	meta             string
}

// who is what a member is told of another.
type who struct {
	user, meta string
	mod        bool
}

func policyOf(p proto.Policy) proto.Policy {
	if p == proto.PolicyClose {
		return ""
	}
	return p
}

// shownBy returns what an event says of what stands about a room.
func shownBy(e *proto.Event) shown {
	m := e.More
	if m == nil {
		m = new(proto.More)
	}
	return shown{policyOf(e.Policy), m.Locked, m.Password, m.MaxMembers, m.Knock, string(m.Meta)}
}

// shown returns what stands about a room.
func (s *state) shown() shown {
	a := s.rec.About
	if a == nil {
		a = new(proto.About)
	}
	return shown{policyOf(s.rec.OnOwnerGone), a.Locked, a.Password != "", a.MaxMembers, a.Knock, string(a.Meta)}
}

func whoOf(m *proto.More) who {
	if m == nil {
		return who{}
	}
	return who{m.User, string(m.Meta), m.Mod}
}

// who returns what is to be seen of a member.
func (s *state) who(id proto.ClientID) who { return whoOf(s.rec.Members[s.rec.Member(id)].Who.Shows()) }

// see takes what the answer says by which a client has come in, or back.
func (v *view) see(c *client, e *proto.Event) {
	v.came, v.owner, v.about = e.Seq, e.OwnerID, shownBy(e)
	v.who = make(map[proto.ClientID]who)
	if e.More != nil {
		for i := range e.More.Members {
			m := &e.More.Members[i]
			v.who[m.ID] = whoOf(m.Shows())
			if m.Sub != "" {
				c.wrong(e, "it is told the sub of %s", m.ID)
			}
		}
	}
}

// hears takes what a change says of owners and members.
func (v *view) hears(e *proto.Event) {
	switch e.Name {
	case proto.ClientJoined, proto.ClientBack:
		v.who[e.ID] = whoOf(e.More)
		if e.OwnerID != "" {
			v.owner = e.OwnerID
		}
	case proto.ClientLeft:
		delete(v.who, e.ID)
		if e.OwnerID != "" || e.ID == v.owner {
			v.owner = e.OwnerID
		}
	case proto.RoomUpdated:
		v.owner, v.about = e.OwnerID, shownBy(e)
	case proto.MemberUpdated:
		v.who[e.ID] = whoOf(e.More)
	default:
	}
}

// hearUpdate judges what a member is told of the room, or of what another says of itself: with a prev it is a change, in the room's one
// order; without, it is what is so.
func (c *client) hearUpdate(v *view, h *history, e *proto.Event) {
	s := h.at(e.Seq)
	switch {
	case !v.in:
		c.wrong(e, "it is not in there")
		return
	case s == nil || !s.open():
		c.wrong(e, "there is no such change")
		return
	case e.Prev != 0 && e.Seq <= v.seq:
		c.wrong(e, "it comes after %d", v.seq)
	case e.Prev != 0 && e.Prev > v.seq && !v.was(h, e.Prev):
		c.wrong(e, "something is missing after %d", v.seq)
	case e.Prev == 0 && e.Seq < v.seq:
		c.wrong(e, "it says what was so at %d, and it has heard of %d", e.Seq, v.seq)
	case e.Name == proto.MemberUpdated && !c.w.Older && (!s.has(e.ID) || s.who(e.ID) != whoOf(e.More)):
		c.wrong(e, "that was not so")
	case e.Name == proto.RoomUpdated && (s.rec.OwnerID != e.OwnerID || s.shown() != shownBy(e)):
		c.wrong(e, "that was not so: the owner is %q, %+v", s.rec.OwnerID, s.shown())
	}
	if e.Prev != 0 {
		h.tell(e.Seq, c.w.now)
		v.seq = max(v.seq, e.Seq)
	}
	v.hears(e)
}

// judgeReason judges why a client is told that it is in a room no longer, and what it is told beside.
func (c *client) judgeReason(v *view, h *history, e *proto.Event) {
	if !v.in || !e.Kicked || e.Reason == proto.Removed {
		return
	}
	var word string
	if !h.since(v.came, func(s *state) bool {
		if s.rec == nil {
			return false
		}
		change := &s.rec.Change
		own := e.Reason == proto.Kicked || e.Reason == proto.Banned
		is := change.Reason == e.Reason && (change.ID == c.ID || s.rec.Closed && !own)
		if a := c.w.asks[change.Request]; is && a != nil && change.ID == c.ID {
			word = a.req.Message
		}
		return is
	}) {
		c.wrong(e, "that was not the reason")
	}
	if e.Message != "" && e.Message != word {
		c.wrong(e, "the word to it was %q", word)
	}
}

// hearKnock judges what one hears that is no change of the room.
func (c *client) hearKnock(h *history, e *proto.Event) {
	page := c.page
	switch e.Name {
	case proto.ClientKnocked:
		if !h.ever(0, func(s *state) bool { return s.has(c.ID) && (s.rec.OwnerID == c.ID || s.who(c.ID).mod) }) {
			c.wrong(e, "it was neither the owner nor a moderator there")
		}
	case proto.KnockAdmitted:
		open := func(s *state) bool {
			return s.open() && (s.rec.About == nil || !s.rec.About.Locked && s.rec.About.Password == "")
		}
		let := func(s *state) bool {
			return s.open() && s.rec.About != nil && proto.Holding(s.rec.About.Admitted, c.ID, page.sub, 0)
		}
		if !h.ever(0, func(s *state) bool { return open(s) || let(s) || s.has(c.ID) }) {
			c.wrong(e, "nobody has let it in")
		}
	default:
	}
}

// unseen says what a member believes that does not stand about a room.
func (w *world) unseen(c *client, v *view, room proto.Room, s *state) string {
	switch {
	case v.owner != s.rec.OwnerID:
		return fmt.Sprintf("%s was told that %q owns %q, and it is %q", c, v.owner, room, s.rec.OwnerID)
	case v.about != s.shown():
		return fmt.Sprintf("%s was told of %q %+v, and it is %+v", c, room, v.about, s.shown())
	}
	for _, id := range v.members {
		if id != c.ID && v.who[id] != s.who(id) && !w.Older { // its gateway may know a name that an older replica did not write

			return fmt.Sprintf("%s was told of %s in %q %+v, and it is %+v", c, id, room, v.who[id], s.who(id))
		}
	}
	return ""
}
