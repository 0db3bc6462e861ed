package worker

import (
	"errors"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// skew is how far the clock of NATS may be off when a replica that starts looks for changes of the last seconds.
const skew = 20 * time.Second

// Begin says that the stream will bring so many records, so that memory for them is made at once.
func (w *Worker) Begin(now time.Time, records int) {
	w.at(now)
	w.rooms.Grow(records)
}

// CaughtUp says that the stream was followed to its end.
func (w *Worker) CaughtUp(now time.Time) {
	w.at(now)
	w.anew = false
}

// Feed takes a record that the stream brought, which was stored at a time. Only a sequence above memory's says anything new.
func (w *Worker) Feed(now time.Time, token proto.Token, seq uint64, data []byte, stored time.Time) {
	w.at(now)
	w.brought = max(w.brought, seq)
	have := w.rooms.State(token)
	if seq <= have.Sequence() {
		w.tidy(token)
		return
	}
	if b := w.busy[token]; b != nil && b.op != nil && b.op.isOwn(data) {
		// It is committed, but nobody may be told before the leader has stored it: another replica that was asked next would
		// read there that it never happened.
		b.op.fed, b.op.fedAt = seq, now
		return
	}
	w.reading = true
	st, err := w.decode(data)
	w.reading = false
	st.Seq = seq
	if string(st.Record.Room) == string(token) {
		st.Record.Room = proto.Room(token) // the same memory
	}
	if err != nil || st.Record.Room.Token() != token {
		w.Meter.Skipped(token, seq, err)
		if errors.Is(err, proto.ErrRecordForm) {
			w.outdated(token, seq)
		}
		return
	}
	if isProbe(&st.Record) {
		return
	}
	w.learn(token, st, stored)
	w.tidy(token)
}

// decode reads a record. The members of a large room in form 2 or 3 stay packed: a replica that does not serve the room does not
// need them.
func (w *Worker) decode(data []byte) (*room.State, error) {
	if !proto.Compact(data) {
		rec, err := w.decoder.Decode(data)
		return &room.State{Record: rec}, err // it says that it is a record
	}
	rec, pack, err := w.decoder.DecodeHead(data)
	st := &room.State{Record: rec, Pack: pack, Form: proto.FormOf(data)}
	if err != nil || pack.Count >= w.Large {
		return st, err // likewise
	}
	if st, err = st.Unpack(); err != nil {
		return &room.State{}, err // likewise
	}
	st.Pack = proto.Pack{} // a small room's is made again when it is needed
	return st, nil
}

// unpack returns a state with its members decoded, and keeps that in memory. nil: they cannot be read.
func (w *Worker) unpack(token proto.Token, st *room.State) *room.State {
	if !st.Packed() {
		return st
	}
	w.reading = true
	whole, err := st.Unpack()
	w.reading = false
	if err != nil {
		w.Meter.Skipped(token, st.Seq, err)
		w.put(token, nil)
		return nil
	}
	w.rooms.Put(token, whole)
	return whole
}

// outdated says that a room's record at a sequence has a form that this version does not know. Memory forgets the room: what
// it has is not so any more, and who knows that form tells and checks. An append that is under way there ends first.
func (w *Worker) outdated(token proto.Token, seq uint64) {
	if b := w.busy[token]; b != nil && b.op != nil {
		b.outdated = max(b.outdated, seq)
		return
	}
	if w.rooms.State(token).Sequence() < seq {
		w.put(token, nil)
	}
}

// isProbe reports whether a record says nothing, and shows only that the journal stores records: a real closing follows
// another record.
func isProbe(rec *proto.Record) bool { return rec.Closed && rec.Prev == 0 }

// learn takes over a committed record that is above memory's and was not told by this worker.
func (w *Worker) learn(token proto.Token, st *room.State, stored time.Time) {
	rec := &st.Record
	known := w.rooms.State(token) != nil
	if known || w.busy[token] != nil || !rec.Closed {
		w.put(token, st)
	}
	switch {
	case rec.Change.Replica == w.Self:
		// Appended by a request that was given up before that was known; or told and forgotten, and now read again.
		forgotten := rec.Closed && !known
		if !forgotten && !w.anew && !w.tells.waits(token, st.Seq) && !w.tells.past.has(token, st.Seq) {
			w.tells.onceStored(newTold(st, token, w.now))
		}
	case w.Store.Followed() || w.now.Sub(stored) < w.Retell+skew:
		w.Peers.Know(proto.RoleRoomsvc, string(rec.Change.Replica))
		w.tells.past.add(newTold(st, token, w.now))
	}
}

// put makes a state the room's in memory. st is nil when the journal has nothing of it.
func (w *Worker) put(token proto.Token, st *room.State) {
	old := w.rooms.State(token)
	if st == nil {
		w.rooms.Remove(token)
	} else {
		for _, g := range w.rooms.Put(token, st) {
			w.Peers.Know(proto.RoleGateway, string(g))
		}
		w.gone.changed(old, st)
		w.noteBanned(token, st)
		w.knocksSee(token, st)
	}
	var members, rooms int
	if old.Open() {
		members, rooms = members-old.Count(), rooms-1
	}
	if st.Open() {
		members, rooms = members+st.Count(), rooms+1
	}
	if members != 0 {
		w.Meter.Count(Members, members)
	}
	if rooms != 0 {
		w.Meter.Count(Rooms, rooms)
	}
}

// tidy forgets what is of no use of a room: that nobody waits for its append any more; and a closing, once the feed has
// brought it.
func (w *Worker) tidy(token proto.Token) {
	if b := w.busy[token]; b != nil {
		if b.op != nil || len(b.queue) > 0 {
			return
		}
		delete(w.busy, token)
		w.outdated(token, b.outdated)
	}
	if st := w.rooms.State(token); st != nil && st.Record.Closed && st.Seq <= w.brought {
		w.rooms.Remove(token)
	}
}

// Reset forgets everything, because the stream is another one than before.
func (w *Worker) Reset(now time.Time) {
	w.at(now)
	w.brought, w.anew = 0, true
	w.tells.drop()
	clear(w.gone.pending)
	for _, token := range w.rooms.Tokens() {
		w.put(token, nil)
	}
	for _, b := range w.busy {
		if b.op != nil {
			b.op.fed = 0
		}
	}
}
