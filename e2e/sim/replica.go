package sim

import (
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/memory"
	"github.com/parley-rtc/parley/roomsvc/room"
	"github.com/parley-rtc/parley/roomsvc/worker"
)

// replica is a replica of the room service with one worker.
type replica struct {
	process
	id     proto.ReplicaID
	worker *worker.Worker
	rooms  *memory.Rooms
	store  store
	peers  peers
	// following: the feed's records go to the worker. ready: it has followed the stream to its end.
	following, ready bool
	underway         int
}

const retell = 10 * time.Second

// startReplica starts a replica: it follows the stream to its end, and then takes requests.
func (w *world) startReplica() {
	r := &replica{process: newProcess(w, "replica")}
	r.id = proto.ReplicaID(r.name)
	r.rooms = memory.New()
	r.store.r, r.peers = r, newPeers(r)
	r.worker = worker.New(worker.Config{
		Self: r.id, MaxMembers: 6, Large: 3, Retell: retell, Unanswered: time.Second,
		Store: &r.store, Peers: &r.peers, Wire: &wire{r}, Meter: &meter{r},
		Passwords: looker{r},
	}, r.rooms)
	w.replicas = append(w.replicas, r)
	w.note("%s starts on node %d", r.name, r.node)
	r.store.renew()
	r.every(500*time.Millisecond, r.store.renew)
	r.every(time.Second, func() {
		if r.ready {
			w.beat(r.name, &r.process)
		}
	})
	r.every(50*time.Millisecond, func() { r.worker.Tick(w.time()) })
	r.every(500*time.Millisecond, func() {
		r.peers.look()
		r.worker.Forget(w.time(), w.time().Add(-3*retell))
		r.worker.Sweep(w.time(), r.ready)
	})
	w.after(w.span(0, 10*time.Second), func() { r.every(10*time.Second, r.check) })
	w.after(w.span(0, time.Second), r.follow)
}

// follow brings the worker what the copy on its node has.
func (r *replica) follow() {
	r.following = true
	for _, e := range r.w.stream.snapshot(r.node) {
		r.feed(e)
	}
	r.after(func() {
		r.worker.CaughtUp(r.w.time())
		r.ready = true
		r.w.note("%s is ready", r.name)
		r.w.beat(r.name, &r.process)
	})
}

// feed brings a record from the stream.
func (r *replica) feed(e *entry) {
	r.after(func() { r.worker.Feed(r.w.time(), e.token, e.seq, e.data, e.when) })
}

// after has a replica do something a moment later, in the order of the feed.
func (r *replica) after(do func()) {
	r.store.feedAt = max(r.store.feedAt, r.w.now+int64(r.w.span(0, time.Millisecond)))
	r.w.at(r.store.feedAt, func() { r.take(do) })
}

// reconnected is what a replica does when NATS is back.
func (r *replica) reconnected() {
	r.peers.since = r.w.now
	r.worker.TellAgain(r.w.time(), r.id, r.w.time().Add(-retell-10*time.Second))
}

// request is an attempt that has come to a replica.
func (r *replica) request(q *proto.Request, op proto.Op, id proto.RequestID, timeout time.Duration, reply string) {
	token := q.Room.Token()
	if op == proto.OpSignal {
		if gateway, ok := r.rooms.Route(token, q.ClientID, q.TargetID); ok {
			(&wire{r}).Forward(q, gateway, reply)
			return
		}
	}
	now := r.w.time()
	r.worker.Take(now, &worker.Ask{
		Request: room.Request{Request: *q, Op: op, ID: id},
		Token:   token, Replies: []string{reply}, Arrived: now, Deadline: now.Add(timeout),
	})
}

// check tells each gateway what this replica believes of its members, as roomsvc does.
func (r *replica) check() {
	if !r.ready {
		return
	}
	for _, g := range r.w.gateways {
		if _, gone := r.peers.Gone(g.id); gone {
			continue
		}
		for _, e := range r.rooms.Of(g.id) {
			st := r.rooms.Load(e)
			if !st.Open() || !r.peers.First(e.Token, st.Form) {
				continue
			}
			st, err := st.Unpack()
			if err != nil {
				r.w.fail("the members of %q cannot be read: %v", e.Token, err)
				return
			}
			c := &proto.CheckRoom{Room: st.Record.Room, Seq: st.Seq}
			for _, m := range st.Record.Members {
				if m.Gateway == g.id {
					c.Members = append(c.Members, proto.CheckMember{ID: m.ID, Request: m.Request})
				}
			}
			r.send(&g.process, func() { g.check(c) })
		}
	}
}

// wire is how a replica tells and answers.
type wire struct{ r *replica }

// Tell implements [worker.Wire].
func (t *wire) Tell(_ proto.Token, gateways []proto.GatewayID, event []byte, beside worker.Beside) {
	t.r.w.note("%s tells %s %s", t.r.name, event, beside.Stays)
	for _, id := range gateways {
		if g := t.r.w.gateway(id); g != nil {
			t.r.send(&g.process, func() { g.event(event, beside) })
		}
	}
}

// TellOne implements [worker.Wire].
func (t *wire) TellOne(gateway proto.GatewayID, client proto.ClientID, event []byte) {
	t.r.w.note("%s tells %s of %s %s", t.r.name, client, gateway, event)
	if g := t.r.w.gateway(gateway); g != nil {
		t.r.send(&g.process, func() { g.notice(client, event) })
	}
}

// Reply implements [worker.Wire].
func (t *wire) Reply(subject string, event []byte, beside worker.Beside) {
	t.r.w.note("%s answers %s %s %s", t.r.name, subject, event, beside.Stays)
	if a := t.r.w.attempts[subject]; a != nil {
		t.r.send(&a.ask.g.process, func() { a.ask.g.answer(a, event, beside) })
	}
}

// Forward implements [worker.Wire].
func (t *wire) Forward(q *proto.Request, gateway proto.GatewayID, reply string) {
	g := t.r.w.gateway(gateway)
	if g == nil || !t.r.peers.fresh(gateway) {
		e := proto.Errorf(proto.CodeUnavailable, q.Room, q.ClientID, "the target's gateway does not answer")
		t.Reply(reply, proto.AppendEvent(nil, &e), worker.Beside{})
		return
	}
	e := proto.Event{Name: proto.SignalReceive, Room: q.Room, SenderID: q.ClientID, Data: q.Data, N: q.N}
	to := q.TargetID
	t.r.send(&g.process, func() { g.signal(to, e, reply) })
}

// meter takes what a replica counts.
type meter struct{ r *replica }

// Count implements [worker.Meter].
func (m *meter) Count(what worker.Counter, n int) {
	if what == worker.Underway {
		m.r.underway += n
	}
}

// Answered, Appended, Waits and Trouble implement [worker.Meter].
func (m *meter) Moderated(*room.Request, *proto.Record)         {}
func (m *meter) Answered(proto.Op, *proto.Event, time.Duration) {}

// Appended is described at [meter.Answered].
func (m *meter) Appended(time.Time, time.Duration) {}

// Waits is described at [meter.Answered].
func (m *meter) Waits(time.Time, time.Time) {}

// Trouble is described at [meter.Answered].
func (m *meter) Trouble(_ proto.Token, err error) { m.r.w.note("%s: %v", m.r.name, err) }

// Skipped implements [worker.Meter]: nobody writes what cannot be read.
func (m *meter) Skipped(_ proto.Token, seq uint64, err error) {
	m.r.w.fail("%s skips the record %d: %v", m.r.name, seq, err)
}
