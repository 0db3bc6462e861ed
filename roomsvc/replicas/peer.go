package replicas

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
)

// peer is another process, as this one has heard of it. All but fresh is guarded by the watch's lock.
type peer struct {
	role  proto.Role
	id    string
	known time.Time // since when it is watched
	beat  time.Time // its last beat
	heard time.Time // its last beat or answer
	asked time.Time // whether it is alive
	// Since when NATS says, every time that it was asked, that nobody answers for it; and when it said so last.
	nobody, stillNobody time.Time
	state               proto.State
	record              int // the newest form of records that it knows; a replica that has not beaten: 0
	gone                bool
	ended               time.Time // when it was counted as gone

	fresh atomic.Bool // it has beaten lately, or could not have been heard
}

func (w *Watch) onBeat(m *nats.Msg) {
	b, err := proto.DecodeBeat(m.Data)
	if err != nil || b.ID == string(w.cfg.Self) || m.Subject != w.cfg.Subjects.Beat(b.Role, b.ID) {
		return
	}
	now := time.Now()
	w.mu.Lock()
	p := w.peers[b.ID]
	if p == nil {
		p = w.add(b.Role, b.ID)
	}
	changed := p.state != b.State || p.record != b.Record || p.gone
	p.beat, p.heard, p.state, p.record, p.nobody = now, now, b.State, b.Record, time.Time{}
	left := b.State == proto.Leaving && p.role == proto.RoleGateway && !p.gone
	if b.State == proto.Up {
		p.gone = false
		p.fresh.Store(true)
	}
	if left {
		p.gone, p.ended = true, now
	}
	if changed && p.role == proto.RoleRoomsvc {
		w.rerank(now)
	}
	w.mu.Unlock()
	if left {
		w.cfg.Gone(b.Role, b.ID, now)
	}
}

// onQuestion answers whether this process is alive.
func (w *Watch) onQuestion(m *nats.Msg) {
	if m.Reply != "" && w.cfg.Subjects.ReplyAllowed(m.Reply) {
		_ = m.Respond(nil) // whoever asked asks again
	}
}

func (w *Watch) onAnswer(m *nats.Msg) {
	id := m.Subject[len(w.inbox):]
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.peers[id]
	if p == nil {
		return
	}
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		if p.nobody.IsZero() {
			p.nobody = now
		}
		p.stillNobody = now
		return
	}
	p.heard, p.nobody = now, time.Time{}
}

// tick looks at every process: who is asked, who is no longer ranked, who is gone.
func (w *Watch) tick(now time.Time) {
	t := &w.cfg.Timings
	var ask []string
	var gone []*peer
	w.mu.Lock()
	counts := w.since.Add(t.Grace) // what was heard or missed before then says nothing
	for id, p := range w.peers {
		p.fresh.Store(now.Sub(latest(p.beat, p.known, w.since)) <= t.Missed && (p.state != proto.Leaving || !p.gone))
		if p.gone && now.Sub(p.ended) > t.Forget && now.Sub(p.heard) > t.Forget {
			w.forget(p)
			continue
		}
		if !w.connected || !w.lost.IsZero() || p.gone || now.Sub(latest(p.beat, p.known)) <= t.Ask {
			continue
		}
		if now.Sub(p.asked) >= t.AskEvery {
			p.asked = now
			ask = append(ask, id)
		}
		if now.Before(counts) || now.Before(w.judges) {
			continue
		}
		dead := !p.nobody.IsZero() && p.stillNobody.Sub(latest(p.nobody, counts)) >= t.NoResponders
		if dead || now.Sub(latest(p.heard, counts)) >= t.Silence {
			p.gone, p.ended = true, now
			gone = append(gone, p)
		}
	}
	w.rerank(now)
	w.mu.Unlock()
	for _, id := range ask {
		// A question that cannot be sent is asked again.
		_ = w.cfg.Conn.PublishRequest(w.cfg.Subjects.Alive(id), w.inbox+id, nil)
	}
	for _, p := range gone {
		w.cfg.Gone(p.role, p.id, latest(p.beat, p.known))
	}
}

// forget is called with the lock held.
func (w *Watch) forget(p *peer) {
	delete(w.peers, p.id)
	if p.role == proto.RoleGateway {
		w.gatewaysMu.Lock()
		delete(w.gateways, proto.GatewayID(p.id))
		w.gatewaysMu.Unlock()
	}
}

// rerank is called with the lock held.
func (w *Watch) rerank(now time.Time) {
	var able [proto.RecordForm + 1][]proto.ReplicaID
	up := func(id proto.ReplicaID, knows int) {
		for form := 1; form <= min(max(knows, 1), proto.RecordForm); form++ {
			able[form] = append(able[form], id)
		}
	}
	form := w.cfg.Form
	early := now.Sub(w.since) <= w.cfg.Timings.Missed // there may be replicas that were not heard yet
	if early {
		form = 1
	}
	if w.state == proto.Up {
		up(w.cfg.Self, proto.RecordForm)
	}
	for id, p := range w.peers {
		if p.role != proto.RoleRoomsvc || p.gone {
			continue
		}
		form = min(form, max(p.record, 1))
		if p.state == proto.Up && now.Sub(latest(p.beat, w.since)) <= w.cfg.Timings.Missed {
			up(proto.ReplicaID(id), p.record)
		}
	}
	w.form.Store(int32(form)) // small
	w.early.Store(early)
	for form := 1; form <= proto.RecordForm; form++ {
		store(&w.able[form], able[form])
	}
}

// store stores a list in an order of its own, unless it is there.
func store(at *atomic.Pointer[[]proto.ReplicaID], list []proto.ReplicaID) {
	slices.Sort(list)
	if !slices.Equal(list, *at.Load()) {
		at.Store(&list)
	}
}

func latest(times ...time.Time) time.Time {
	var last time.Time
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}
