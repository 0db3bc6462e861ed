// Package turns is one client's own order of requests, as pure code: its creates, joins, resumes and leaves, and the leaves that its
// gateway makes for it, one at a time. It has no goroutine, lock, clock or NATS: whoever carries out a request stands
// behind [Client].
//
// A request that nobody answered in time is in doubt: it may have been carried out, or be so later. What the client asks
// next decides what becomes of it:
//
//   - the same again: it bears the same Parley-Request, so that it is one change at most;
//   - anything else in that room, or the end of the connection: a leave comes first, fenced by the doubtful Parley-Request,
//     which is never used again.
//
// A resume that is in doubt is never undone: the client may be back in that room, and is to come back. It is asked again, under the same
// Parley-Request; anything else in that room is not asked.
//
// Example: join lobby (request 7) is unavailable. create lobby → leave lobby of what request 7 joined, then create (9). An
// attempt of 7 that a slow replica carries out after that leave is met with another, when an event or a check tells of it.
package turns

import (
	"maps"

	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// Client is what Turns needs of the client that it serves.
type Client interface {
	// Now returns nanoseconds since any moment, never going back.
	Now() int64
	// Request returns the Parley-Request of the client's request with a number.
	Request(num uint64) proto.RequestID
	// Joined returns by which request the client is a member of a room, as far as its gateway knows, and whether it is one.
	Joined(room proto.Room) (by proto.RequestID, in bool)
	// Full reports whether the client may join no other room.
	Full() bool
	// Ask carries out a request, tells the client what became of it unless it is silent, and returns that. It blocks.
	Ask(a *Ask) rooms.Outcome
}

// Ask is a request to the room service.
type Ask struct {
	rooms.Ask
	Lost     bool  // a leave that the client did not ask for: a room that its owner leaves so is closed as owner-lost
	Deadline int64 // when it is unavailable, by the client's clock
}

// Turns is a client's order of requests. The zero value is that of a client that has not asked yet.
type Turns struct {
	num    uint64 // of the last request
	doubts map[proto.Room]doubt
	undone map[proto.Room]undone
}

// doubt is a request of which nobody knows whether it was carried out.
type doubt struct {
	op     proto.Op
	num    uint64
	joined proto.RequestID // leave, close: what it ends
}

// undone is a request that was in doubt and has been left: an attempt of it that is late may still be carried out.
type undone struct {
	id proto.RequestID
	at int64
}

// remember is how long that is kept in mind, in nanoseconds: a minute.
const remember = 60_000_000_000

// Number returns the number of a new request, greater than those before.
func (t *Turns) Number() uint64 {
	t.num++
	return t.num
}

// Doubtful reports whether a request is in doubt.
func (t *Turns) Doubtful() bool { return len(t.doubts) > 0 }

// ends reports whether a request ends a membership, and so names it: a leave does, and the owner's closing of its room.
func ends(op proto.Op) bool { return op == proto.OpLeave || op == proto.OpClose }

// membership returns the Parley-Request whose membership a doubt is about.
func (d doubt) membership(c Client) proto.RequestID {
	if ends(d.op) {
		return d.joined
	}
	return c.Request(d.num)
}

// ask numbers a request.
func (t *Turns) ask(c Client, op proto.Op, room proto.Room, deadline int64) *Ask {
	num := t.Number()
	return &Ask{Ask: rooms.Ask{Op: op, Room: room, Num: num, ID: c.Request(num)}, Deadline: deadline}
}

// repeat has a request bear the Parley-Request of a doubtful one, which it repeats.
func (a *Ask) repeat(c Client, d doubt) {
	a.Num, a.ID = d.num, c.Request(d.num)
}

// leave makes a leave of the membership that a request made.
func (t *Turns) leave(c Client, room proto.Room, joined proto.RequestID, deadline int64) *Ask {
	a := t.ask(c, proto.OpLeave, room, deadline)
	if joined == "" {
		// It is in no room that the gateway knows of. An attempt that is late must not end what it joins after this one:
		// no member bears the leave's own request.
		joined = a.ID
	}
	a.Joined = joined
	return a
}

// do carries out a request, and takes note of what became of it.
func (t *Turns) do(c Client, a *Ask) rooms.Outcome {
	outcome := c.Ask(a)
	d, doubted := t.doubts[a.Room]
	about := doubted && d.membership(c) == a.Joined
	if ends(a.Op) && outcome != rooms.Unavailable && about {
		t.noteUndone(c, a.Room, a.Joined)
	}
	switch {
	case a.Silent:
		if about && outcome == rooms.Unavailable {
			// The leave may still be carried out: what it ends is never asked for again.
			t.doubts[a.Room] = doubt{op: a.Op, num: a.Num, joined: a.Joined}
		}
	case outcome == rooms.Unavailable:
		if t.doubts == nil {
			t.doubts = make(map[proto.Room]doubt)
		}
		t.doubts[a.Room] = doubt{op: a.Op, num: a.Num, joined: a.Joined}
	default:
		delete(t.doubts, a.Room)
	}
	return outcome
}

// noteUndone remembers for a while what an answered leave has undone.
func (t *Turns) noteUndone(c Client, room proto.Room, joined proto.RequestID) {
	now := c.Now()
	if t.undone == nil {
		t.undone = make(map[proto.Room]undone)
	}
	maps.DeleteFunc(t.undone, func(_ proto.Room, u undone) bool { return now-u.at > remember })
	t.undone[room] = undone{joined, now}
}

// undo leaves what a doubtful request may have joined, and reports whether that is settled.
func (t *Turns) undo(c Client, room proto.Room, d doubt, deadline int64) bool {
	a := t.leave(c, room, d.membership(c), deadline)
	if d.op == proto.OpLeave {
		a.repeat(c, d)
	}
	a.Silent = true
	if t.do(c, a) == rooms.Unavailable {
		return false
	}
	delete(t.doubts, room)
	return true
}
