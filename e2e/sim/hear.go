package sim

import (
	"slices"
	"strconv"

	"github.com/parley-rtc/parley/proto"
)

// view is a room as one client has heard it.
type view struct {
	in      bool
	seq     uint64
	members []proto.ClientID
}

// line is a sender's signals to a client in a room.
type line struct {
	room proto.Room
	from proto.ClientID
}

type signalID struct {
	line
	data string
}

func (c *client) view(room proto.Room) *view {
	v := c.views[room]
	if v == nil {
		v = &view{}
		c.views[room] = v
	}
	return v
}

// hear takes what a client is told, with the ref of the request that it answers, and judges it.
func (c *client) hear(e proto.Event, ref string) {
	if c.closed {
		return
	}
	c.w.note("%s hears %s (ref %s)", c.ID, proto.AppendEvent(nil, &e), ref)
	if ref != "" {
		c.judgeAnswer(&e, ref)
	}
	v, h := c.view(e.Room), c.w.room(e.Room)
	switch e.Name {
	case proto.RoomCreated, proto.RoomJoined:
		h.tell(e.Seq, c.w.now)
		if e.Seq < v.seq && (v.in || e.Name == proto.RoomJoined) { // a roster may have told of the new room before its answer
			c.wrong(&e, "its number is below %d", v.seq)
		}
		v.in, v.seq, v.members = true, e.Seq, append(slices.Clone(e.Unpack()), c.ID)
	case proto.RoomLeft:
		if !v.in && e.Kicked {
			c.wrong(&e, "it is not in there")
		}
		v.in = false
	case proto.ClientJoined, proto.ClientLeft:
		c.hearChange(v, h, &e)
	case proto.SignalReceive:
		c.hearSignal(v, &e)
	default:
	}
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
	}
	if s := h.at(e.Seq); s != nil && s.rec.Change.Event == e.Name && s.rec.Change.ID == e.ID {
		h.tell(e.Seq, c.w.now)
	}
	v.seq = max(v.seq, e.Seq)
	if e.Name == proto.ClientJoined {
		v.members = append(v.members, e.ID)
	} else if at >= 0 {
		v.members = slices.Delete(v.members, at, at+1)
	}
}

// hearSignal judges a signal: from a member, in its sender's order, once.
func (c *client) hearSignal(v *view, e *proto.Event) {
	l := line{e.Room, e.SenderID}
	n, err := strconv.ParseInt(string(e.Data), 10, 64)
	switch {
	case !v.in:
		c.wrong(e, "it is not in there")
	case !slices.Contains(v.members, e.SenderID):
		c.wrong(e, "its sender is not in there: %v", v.members)
	case err != nil || n <= c.signals[l]:
		c.wrong(e, "it comes after %d", c.signals[l])
	}
	c.signals[l] = n
	c.got[signalID{l, string(e.Data)}] = true
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
	c.w.fail("%s hears %s, but "+format, append([]any{c.ID, proto.AppendEvent(nil, e)}, args...)...)
}
