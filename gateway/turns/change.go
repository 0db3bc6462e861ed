package turns

import "github.com/parley-rtc/parley/proto"

// Verdict says whether a request was asked, and if not, what the client is to be told.
type Verdict uint8

// The verdicts.
const (
	Asked       Verdict = iota // the client has been told
	Unavailable                // what is in doubt could not be undone in time
	TooMany                    // the client is in as many rooms as it may be
	ResumeFirst                // the client may be back in the room by a resume that is in doubt: it has to ask for that again
)

// Change carries out a create, join, enter, leave or close of the client's own, and before it what is needed to undo one that is in
// doubt. ref is the client's.
func (t *Turns) Change(c Client, op proto.Op, room proto.Room, ref string, deadline int64) Verdict {
	by, in := c.Joined(room)
	d, doubted := t.doubts[room]
	if doubted && d.op == proto.OpResume {
		return ResumeFirst
	}
	if doubted && !ends(d.op) && by == d.membership(c) {
		doubted = false // it was carried out, as a check has said
		delete(t.doubts, room)
	}
	again := doubted && d.op == op && (!ends(op) || by == "" || by == d.joined)
	switch {
	case ends(op) && by == "" && doubted:
		by = d.membership(c) // the client's own leave undoes what is in doubt
	case doubted && !again:
		if !t.undo(c, room, d, deadline) {
			return Unavailable
		}
		_, in = c.Joined(room)
	}
	if ends(op) {
		t.ownLeave(c, op, room, by, ref, deadline)
		return Asked
	}
	if !in && c.Full() {
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

// ownLeave carries out a leave or a close that the client asked for.
func (t *Turns) ownLeave(c Client, op proto.Op, room proto.Room, joined proto.RequestID, ref string, deadline int64) {
	a := t.leave(c, room, joined, deadline)
	a.Op = op
	if d, ok := t.doubts[room]; ok && d.op == op && d.joined == a.Joined {
		a.repeat(c, d)
	}
	a.Ref = ref
	t.do(c, a)
}
