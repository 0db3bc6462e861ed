package worker

import (
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// admit begins with a request, or joins it to the one that it repeats.
func (w *Worker) admit(a *Ask) {
	if first := w.asks.repeated(a); first != nil {
		if len(first.Replies) < maxReplies {
			first.Replies = append(first.Replies, a.Replies...)
		}
		// A removal is begun again with each look. One that cannot be settled, because its room's record cannot be read, has
		// to end all the same, or it keeps its place from those of other rooms.
		if !a.Removal && a.Deadline.After(first.Deadline) {
			first.Deadline = a.Deadline
		}
		return
	}
	w.Meter.Count(Underway, 1)
	w.asks.add(a)
	if a.Removal {
		w.gone.underway++
	}
	if w.asks.count > maxActive {
		w.Meter.Count(FullWorker, 1)
		a.giveUp(w, "the room service has too much to do")
		return
	}
	w.step(a)
}

// step decides a request on what is in memory, unless it has to wait for the room's append.
func (w *Worker) step(a *Ask) {
	if b := w.busy[a.Token]; b != nil && b.op != nil && a.changes() {
		if len(b.queue) >= roomQueue {
			w.Meter.Count(FullRoom, 1)
			a.giveUp(w, "too many requests wait for this room")
			return
		}
		b.queue = append(b.queue, a)
		return
	}
	if a.Op == proto.OpKnock && a.Gone {
		w.leaveDoor(a)
		return
	}
	st := w.unpack(a.Token, w.rooms.State(a.Token))
	if w.look(a, st) {
		return
	}
	d := w.decide(st, a)
	switch {
	case w.tooEarly(a, &d):
	case d.Record != nil && w.nobodyKnocks(a):
		e := proto.Event{Name: proto.TargetNotFound, Room: a.Room, TargetID: a.TargetID}
		a.answer(w, &e, nil)
	case d.Record != nil:
		w.begin(a, &d)
	case d.Relay != "":
		a.forward(w, d.Relay)
	case d.Answer.Name == proto.PushIt: // like a relay: the target's gateway checks it
		a.answerBy(w, d)
	default:
		a.ask(w) // no append will stand behind the answer, so the leader is asked
	}
}

// tooEarly holds a request back that would get less than it asked for only because other replicas may not have been heard yet.
func (w *Worker) tooEarly(a *Ask, d *room.Decision) bool {
	a.held = d.Less && w.Peers.Early()
	return a.held
}

// decide applies the rules, which change nothing.
func (w *Worker) decide(st *room.State, a *Ask) room.Decision {
	a.At = w.now.UnixMilli()
	if judges(a.Op) {
		a.Knocker = ""
		if k := w.knocks.of(a.Token, a.TargetID, ""); k != nil {
			a.Knocker = k.info.Sub
		}
	}
	w.reading = true
	d := w.rules.Decide(st, &a.Request)
	w.reading = false
	return d
}

// judges reports whether an operation decides on who knocks.
func judges(op proto.Op) bool { return op == proto.OpAdmit || op == proto.OpRefuse }

// nobodyKnocks reports whether a request lets somebody in, or not, who does not knock.
func (w *Worker) nobodyKnocks(a *Ask) bool {
	return judges(a.Op) && w.knocks.of(a.Token, a.TargetID, "") == nil
}

// next goes on with the requests that waited for a room's append, up to the first that makes another.
func (w *Worker) next(b *busy) {
	for b.op == nil && len(b.queue) > 0 {
		a := b.queue[0]
		b.queue[0] = nil
		b.queue = b.queue[1:]
		if !a.done {
			w.step(a)
		}
	}
	w.tidy(b.token)
}
