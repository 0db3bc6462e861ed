package turns

import (
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// Resume carries out a resume of the client's own: its Room, Ref, Seq, Heard and Fresh are set.
func (t *Turns) Resume(c Client, resume *rooms.Ask, deadline int64) Verdict {
	room := resume.Room
	by, in := c.Joined(room)
	d, doubted := t.doubts[room]
	again := doubted && d.op == proto.OpResume
	switch {
	case !doubted || again:
	case !ends(d.op) && by == d.membership(c):
		delete(t.doubts, room) // it was carried out, as a check has said
	case !t.undo(c, room, d, deadline):
		return Unavailable
	}
	if !in && c.Full() {
		return TooMany
	}
	a := t.ask(c, proto.OpResume, room, deadline)
	a.Ref, a.Seq, a.Heard, a.Fresh = resume.Ref, resume.Seq, resume.Heard, resume.Fresh
	if again {
		a.repeat(c, d)
	}
	t.do(c, a)
	return Asked
}
