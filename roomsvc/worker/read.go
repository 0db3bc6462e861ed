package worker

import (
	"errors"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// tooNew is the answer where the room's record has a form that this version does not know: another replica may.
const tooNew = "the room was changed by a newer version of the room service"

// ask asks the leader for the room's record, since the answer would have no append behind it.
func (a *Ask) ask(w *Worker) {
	if !a.read.open() {
		if w.asks.reading >= maxReads {
			a.read.retry = time.Time{} // its turn comes when another's read ends
			w.asks.backlog = append(w.asks.backlog, a)
			return
		}
		a.knew = w.rooms.State(a.Token).Sequence()
	}
	first := !a.read.open()
	id, err := w.Store.Read(a, a.Token)
	a.read.asked(w.now, id, err)
	if first && err == nil {
		w.asks.reading++
	}
}

// unask ends an ask's reads, and lets those that waited for it begin theirs.
func (a *Ask) unask(w *Worker) {
	if !a.read.open() {
		return
	}
	a.read.forget(w.Store)
	s := &w.asks
	s.reading--
	for len(s.backlog) > 0 && s.reading < maxReads {
		next := s.backlog[0]
		s.backlog[0] = nil
		s.backlog = s.backlog[1:]
		if !next.done {
			next.ask(w)
		}
	}
}

// answered decides a request on the record that the leader has. What was true at the leader after the request arrived may
// be answered, whatever memory has learned meanwhile.
func (a *Ask) answered(w *Worker, id uint64, r Result) {
	if a.done || !a.read.has(id) {
		return
	}
	a.unask(w)
	switch sure := w.Store.Sure(); {
	case errors.Is(r.Err, proto.ErrRecordForm):
		w.Meter.Trouble(a.Token, r.Err)
		w.outdated(a.Token, r.Seq)
		a.giveUp(w, tooNew)
		return
	case r.Err != nil:
		w.Meter.Trouble(a.Token, r.Err)
		a.read.wait(w.now, again)
		return
	case !sure: // another may be the leader by now
		a.unsure = true
		a.read.wait(w.now, 0)
		return
	case (r.State.Sequence() < a.knew || w.forgotten(a.Token, r.State)) && a.read.doubt(w.now):
		a.unsure = false
		return
	}
	a.unsure = false
	a.read.older = 0
	w.believe(a.Token, r.State, a.knew)
	if w.look(a, r.State) {
		return
	}
	d := w.decide(r.State, a)
	switch {
	case w.tooEarly(a, &d):
	case d.Record != nil:
		w.step(a) // on memory, which is level now
	case d.Relay != "":
		a.forward(w, d.Relay)
	default:
		w.beside(a, &d, r.State)
		a.answerBy(w, d)
	}
}

// believe takes over what the leader has for a room. knew is the sequence that memory had when the leader was asked: a
// record above memory's is taken, and one below knew too, since then the journal has lost what memory has.
func (w *Worker) believe(token proto.Token, st *room.State, knew uint64) {
	have := w.rooms.State(token).Sequence()
	switch seq := st.Sequence(); {
	case seq > have:
		if b := w.busy[token]; b != nil && b.op != nil && b.op.wrote(&st.Record) {
			b.commit(w, seq)
			return
		}
		w.learn(token, st, w.now)
	case seq < knew && have == knew:
		w.put(token, st)
		w.tidy(token)
	}
}

// forgotten reports whether a room that was read as open has been closed since: the feed has brought more than that, and
// memory has nothing of the room, so it has brought the closing. The read was late, or its leader is behind the feed.
func (w *Worker) forgotten(token proto.Token, st *room.State) bool {
	return st.Open() && st.Seq <= w.brought && w.rooms.State(token) == nil
}
