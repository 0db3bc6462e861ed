package roomsvc

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/journal"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// operation is the append of one change: the only one under way in its room. It is owned by the worker.
type operation struct {
	ask     *ask
	answer  proto.Event // once it is committed
	record  *proto.Record
	payload []byte

	done   bool
	ids    []uint64  // the appends that may still be answered
	began  time.Time // the first attempt
	sent   time.Time // the last attempt, or the read that settles it
	retry  time.Time // when to append again; zero: not waiting for a time
	reads  []uint64  // the reads that settle it, of which any answer will do
	settle bool      // an attempt was refused: what stands there has to be read
	older  int       // so many reads were older than what the change was decided on
	large  bool      // it does not fit into a message
	fed    uint64    // where the feed has brought its record: it is committed, and the leader has it or will in a moment
	fedAt  time.Time
}

// wrote reports whether a record is the one that the operation appends.
func (op *operation) wrote(rec *proto.Record) bool {
	mine := &op.record.Change
	return rec.Prev == op.record.Prev && rec.Change.Request == mine.Request && rec.Change.Replica == mine.Replica &&
		rec.Change.Event == mine.Event && rec.Change.ID == mine.ID
}

// begin appends the change that a request was found to make, unless nobody waits for that any more: the process may have
// slept, or been busy, since the request arrived.
func (w *worker) begin(a *ask, d *room.Decision) {
	if !time.Now().Before(a.deadline) {
		w.giveUp(a, tooLate)
		return
	}
	e := w.entry(a.token)
	op := &operation{
		ask: a, answer: d.Answer, record: d.Record, payload: encode(d.Record), began: time.Now(),
	}
	e.op = op
	w.append(e, op)
}

// encode returns a record's JSON in a buffer that it fits into.
func encode(rec *proto.Record) []byte {
	const head, member = 512, 160
	return proto.AppendRecord(make([]byte, 0, head+member*len(rec.Members)), rec)
}

// append makes an attempt, each with the same expectation, so that at most one of them is accepted.
func (w *worker) append(e *entry, op *operation) {
	op.sent = time.Now()
	op.retry = time.Time{}
	id, err := w.s.journal.Append(e.token, op.payload, op.record.Prev, op.record.Closed,
		func(id uint64, r journal.Result) { w.post(mail{op: op, id: id, result: r}) })
	switch {
	case errors.Is(err, journal.ErrTooLarge):
		op.large = true
		w.readBack(e, op) // the room may have become smaller meanwhile
	case err != nil:
		op.retry = op.sent.Add(again)
	default:
		op.ids = append(op.ids, id)
	}
}

// onOperation takes what came of an append, or of the read that settles one.
func (w *worker) onOperation(op *operation, id uint64, r journal.Result) {
	e := w.rooms[op.ask.token]
	if op.done || e == nil || e.op != op {
		return // settled meanwhile, or given up: then the feed brings what was committed
	}
	if op.settle {
		if slices.Contains(op.reads, id) {
			w.settle(e, op, r)
		} else if r.Err == nil {
			w.commit(e, op, r.Seq) // another attempt was accepted
		}
		return
	}
	switch {
	case r.Err == nil:
		w.commit(e, op, r.Seq)
	case errors.Is(r.Err, journal.ErrConflict):
		w.readBack(e, op)
	default:
		w.s.troubleReading(e.token, r.Err)
		op.retry = time.Now().Add(4 * again)
	}
}

// readBack asks the leader what stands where an append was refused: another's record, or this one's own by an attempt
// whose answer was lost.
func (w *worker) readBack(e *entry, op *operation) {
	op.settle = true
	op.sent = time.Now()
	op.retry = time.Time{}
	id, err := w.s.journal.Read(e.token, func(id uint64, r journal.Result) { w.post(mail{op: op, id: id, result: r}) })
	if err != nil {
		op.retry = op.sent.Add(again)
		return
	}
	op.reads = append(op.reads, id)
}

