package worker

import (
	"errors"

	"github.com/parley-rtc/parley/proto"
)

// finding is what a read shows of a change whose append was refused, or not answered. The first that holds counts. Those
// that ARCHITECTURE.md speaks of under "What counts as known" say so.
type finding int

const (
	// unreadable: the leader could not be read, or its record not decoded. Read again.
	unreadable finding = iota
	// newer: what stands there has a form that this version does not know, and so must not rewrite. Given up at once.
	newer
	// stored: the record that stands there is the change. An attempt was accepted and its answer lost. It is committed.
	// ("A change counts once the leader has answered the append, or is read to have it.")
	stored
	// passed: the feed has brought the change, and the leader is that far: it has the change, or a later one. It is
	// committed. ("Nobody is told what only the feed has brought.")
	passed
	// unsure: the answer would end the change, and comes from one who may not be the leader any more. Read again. ("The
	// leader is believed only while there can be no other.")
	unsure
	// full: what the change was decided on still stands, so the room has not become smaller, and the record does not fit into
	// a message. Answered room-full.
	full
	// free: what the change was decided on still stands. Another append to this room is being agreed on among the copies, or
	// came to nothing. Appended again.
	free
	// behind: the same, but the feed has brought the change: the leader is behind that copy. Read again.
	behind
	// older: the leader has less than the change was decided on, or than the feed has brought. Read again for 0.8 s. ("A read that is older than memory
	// is not believed at once.")
	older
	// overtaken: another change stands there; or, after 0.8 s, the journal has lost what the change was decided on. Decided
	// again on what stands there.
	overtaken
)

// find names what a read shows. It changes nothing but the count of reads that were older.
func (op *operation) find(w *Worker, r Result) finding {
	seq, on := r.State.Sequence(), op.record.Prev
	less := seq < on || w.forgotten(op.ask.Token, r.State)
	switch {
	case errors.Is(r.Err, proto.ErrRecordForm):
		return newer
	case r.Err != nil:
		return unreadable
	case r.State != nil && op.wrote(&r.State.Record):
		return stored
	case op.fed != 0 && seq >= op.fed:
		return passed
	case (less || seq == on && op.large) && !w.Store.Sure():
		return unsure
	case seq == on && op.large:
		return full
	case seq == on && op.fed == 0:
		return free
	case seq == on:
		return behind
	case less && op.reads.doubt(w.now):
		return older
	}
	return overtaken
}

// settle does what follows from a read of the room in which an append was refused.
func (b *busy) settle(w *Worker, r Result) {
	op := b.op
	op.reads.forget(w.Store)
	switch op.find(w, r) {
	case newer:
		w.Meter.Trouble(b.token, r.Err)
		b.abandon(w)
		w.outdated(b.token, r.Seq)
		op.ask.giveUp(w, tooNew)
		w.next(b)
	case unreadable:
		w.Meter.Trouble(b.token, r.Err)
		op.reads.wait(w.now, again)
	case stored:
		b.commit(w, r.State.Seq)
	case passed:
		if r.State.Seq > w.rooms.State(b.token).Sequence() {
			w.learn(b.token, r.State, w.now)
		}
		b.commit(w, op.fed)
	case unsure:
		op.reads.wait(w.now, 4*again)
	case full:
		b.abandon(w)
		e := proto.Errorf(proto.CodeRoomFull, op.ask.Room, op.ask.ClientID, "the room has as many members as a message can hold")
		op.ask.answer(w, &e, nil)
		w.next(b)
	case free:
		op.settles = false
		op.append.wait(w.now, again)
	case behind:
		op.reads.wait(w.now, again)
	case older: // the inquiry waits already
	case overtaken:
		b.decideAgain(w, r)
	}
}

// decideAgain decides a refused request on the record that was read. That replaces memory even when it is older, unless
// memory has learned of something newer meanwhile.
func (b *busy) decideAgain(w *Worker, r Result) {
	op := b.op
	w.Meter.Count(Refused, 1)
	b.abandon(w)
	seq, on := r.State.Sequence(), op.record.Prev
	switch have := w.rooms.State(b.token).Sequence(); {
	case seq > have:
		w.learn(b.token, r.State, w.now)
	case seq < on && have <= on:
		w.put(b.token, r.State) // what memory had will not come again
	}
	w.step(op.ask)
	w.next(b)
}
