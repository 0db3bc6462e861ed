package turns

import "github.com/parley-rtc/parley/proto"

// Verdict says whether a request was asked, and if not, what the client is to be told.
type Verdict uint8

// The verdicts.
const (
	Asked       Verdict = iota // the client has been told
	Unavailable                // what is in doubt could not be undone in time
	TooMany                    // the client is in as many rooms as it may be
)

// Change carries out a create, join, enter, resume, leave or close of the client's own, and before it what is needed to undo one
// that is in doubt. ref is the client's.
func (t *Turns) Change(c Client, op proto.Op, room proto.Room, ref string, deadline int64) Verdict {
	by, in := c.Joined(room)
	d, doubted := t.doubts[room]
	if doubted && d.op != proto.OpLeave && by == d.membership(c) {
		doubted = false // it was carried out, as a check has said
		delete(t.doubts, room)
	}
	again := doubted && d.op == op && (op != proto.OpLeave || by == "" || by == d.joined)
	switch {
	case op == proto.OpLeave && by == "" && doubted:
		by = d.membership(c) // the client's own leave undoes what is in doubt
	case doubted && !again && d.undoable():
		if !t.undo(c, room, d, deadline) {
			return Unavailable
		}
		_, in = c.Joined(room)
	}
	if op == proto.OpLeave {
		t.ownLeave(c, room, by, ref, deadline)
		return Asked
	}
	if !in && op != proto.OpClose && c.Full() {
		return TooMany
	}
	a := t.ask(c, op, room, deadline)
	if again {
		a.repeat(c, d)
	}
	a.Ref = ref
	t.do(c, a)
	return Asked
}

// ownLeave carries out a leave that the client asked for.
func (t *Turns) ownLeave(c Client, room proto.Room, joined proto.RequestID, ref string, deadline int64) {
	a := t.leave(c, room, joined, deadline)
	if d, ok := t.doubts[room]; ok && d.op == proto.OpLeave && d.joined == a.Joined {
		a.repeat(c, d)
	}
	a.Ref = ref
	t.do(c, a)
}
