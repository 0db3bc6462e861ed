package sim

import (
	"slices"
	"strconv"
	"time"

	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/worker"
)

// ask is a request of a gateway to the room service, as gateway/ask makes it: to the replica that ranks first, and to the
// next when nobody is there or 500 ms were silent.
type ask struct {
	rooms.Ask
	g        *gateway
	c        *client // whose request it is; nil: the gateway's own
	req      proto.Request
	deadline int64
	roster   uint64      // the core's number of the roster that is asked for
	stay     *proto.Stay // a signal's: the keeper has it, for a target that is there
	kept     bool
	inquiry  bool // the core has nothing to do with it
	knock    *knocking

	order    []proto.ReplicaID
	turn     int // the next in order
	attempts int
	backoff  time.Duration
	done     bool
	outcome  rooms.Outcome
}

// attempt is one of an ask, named by its reply subject.
type attempt struct {
	ask   *ask
	reply string
	num   int
}

// ask carries out a request of the gateway's own.
func (g *gateway) ask(a *ask) {
	g.num++
	a.g, a.Num, a.deadline = g, g.num, g.w.now+int64(proto.RequestTimeout)
	a.ID = proto.RequestID(g.name + "-0-" + strconv.FormatUint(g.num, 36))
	g.soon(a.try)
}

// try makes the next attempt.
func (a *ask) try() {
	g, w := a.g, a.g.w
	if a.done || !g.alive {
		return
	}
	if w.now >= a.deadline {
		g.giveUp(a)
		return
	}
	if a.turn == 0 {
		a.order = g.ranking.rank(a.Room.Token())
		if len(a.order) == 0 && len(w.replicas) > 0 { // any replica
			if r := pick(w, w.replicas); r.ready {
				a.order = append(a.order, r.id)
			}
		}
	}
	if a.turn >= len(a.order) {
		a.turn = 0
		a.backoff = min(max(2*a.backoff, 50*time.Millisecond), 500*time.Millisecond)
		a.again(w.span(a.backoff, 2*a.backoff), a.attempts)
		return
	}
	target := a.order[a.turn]
	a.turn++
	a.attempts++
	at := &attempt{ask: a, num: a.attempts, reply: g.name + "." + strconv.Itoa(len(w.attempts))}
	w.attempts[at.reply] = at
	if a.Op == proto.OpLeave {
		w.leaves[a.ID] = a.req.Joined
	}
	w.turns[a.ID] = a.req.Turn
	w.asks[a.ID] = a
	w.note("%s asks %s: %s %s %q for %s of %s (%s)", g.name, target, a.ID, a.Op, a.Room, a.req.ClientID, a.req.Joined, at.reply)
	left := time.Duration(a.deadline - w.now)
	proc := w.replica(target)
	if proc == nil || !proc.ready {
		g.soon(func() { // NATS says at once that nobody is there
			g.ranking.gone(target)
			if !a.done && a.attempts == at.num {
				a.try()
			}
		})
		return
	}
	req := a.req
	g.send(&proc.process, func() { proc.request(&req, a.Op, a.ID, left, at.reply) })
	a.again(min(left, proto.AttemptTimeout), at.num)
}

// again has the next attempt made after a time, unless something has happened since.
func (a *ask) again(d time.Duration, attempts int) {
	a.g.w.after(d, func() {
		a.g.take(func() {
			if a.attempts == attempts {
				a.try()
			}
		})
	})
}

// answer takes the answer to an attempt.
func (g *gateway) answer(at *attempt, data []byte, beside worker.Beside) {
	a := at.ask
	e, err := proto.DecodeAnswer(data)
	if err != nil {
		g.w.fail("an answer cannot be read: %v: %s", err, data)
		return
	}
	stays := g.w.stays(beside.Stays)
	switch {
	case a.c == nil:
		if !a.done {
			a.done = true
			if a.knock != nil {
				g.knockAnswered(a.knock, e)
			}
			if a.roster != 0 {
				g.step(&rooms.In{Kind: rooms.Roster, Num: a.roster, Event: &e, Stays: stays})
				g.compared(a.Room, &e, stays)
			}
		}
	case a.c.forgotten:
	case a.inquiry:
		if !a.done && a.c.asking == a {
			g.inquired(a, e)
		}
	case a.Op == proto.OpSignal:
		if !a.done && !a.kept && a.c.asking == a {
			g.signalAnswer(a, e, stays)
		}
	default:
		q := rooms.Ask{Num: a.Num, ID: a.ID}
		if current := a.c.asking; current != nil && current.Num == a.Num {
			q = current.Ask
		}
		g.step(&rooms.In{
			Kind: rooms.Answer, Client: &a.c.Client, Ask: q, Event: &e, Payload: data, Bears: beside.Bears, Stays: stays,
		})
	}
}

// signalAnswer ends a signal, unless its target is resumable: then the keeper has it.
func (g *gateway) signalAnswer(a *ask, e proto.Event, stays *proto.Stays) {
	if e.Name != proto.PushIt {
		a.c.queue(packet{event: e, ref: a.Ref})
		a.c.resolve(rooms.OK)
		return
	}
	stay, ok := stays.Members[a.req.TargetID]
	if !ok {
		g.w.fail("push-it says not where %s is: %v", a.req.TargetID, stays)
		return
	}
	a.stay = &stay
	a.keep()
}

// giveUp ends an ask whose time is up.
func (g *gateway) giveUp(a *ask) {
	switch {
	case a.c == nil:
		a.done = true
		if a.roster != 0 {
			g.step(&rooms.In{Kind: rooms.NoRoster, Num: a.roster})
		}
	case a.Op == proto.OpSignal, a.inquiry:
		if a.kept {
			return
		}
		a.c.queue(packet{event: proto.Errorf(proto.CodeUnavailable, a.Room, a.c.ID, "not in time"), ref: a.Ref})
		a.c.resolve(rooms.Unavailable)
	default:
		g.step(&rooms.In{Kind: rooms.GiveUp, Client: &a.c.Client, Ask: rooms.Ask{Num: a.Num}})
	}
}

func (w *world) replica(id proto.ReplicaID) *replica {
	for _, r := range w.replicas {
		if r.id == id {
			return r
		}
	}
	return nil
}

// ranking is which replicas a gateway has heard of. One that hears nobody keeps its last list.
type ranking struct {
	heard []heardReplica
	live  []proto.ReplicaID
}

type heardReplica struct {
	id proto.ReplicaID
	at int64
}

func (r *ranking) beat(id proto.ReplicaID, now int64) {
	r.forget(func(h heardReplica) bool { return h.id == id })
	r.heard = append(r.heard, heardReplica{id, now})
	r.publish()
}

func (r *ranking) tick(now int64) {
	r.forget(func(h heardReplica) bool { return now-h.at > int64(proto.BeatMissed) })
	r.publish()
}

func (r *ranking) gone(id proto.ReplicaID) {
	r.forget(func(h heardReplica) bool { return h.id == id })
	r.publish()
}

func (r *ranking) forget(which func(heardReplica) bool) { r.heard = slices.DeleteFunc(r.heard, which) }

func (r *ranking) publish() {
	if len(r.heard) == 0 {
		return
	}
	r.live = r.live[:0]
	for _, h := range r.heard {
		r.live = append(r.live, h.id)
	}
	slices.Sort(r.live)
}

func (r *ranking) rank(token proto.Token) []proto.ReplicaID {
	return slices.Clone(proto.Rank(r.live, token))
}
