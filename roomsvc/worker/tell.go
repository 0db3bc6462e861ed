package worker

import (
	"cmp"
	"slices"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// maxLooks is how many changes are read at a time before they are told.
const maxLooks = 64

// teller tells committed changes, and remembers them to tell them again.
type teller struct {
	w    *Worker
	past past
	// Changes that only the feed has brought. They are told when the leader has stored them.
	untold  map[change]*untold
	order   []*untold // the same, in the order in which they came, with those that are over until the next tick
	looking int       // how many of them are read
}

// change names a committed change.
type change struct {
	token proto.Token
	seq   uint64
}

// untold is a change of this replica that only the feed has brought.
type untold struct {
	told
	look inquiry // has the leader stored it?
	over bool
}

// tell tells a committed change to the room's subject and to each gateway that had or has members.
func (t *teller) tell(c told) {
	t.w.Wire.Tell(c.token, c.gateways, c.payload, c.beside)
	t.past.add(c)
}

func (t *teller) retell(replica proto.ReplicaID, since time.Time) {
	n := 0
	for i := range t.past.count {
		c := t.past.at(i)
		if c.replica != replica || c.at.Before(since) || replica != t.w.Self && !t.w.Peers.First(c.token, c.form) {
			continue
		}
		t.w.Wire.Tell(c.token, c.gateways, c.payload, c.beside)
		n++
	}
	t.w.Meter.Count(Retold, n)
}

// onceStored tells a change as soon as the leader is seen to have it.
func (t *teller) onceStored(c told) {
	u := &untold{told: c}
	t.untold[change{c.token, c.seq}] = u
	t.order = append(t.order, u)
	if t.looking < maxLooks {
		t.ask(u)
		return
	}
	u.look.wait(t.w.now, 0)
}

// waits reports whether a change is to be told once the leader has it.
func (t *teller) waits(token proto.Token, seq uint64) bool {
	return t.untold[change{token, seq}] != nil
}

// lookAgain reads what waits to be told, and once more what was not answered or not stored. What the leader does not have for
// as long as changes are remembered is gone with what the journal has lost.
func (t *teller) lookAgain() {
	for i := 0; i < len(t.order); i++ {
		switch u := t.order[i]; {
		case u.over:
		case t.w.now.Sub(u.at) > 3*t.w.Retell:
			t.end(u)
		case u.look.due(t.w.now, t.w.Unanswered) && (u.look.open() || t.looking < maxLooks):
			t.ask(u)
		}
	}
	t.order = slices.DeleteFunc(t.order, func(u *untold) bool { return u.over })
}

// ask asks the leader for the room of a change.
func (t *teller) ask(u *untold) {
	first := !u.look.open()
	id, err := t.w.Store.Read(u, u.token)
	u.look.asked(t.w.now, id, err)
	if first && err == nil {
		t.looking++
	}
}

// answered tells the change if the leader has it.
func (u *untold) answered(w *Worker, id uint64, r Result) {
	switch {
	case u.over || !u.look.has(id):
	case r.Err == nil && r.State.Sequence() >= u.seq:
		w.tells.untoldTo(u.token, u.seq)
	default:
		w.tells.forget(u)
		u.look.wait(w.now, 4*again)
	}
}

// untoldTo tells what waits of a room up to a change that the leader is known to have.
func (t *teller) untoldTo(token proto.Token, seq uint64) {
	if len(t.untold) == 0 {
		return
	}
	var due []*untold
	for _, u := range t.order {
		if !u.over && u.token == token && u.seq <= seq {
			due = append(due, u)
		}
	}
	slices.SortFunc(due, func(a, b *untold) int { return cmp.Compare(a.seq, b.seq) })
	for _, u := range due {
		t.end(u)
		t.tell(u.told)
	}
}

// drop forgets what waits to be told.
func (t *teller) drop() {
	for _, u := range t.order {
		if !u.over {
			t.end(u)
		}
	}
}

func (t *teller) end(u *untold) {
	t.forget(u)
	u.over = true
	delete(t.untold, change{u.token, u.seq})
}

func (t *teller) forget(u *untold) {
	if u.look.open() {
		t.looking--
	}
	u.look.forget(t.w.Store)
}
