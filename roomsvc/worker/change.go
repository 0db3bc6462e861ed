package worker

import (
	"bytes"
	"errors"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// operation is the append of one change: the only one under way in its room. Its fields are the change and the two
// inquiries that settle it, which need each other.
type operation struct {
	ask     *Ask
	decided room.Decision // its Answer is given once it is committed
	record  *proto.Record
	next    room.State // what the room is once it is committed, but for its sequence
	payload []byte
	began   time.Time

	done    bool
	append  inquiry // each attempt with the same expectation, so that at most one is accepted
	reads   inquiry // of what stands where an attempt was refused
	settles bool    // the reads are under way, or next
	large   bool    // the record does not fit into a message
	fed     uint64  // where the feed has brought it: it is committed, and the leader has it or will in a moment
	fedAt   time.Time
}

// wrote reports whether a record is the one that the operation appends.
func (op *operation) wrote(rec *proto.Record) bool {
	mine := &op.record.Change
	return rec.Prev == op.record.Prev && rec.Change.Request == mine.Request && rec.Change.Replica == mine.Replica &&
		rec.Change.Event == mine.Event && rec.Change.ID == mine.ID
}

// isOwn reports whether a record from the feed is what the operation appends.
func (op *operation) isOwn(record []byte) bool { return bytes.Equal(op.payload, record) }

// current is the inquiry that is under way, or next.
func (op *operation) current() *inquiry {
	if op.settles {
		return &op.reads
	}
	return &op.append
}

// begin appends the change that a request was found to make, unless nobody waits for that any more: the process may have
// slept, or been busy, since the request arrived.
func (w *Worker) begin(a *Ask, d *room.Decision) {
	if !w.now.Before(a.Deadline) {
		a.giveUp(w, tooLate)
		return
	}
	w.reading = true
	next, payload := w.encode(d.Record, w.rooms.State(a.Token))
	w.reading = false
	b := w.busy[a.Token]
	if b == nil {
		b = &busy{token: a.Token}
		w.busy[a.Token] = b
	}
	b.op = &operation{ask: a, decided: *d, record: d.Record, next: next, payload: payload, began: w.now}
	b.op.try(w)
}

// at returns the room as the change leaves it, committed at a sequence.
func (op *operation) at(seq uint64) *room.State {
	st := op.next
	st.Seq = seq
	return &st
}

// encode returns a record's JSON, in the newest form that every replica knows and that it has a use for, or in the least that can
// hold it; and what the room is after it. was is the room before: of a large one that somebody joins, the encoded members are copied.
func (w *Worker) encode(rec *proto.Record, was *room.State) (room.State, []byte) {
	next := room.State{Record: *rec, Form: rec.NeedsForm()}
	if next.Form < 2 && w.Peers.Form() >= 2 && !rec.Closed {
		next.Form = 2
	}
	if next.Form < 2 {
		const head, member = 512, 160
		return next, proto.AppendRecord(make([]byte, 0, head+member*len(rec.Members)), rec)
	}
	var pack proto.Pack
	if n := len(rec.Members) - 1; rec.Change.Event == proto.ClientJoined && was.Open() && was.Pack.Count == n && n > 0 {
		pack = was.Pack.Join(rec.Members[n])
	} else {
		pack = proto.PackMembers(rec.Members)
	}
	if len(rec.Members) >= w.Large {
		next.Pack = pack
	}
	const head, member = 1024, 60
	return next, proto.AppendCompact(make([]byte, 0, head+member*len(rec.Members)), rec, pack)
}

// try makes an attempt to append.
func (op *operation) try(w *Worker) {
	id, err := w.Store.Append(op, op.ask.Token, op.payload, op.record.Prev, op.ttl(w))
	if errors.Is(err, ErrTooLarge) {
		op.large = true
		op.readBack(w) // the room may have become smaller meanwhile
		return
	}
	op.append.asked(w.now, id, err)
}

// ttl is for how long a closing stays: ten minutes, or as long as what outlives it. Anything else stays.
func (op *operation) ttl(w *Worker) time.Duration {
	if !op.record.Closed {
		return 0
	}
	_, until := op.record.About.Outliving(w.now.UnixMilli())
	return max(proto.ClosedTTL, time.UnixMilli(until).Sub(w.now).Truncate(time.Second)+2*time.Second)
}

// readBack asks the leader what stands where an append was refused: another's record, or this one's own by an attempt
// whose answer was lost.
func (op *operation) readBack(w *Worker) {
	op.settles = true
	id, err := w.Store.Read(op, op.ask.Token)
	op.reads.asked(w.now, id, err)
}

// answered takes what came of an append, or of a read that settles one.
func (op *operation) answered(w *Worker, id uint64, r Result) {
	b := w.busy[op.ask.Token]
	if op.done || b == nil || b.op != op {
		return // settled meanwhile, or given up: then the feed brings what was committed
	}
	switch {
	case op.reads.has(id):
		b.settle(w, r)
	case !op.append.has(id):
		// A late answer to a read that was forgotten: it says nothing of this change.
	case r.Err == nil:
		b.commit(w, r.Seq)
	case op.settles:
		// One more attempt was refused. What stands there is being read.
	case errors.Is(r.Err, ErrConflict):
		op.readBack(w)
	default:
		w.Meter.Trouble(op.ask.Token, r.Err)
		op.append.wait(w.now, 4*again)
	}
}

// pursue asks again what was not answered in time.
func (op *operation) pursue(w *Worker) {
	if !op.settles && op.fed == 0 {
		w.Meter.Waits(w.now, op.began)
	}
	fed := !op.settles && op.fed != 0 && op.append.retry.IsZero()
	switch {
	case fed && w.now.Sub(op.fedAt) >= again: // the leader's answer is late or lost
		op.readBack(w)
	case fed, !op.current().due(w.now, w.Unanswered):
	case op.settles:
		op.readBack(w)
	default:
		op.try(w)
	}
}

// commit takes a change into memory, tells it and answers, in this order.
func (b *busy) commit(w *Worker, seq uint64) {
	op := b.drop(w)
	w.Meter.Count(Committed, 1)
	w.Meter.Appended(w.now, w.now.Sub(op.began))
	if seq > w.rooms.State(b.token).Sequence() {
		w.put(b.token, op.at(seq))
	}
	w.tells.untoldTo(b.token, seq)
	w.tells.tell(newTold(op.at(seq), b.token, w.now))
	if op.ask.Removal {
		w.Meter.Count(Removed, 1)
	}
	if op.ask.Op.Moderates() {
		w.Meter.Moderated(&op.ask.Request, op.record)
	}
	if op.decided.Again && !op.ask.done {
		w.step(op.ask) // on what the room is now
	} else {
		op.decided.Answer.Seq = seq
		op.ask.answer(w, &op.decided.Answer, &op.decided)
	}
	w.next(b)
}

// abandon ends an operation without waiting for it any longer. What the feed has brought of it counts as anybody's.
func (b *busy) abandon(w *Worker) {
	op := b.drop(w)
	if !op.settles {
		w.Meter.Count(GivenUp, 1)
	}
	switch {
	case op.fed > w.rooms.State(b.token).Sequence():
		w.learn(b.token, op.at(op.fed), op.fedAt)
	case op.fed != 0:
		w.tells.onceStored(newTold(op.at(op.fed), b.token, w.now))
	}
}

// drop ends the operation, so that no answer to it counts any more.
func (b *busy) drop(w *Worker) *operation {
	op := b.op
	op.done, b.op = true, nil
	op.append.forget(w.Store)
	op.reads.forget(w.Store)
	return op
}