// settle decides a refused request again, on the record that was read. That replaces memory even when it is older.
func (w *worker) settle(e *entry, op *operation, r journal.Result) {
	w.forgetReads(op)
	if r.Err != nil {
		w.s.troubleReading(e.token, r.Err)
		op.retry = time.Now().Add(again)
		return
	}
	seq := r.State.Sequence()
	switch {
	case r.State != nil && op.wrote(&r.State.Record):
		w.commit(e, op, seq)
		return
	case op.fed != 0 && seq >= op.fed:
		if seq > e.state.Sequence() {
			w.learn(e.token, r.State, time.Now())
		}
		w.commit(e, op, op.fed)
		return
	case (seq < op.record.Prev || seq == op.record.Prev && op.large) && !w.s.journal.Sure():
		op.retry = time.Now().Add(4 * again)
		return
	case seq == op.record.Prev && op.large:
		w.abandon(e, op)
		full := proto.Errorf(proto.CodeRoomFull, op.ask.Room, op.ask.ClientID, "the room has as many members as a message can hold")
		w.answer(op.ask, &full)
		w.next(e)
		return
	case seq == op.record.Prev:
		// Another append to this room is being agreed on in the cluster, or came and went; or the leader is behind the feed.
		op.settle = op.fed != 0
		op.retry = time.Now().Add(again)
		return
	case seq < op.record.Prev && op.older < maxOlder:
		op.retry = time.Now().Add(again << op.older)
		op.older++
		return
	}
	w.s.metrics.appends["refused"].Inc()
	w.abandon(e, op)
	switch have := e.state.Sequence(); {
	case seq > have:
		w.learn(e.token, r.State, time.Now())
	case seq < op.record.Prev && have <= op.record.Prev:
		e.fed = true // what memory had will not come again
		w.install(e, r.State)
	}
	w.step(op.ask)
	w.next(e)
}

// pursue makes an attempt again that was not answered in time.
func (w *worker) pursue(e *entry, op *operation, now time.Time) {
	if !op.settle && op.fed == 0 {
		w.s.waits(op.began, now)
	}
	switch {
	case !op.retry.IsZero():
		if now.Before(op.retry) {
			return
		}
	case !op.settle && op.fed != 0:
		if now.Sub(op.fedAt) >= again { // the leader's answer is late or lost
			w.readBack(e, op)
		}
		return
	case op.settle && now.Sub(op.sent) < w.s.unanswered(len(op.reads)),
		!op.settle && now.Sub(op.sent) < w.s.unanswered(len(op.ids)):
		return
	}
	if op.settle {
		w.readBack(e, op)
		return
	}
	w.append(e, op)
}

// abandon ends an operation without waiting for it any longer. What the feed has brought of it counts as anybody's.
func (w *worker) abandon(e *entry, op *operation) {
	op.done = true
	e.op = nil
	for _, id := range op.ids {
		w.s.journal.Forget(id)
	}
	w.forgetReads(op)
	if !op.settle {
		w.s.metrics.appends["given-up"].Inc()
	}
	switch {
	case op.fed > e.state.Sequence():
		w.learn(e.token, &room.State{Seq: op.fed, Record: *op.record}, op.fedAt)
	case op.fed != 0:
		w.tellOnceStored(newTold(op.record, e.token, op.fed))
	}
}

func (w *worker) forgetReads(op *operation) {
	for _, id := range op.reads {
		w.s.journal.Forget(id)
	}
	op.reads = nil
}

// commit takes a change into memory, tells it and answers, in this order.
func (w *worker) commit(e *entry, op *operation, seq uint64) {
	op.done = true
	e.op = nil
	for _, id := range op.ids {
		w.s.journal.Forget(id)
	}
	w.forgetReads(op)
	w.s.metrics.appends["committed"].Inc()
	now := time.Now()
	w.s.hasStored(now)
	w.s.metrics.appending.Observe(now.Sub(op.began).Seconds())
	if seq > e.state.Sequence() {
		e.fed = false
		w.install(e, &room.State{Seq: seq, Record: *op.record})
	}
	w.tellUntold(e.token, seq)
	w.tell(op.record, e.token, seq)
	if op.ask.removal {
		w.s.metrics.removed.Inc()
	}
	op.answer.Seq = seq
	w.answer(op.ask, &op.answer)
	w.next(e)
}

// next goes on with the requests that waited for an append, up to the first that makes another.
func (w *worker) next(e *entry) {
	for e.op == nil && len(e.queue) > 0 {
		a := e.queue[0]
		e.queue[0] = nil
		e.queue = e.queue[1:]
		if !a.done {
			w.step(a)
		}
	}
	if len(e.queue) == 0 {
		e.queue = nil
	}
	w.tidy(e)
}

// isOwn reports whether a record from the feed is what the operation appends.
func (op *operation) isOwn(record []byte) bool { return bytes.Equal(op.payload, record) }
