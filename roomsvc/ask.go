package roomsvc

import (
	"slices"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/journal"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// again is how long an ask waits before it tries again what failed at once.
const again = 25 * time.Millisecond

// maxOlder is how many reads may be older than memory, in 0.8 s, before they are believed. The feed comes from any copy of
// the stream, which may have stored a record a little earlier than the leader has.
const maxOlder = 5

// tooLate is the answer to a request whose Parley-Timeout has passed.
const tooLate = "the request could not be carried out in time"

// ask is a request on its way to its answer. It is owned by the worker once admitted.
type ask struct {
	room.Request
	token    proto.Token
	replies  []string // of its attempts so far
	arrived  time.Time
	deadline time.Time
	removal  bool // it removes a member whose gateway is gone; nobody hears an answer

	bears proto.RequestID // answered with a room-joined: the request that made the client a member, when it may be another

	done   bool
	reads  []uint64  // the reads under way: one, and more when it was not answered in time
	sent   time.Time // when the last one was sent
	knew   uint64    // what memory had when the first one was sent
	older  int       // so many reads were older than memory
	unsure bool      // read again once the leader is believed
	retry  time.Time // when to go on; zero: not waiting for a time
}

// changes reports whether the request may change its room.
func (a *ask) changes() bool {
	return a.Op == proto.OpCreate || a.Op == proto.OpJoin || a.Op == proto.OpLeave
}

// admit begins with a request, or joins it to the one that it repeats.
func (w *worker) admit(a *ask) {
	if first := w.byID[a.ID]; first != nil && a.ID != "" && first.token == a.token && first.Op == a.Op &&
		first.ClientID == a.ClientID {
		if len(first.replies) < maxReplies {
			first.replies = append(first.replies, a.replies...)
		}
		// A removal is begun again with each look. One that cannot be settled, because its room's record cannot be read, has
		// to end all the same, or it keeps its place from those of other rooms.
		if !a.removal && a.deadline.After(first.deadline) {
			first.deadline = a.deadline
		}
		return
	}
	w.s.inflight.Add(1)
	w.active[a] = struct{}{}
	if a.removal {
		w.removing++
	}
	if a.ID != "" {
		w.byID[a.ID] = a
	}
	if len(w.active) > maxActive {
		w.s.metrics.overflow("active")
		w.giveUp(a, "the room service has too much to do")
		return
	}
	w.step(a)
}

// step decides a request on what is in memory, unless it has to wait for the room's append.
func (w *worker) step(a *ask) {
	e := w.rooms[a.token]
	if e != nil && e.op != nil && a.changes() {
		if len(e.queue) >= roomQueue {
			w.s.metrics.overflow("room")
			w.giveUp(a, "too many requests wait for this room")
			return
		}
		e.queue = append(e.queue, a)
		return
	}
	var st *room.State
	if e != nil {
		st = e.state
	}
	d := w.rules.Decide(st, &a.Request)
	switch {
	case d.Record != nil:
		w.begin(a, &d)
	case d.Relay != "":
		w.relayAsk(a, d.Relay)
	default:
		w.read(a)
	}
}

// read asks the leader for the room's record, since the answer would have no append behind it.
func (w *worker) read(a *ask) {
	a.retry = time.Time{}
	if len(a.reads) == 0 {
		if w.reads >= maxReads {
			w.backlog = append(w.backlog, a)
			return
		}
		a.knew = 0
		if e := w.rooms[a.token]; e != nil {
			a.knew = e.state.Sequence()
		}
	}
	a.sent = time.Now()
	id, err := w.s.journal.Read(a.token, func(id uint64, r journal.Result) { w.post(mail{ask: a, id: id, result: r}) })
	if err != nil {
		a.retry = a.sent.Add(again)
		return
	}
	if a.reads = append(a.reads, id); len(a.reads) == 1 {
		w.reads++
	}
}

// unread ends an ask's reads, and lets those that waited for it begin theirs.
func (w *worker) unread(a *ask) {
	if len(a.reads) == 0 {
		return
	}
	for _, id := range a.reads {
		w.s.journal.Forget(id)
	}
	a.reads = nil
	w.reads--
	for len(w.backlog) > 0 && w.reads < maxReads {
		next := w.backlog[0]
		w.backlog[0] = nil
		w.backlog = w.backlog[1:]
		if !next.done {
			w.read(next)
		}
	}
}

// onRead decides a request on the record that the leader has. What was true at the leader after the request arrived may
// be answered, whatever memory has learned meanwhile.
func (w *worker) onRead(a *ask, id uint64, r journal.Result) {
	if a.done || !slices.Contains(a.reads, id) {
		return
	}
	w.unread(a)
	if r.Err != nil {
		w.s.troubleReading(a.token, r.Err)
		a.retry = time.Now().Add(again)
		return
	}
	if !w.s.journal.Sure() { // another may be the leader by now
		a.unsure, a.retry = true, time.Now()
		return
	}
	a.unsure = false
	if r.State.Sequence() < a.knew && a.older < maxOlder {
		a.retry = time.Now().Add(again << a.older)
		a.older++
		return
	}
	a.older = 0
	w.believe(a.token, r.State, a.knew)
	d := w.rules.Decide(r.State, &a.Request)
	switch {
	case d.Record != nil:
		w.step(a) // on memory, which is level now
	case d.Relay != "":
		w.relayAsk(a, d.Relay)
	default:
		a.bears = d.Bears
		w.answer(a, &d.Answer)
	}
}

// believe takes over what the leader has for a room. knew is the sequence that memory had when the leader was asked: a
// record above memory's is taken, and one below knew too, since then the journal has lost what memory has.
func (w *worker) believe(token proto.Token, st *room.State, knew uint64) {
	e := w.rooms[token]
	var have uint64
	if e != nil {
		have = e.state.Sequence()
	}
	switch seq := st.Sequence(); {
	case seq > have:
		if e != nil && e.op != nil && e.op.wrote(&st.Record) {
			w.commit(e, e.op, seq)
			return
		}
		w.learn(token, st, time.Now())
	case seq < knew && have == knew:
		e.fed = true // what it had will not come again
		w.install(e, st)
		w.tidy(e)
	}
}

func (w *worker) relayAsk(a *ask, gateway proto.GatewayID) {
	for _, reply := range a.replies {
		w.s.forward(&a.Request.Request, gateway, reply)
	}
	w.end(a)
}

// answer answers every attempt of a request.
func (w *worker) answer(a *ask, e *proto.Event) {
	if len(a.replies) > 0 {
		payload := proto.AppendEvent(make([]byte, 0, 256), e)
		bears := a.bears
		if e.Name == proto.RoomJoined && bears == "" {
			bears = a.ID // it has just been appended
		}
		for _, reply := range a.replies {
			w.s.reply(reply, payload, bears)
		}
	}
	if !a.removal {
		w.s.metrics.answered(a.Op, e, time.Since(a.arrived))
	}
	w.end(a)
}

// giveUp answers a request that is not settled in time, or for which there is no room.
func (w *worker) giveUp(a *ask, why string) {
	e := proto.Errorf(proto.CodeUnavailable, a.Room, a.ClientID, "%s", why)
	w.answer(a, &e)
}

// end forgets a request.
func (w *worker) end(a *ask) {
	if a.done {
		return
	}
	a.done = true
	w.unread(a)
	if a.removal {
		w.removing--
	}
	delete(w.active, a)
	if w.byID[a.ID] == a {
		delete(w.byID, a.ID)
	}
	w.s.inflight.Add(-1)
}

// unanswered returns how long to wait for an answer before the next attempt: longer each time, since a server that is
// slow is not helped by more to do.
func (s *Service) unanswered(attempts int) time.Duration {
	return s.cfg.Timings.Unanswered << min(max(attempts, 1)-1, 4)
}

// tick goes on with what was not answered in time, and gives up what nobody waits for any more.
func (w *worker) tick(now time.Time) {
	w.lookAgain(now)
	sure := w.s.journal.Sure()
	for a := range w.active {
		e := w.rooms[a.token]
		op := (*operation)(nil)
		if e != nil && e.op != nil && e.op.ask == a {
			op = e.op
		}
		switch {
		case !now.Before(a.deadline):
			if op != nil {
				w.abandon(e, op)
			}
			w.giveUp(a, tooLate)
			if op != nil {
				w.next(e)
			}
		case op != nil:
			w.pursue(e, op, now)
		case len(a.reads) > 0 && now.Sub(a.sent) >= w.s.unanswered(len(a.reads)):
			w.read(a)
		case !a.retry.IsZero() && !now.Before(a.retry) && (sure || !a.unsure):
			w.read(a)
		}
	}
}
