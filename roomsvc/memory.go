package roomsvc

import (
	"slices"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// largeRoom is the number of members from which a signal's sender and target are found by a map.
const largeRoom = 24

// skew is how far the clock of NATS may be off when a replica that starts looks for changes of the last seconds.
const skew = 20 * time.Second

// feed takes a record that the stream brought. Only a sequence above memory's says anything new.
func (w *worker) feed(token proto.Token, seq uint64, data []byte, at time.Time) {
	w.brought = max(w.brought, seq)
	e := w.rooms[token]
	if e != nil && seq <= e.state.Sequence() {
		if seq == e.state.Sequence() && e.state.Record.Closed {
			e.fed = true
			w.tidy(e)
		}
		return
	}
	if e != nil && e.op != nil && e.op.isOwn(data) {
		// It is committed, but nobody may be told before the leader has stored it: another replica that was asked next would
		// read there that it never happened.
		e.op.fed, e.op.fedAt = seq, time.Now()
		return
	}
	rec, err := w.decoder.Decode(data)
	if string(rec.Room) == string(token) {
		rec.Room = proto.Room(token) // the same memory
	}
	if err != nil || rec.Room.Token() != token {
		w.s.metrics.skipped.Inc()
		w.s.log.Warn("a journal record was skipped", "token", string(token), "seq", seq, "error", err)
		return
	}
	if isProbe(&rec) {
		return
	}
	w.learn(token, &room.State{Seq: seq, Record: rec}, at)
	if e = w.rooms[token]; e != nil && rec.Closed {
		e.fed = true
		w.tidy(e)
	}
}

// learn takes over a committed record that is above memory's and was not told by this worker.
func (w *worker) learn(token proto.Token, st *room.State, at time.Time) {
	rec := &st.Record
	forgotten := rec.Closed && (w.rooms[token] == nil || w.rooms[token].state == nil)
	if e := w.rooms[token]; e != nil || !rec.Closed {
		e = w.entry(token)
		e.fed = false
		w.install(e, st)
	}
	switch {
	case rec.Change.Replica == w.s.id:
		// Appended by a request that was given up before that was known; or told and forgotten, and now read again.
		if !forgotten && !w.anew && w.untold[change{token, st.Seq}] == nil && !w.past.has(token, st.Seq) {
			w.tellOnceStored(newTold(rec, token, st.Seq))
		}
	case w.s.followed.Load() || time.Since(at) < w.s.cfg.Timings.Retell+skew:
		w.s.watch.Know(proto.RoleRoomsvc, string(rec.Change.Replica))
		w.past.add(newTold(rec, token, st.Seq))
	}
}

// install makes a state the room's in memory. st is nil when the journal has nothing of it.
func (w *worker) install(e *entry, st *room.State) {
	old := e.state
	var gateways []proto.GatewayID
	if st.Open() {
		members := room.Gateways(&proto.Record{Members: st.Record.Members})
		if gateways = e.gateways; !slices.Equal(gateways, members) {
			gateways = members
		}
	}
	var fresh []proto.GatewayID
	w.mu.Lock()
	for _, g := range e.gateways {
		if !slices.Contains(gateways, g) {
			delete(w.byGateway[g], e)
			if len(w.byGateway[g]) == 0 {
				delete(w.byGateway, g)
			}
		}
	}
	for _, g := range gateways {
		if w.byGateway[g] == nil {
			w.byGateway[g] = make(map[*entry]struct{})
			fresh = append(fresh, g)
		}
		w.byGateway[g][e] = struct{}{}
	}
	e.state, e.gateways = st, gateways
	e.index(old)
	w.mu.Unlock()
	for _, g := range fresh {
		w.s.watch.Know(proto.RoleGateway, string(g))
	}
	w.count(old, st)
}

func (w *worker) count(old, now *room.State) {
	var members, rooms int
	if old.Open() {
		members, rooms = members-len(old.Record.Members), rooms-1
	}
	if now.Open() {
		members, rooms = members+len(now.Record.Members), rooms+1
	}
	if members != 0 {
		w.s.metrics.members.Add(float64(members))
	}
	if rooms != 0 {
		w.s.metrics.rooms.Add(float64(rooms))
	}
}

// index keeps the map of a large room level. It is called with the lock held.
func (e *entry) index(old *room.State) {
	if !e.state.Open() || len(e.state.Record.Members) < largeRoom {
		e.targets = nil
		return
	}
	rec := &e.state.Record
	if e.targets != nil && old.Open() && rec.Prev == old.Seq {
		switch last := rec.Members[len(rec.Members)-1]; rec.Change.Event {
		case proto.ClientJoined:
			if last.ID == rec.Change.ID {
				e.targets[last.ID] = last.Gateway
				return
			}
		case proto.ClientLeft:
			delete(e.targets, rec.Change.ID)
			return
		}
	}
	e.targets = make(map[proto.ClientID]proto.GatewayID, len(rec.Members)+len(rec.Members)/4)
	for i := range rec.Members {
		e.targets[rec.Members[i].ID] = rec.Members[i].Gateway
	}
}

// reset forgets everything, because the stream is another one than before.
func (w *worker) reset() {
	w.brought, w.anew = 0, true
	for _, u := range w.untold {
		w.dropUntold(u)
	}
	for _, e := range w.rooms {
		e.fed = true
		if e.op != nil {
			e.op.fed = 0
		}
		w.install(e, nil)
		w.tidy(e)
	}
}
