package roomsvc

import (
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

// tellOnceStored tells a committed change that perhaps only the feed has brought, as soon as the leader is seen to have it
// too. It counts as told from now on, so that it is told once.
func (w *worker) tellOnceStored(t told) {
	w.past.add(t)
	w.untold = append(w.untold, untold{told: t})
	w.look(&w.untold[len(w.untold)-1])
}

// untold is a change that waits for the leader to have stored it.
type untold struct {
	told
	read uint64    // the read under way
	sent time.Time // when it was sent
}

// look asks the leader for the room of a change that was not told yet.
func (w *worker) look(u *untold) {
	w.s.journal.Forget(u.read)
	u.sent = time.Now()
	u.read, _ = w.s.journal.Read(u.token, func(id uint64, r journal.Result) { // what cannot be sent is read again later
		w.post(mail{call: func(w *worker) { w.looked(id, r) }})
	})
}

// looked tells the change if the leader has it, which is read again by the tick otherwise.
func (w *worker) looked(id uint64, r journal.Result) {
	i := slices.IndexFunc(w.untold, func(u untold) bool { return u.read == id })
	if i < 0 || r.Err != nil || r.State.Sequence() < w.untold[i].seq {
		return
	}
	w.publish(&w.untold[i].told)
	w.untold = slices.Delete(w.untold, i, i+1)
}

// lookAgain reads anew for what the leader did not have or did not answer. What it does not have for as long as
// changes are remembered is gone with what the journal has lost.
func (w *worker) lookAgain(now time.Time) {
	w.untold = slices.DeleteFunc(w.untold, func(u untold) bool { return now.Sub(u.at) > 3*w.s.cfg.Timings.Retell })
	for i := range w.untold {
		if u := &w.untold[i]; now.Sub(u.sent) >= 4*again {
			w.look(u)
		}
	}
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
