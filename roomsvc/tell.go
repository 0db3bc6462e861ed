package roomsvc

import (
	"cmp"
	"slices"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/journal"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// told is a change that may have to be told again.
type told struct {
	at       time.Time // when this replica heard of it
	replica  proto.ReplicaID
	token    proto.Token
	seq      uint64
	payload  []byte
	gateways []proto.GatewayID
}

// past is what was told lately, the oldest first, in a ring of at most retellEntries.
type past struct {
	ring  []told
	first int
	count int
}

func (p *past) add(t told) {
	if p.count == len(p.ring) && p.count < retellEntries {
		grown := make([]told, max(64, 2*p.count))
		for i := range p.count {
			grown[i] = p.ring[(p.first+i)%len(p.ring)]
		}
		p.ring, p.first = grown, 0
	}
	if p.count == len(p.ring) {
		p.ring[p.first] = t
		p.first = (p.first + 1) % len(p.ring)
		return
	}
	p.ring[(p.first+p.count)%len(p.ring)] = t
	p.count++
}

// has reports whether a change was told lately. It goes through all of them, for what happens seldom.
func (p *past) has(token proto.Token, seq uint64) bool {
	for i := range p.count {
		if t := &p.ring[(p.first+i)%len(p.ring)]; t.seq == seq && t.token == token {
			return true
		}
	}
	return false
}

// forget drops what is older than a time.
func (p *past) forget(before time.Time) {
	for p.count > 0 && p.ring[p.first].at.Before(before) {
		p.ring[p.first] = told{}
		p.first = (p.first + 1) % len(p.ring)
		p.count--
	}
	if p.count == 0 && len(p.ring) > 1024 {
		*p = past{}
	}
}

// tell tells a committed change of this replica to the room's subject and to each gateway that had or has members.
func (w *worker) tell(rec *proto.Record, token proto.Token, seq uint64) {
	t := newTold(rec, token, seq)
	w.publish(&t)
	w.past.add(t)
}

// change names a committed change.
type change struct {
	token proto.Token
	seq   uint64
}

// untold is a change of this replica that only the feed has brought, and that is told when the leader has stored it.
type untold struct {
	told
	reads []uint64  // the reads under way, of which any answer will do
	sent  time.Time // when the last read was sent
}

// maxLooks is how many changes are read at a time before they are told.
const maxLooks = 64

// tellOnceStored tells a change as soon as the leader is seen to have it.
func (w *worker) tellOnceStored(t told) {
	u := &untold{told: t}
	w.untold[change{t.token, t.seq}] = u
	if w.looking < maxLooks {
		w.look(u)
	}
}

// lookAgain reads what waits to be told, and once more what was not answered or not stored. What the leader does not have for
// as long as changes are remembered is gone with what the journal has lost.
func (w *worker) lookAgain(now time.Time) {
	for _, u := range w.untold {
		switch {
		case now.Sub(u.at) > 3*w.s.cfg.Timings.Retell:
			w.dropUntold(u)
		case len(u.reads) == 0 && w.looking < maxLooks && now.Sub(u.sent) >= 4*again,
			len(u.reads) > 0 && now.Sub(u.sent) >= w.s.unanswered(len(u.reads)):
			w.look(u)
		}
	}
}

// look asks the leader for the room of a change.
func (w *worker) look(u *untold) {
	u.sent = time.Now()
	id, err := w.s.journal.Read(u.token, func(_ uint64, r journal.Result) {
		w.post(mail{call: func(w *worker) { w.looked(u, r) }})
	})
	if err != nil {
		return
	}
	if len(u.reads) == 0 {
		w.looking++
	}
	u.reads = append(u.reads, id)
}

// looked tells the change if the leader has it.
func (w *worker) looked(u *untold, r journal.Result) {
	if w.untold[change{u.token, u.seq}] != u {
		return
	}
	if r.Err == nil && r.State.Sequence() >= u.seq {
		w.tellUntold(u.token, u.seq)
		return
	}
	w.forgetLooks(u)
}

// tellUntold tells what waits of a room up to a change that the leader is known to have.
func (w *worker) tellUntold(token proto.Token, seq uint64) {
	if len(w.untold) == 0 {
		return
	}
	var due []*untold
	for _, u := range w.untold {
		if u.token == token && u.seq <= seq {
			due = append(due, u)
		}
	}
	slices.SortFunc(due, func(a, b *untold) int { return cmp.Compare(a.seq, b.seq) })
	for _, u := range due {
		w.dropUntold(u)
		w.publish(&u.told)
		w.past.add(u.told)
	}
}

func (w *worker) dropUntold(u *untold) {
	w.forgetLooks(u)
	delete(w.untold, change{u.token, u.seq})
}

func (w *worker) forgetLooks(u *untold) {
	if len(u.reads) > 0 {
		w.looking--
	}
	for _, id := range u.reads {
		w.s.journal.Forget(id)
	}
	u.reads = nil
}

func newTold(rec *proto.Record, token proto.Token, seq uint64) told {
	event := rec.Event(seq)
	return told{
		at: time.Now(), replica: rec.Change.Replica, token: token, seq: seq,
		payload: proto.AppendEvent(make([]byte, 0, 192), &event), gateways: room.Gateways(rec),
	}
}

func (w *worker) publish(t *told) {
	w.s.publish(w.s.subjects.RoomEvent(t.token), t.payload)
	for _, g := range t.gateways {
		w.s.publish(w.s.subjects.GatewayRoom(g, t.token), t.payload)
	}
}

// retell tells again what a replica changed since a time. Whoever has heard it drops it by its sequence. Another's
// changes are told by the replica that now ranks first for the room.
func (w *worker) retell(replica proto.ReplicaID, since time.Time) {
	n := 0
	for i := range w.past.count {
		t := &w.past.ring[(w.past.first+i)%len(w.past.ring)]
		if t.replica != replica || t.at.Before(since) || replica != w.s.id && !w.s.watch.First(t.token) {
			continue
		}
		w.publish(t)
		n++
	}
	w.s.metrics.retold.Add(float64(n))
}
