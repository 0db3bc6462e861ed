package worker

import (
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// Passwords are looked at beside the workers, since that takes long. Their methods return at once; [Worker.Looked] takes what came of
// it. False: the request is not looked at, since too many are, or too many were wrong.
type Passwords interface {
	// Check holds a request's proof against a room's hash.
	Check(a *Ask, hash string) bool
	// Make makes the hash of an update's proof.
	Make(a *Ask) bool
}

// Look is what came of looking at a password.
type Look struct {
	Checked string // the hash that the proof was held against
	Right   bool
	Hash    string // that was made
}

// look has a request's password looked at, where it cannot be decided before, and reports whether the request waits for that or is
// answered.
func (w *Worker) look(a *Ask, st *room.State) bool {
	if a.looking {
		return true
	}
	a.At = w.now.UnixMilli()
	var taken bool
	switch {
	case w.Passwords == nil:
		return false
	case w.rules.NeedsProof(st, &a.Request):
		taken = w.Passwords.Check(a, st.Record.About.Password)
	case w.rules.NeedsHash(st, &a.Request):
		taken = w.Passwords.Make(a)
	default:
		return false
	}
	if a.looking = taken; !taken {
		e := proto.Errorf(proto.CodeRateLimited, a.Room, a.ClientID, "too many passwords were tried: wait a minute")
		a.answer(w, &e, nil)
	}
	return true
}

// Looked goes on with a request whose password was looked at. What the room is by then decides.
func (w *Worker) Looked(now time.Time, a *Ask, l Look) {
	w.at(now)
	a.looking = false
	if a.done {
		return
	}
	a.Checked, a.Right, a.Hash = l.Checked, l.Right, l.Hash
	w.step(a)
}
