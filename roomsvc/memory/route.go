package memory

import (
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// Route returns the target's gateway when sender and target are members of the room, and the target's session is not resumable: a
// signal to one that is, the sender's gateway has to keep. Every signal asks this.
func (r *Rooms) Route(token proto.Token, sender, target proto.ClientID) (proto.GatewayID, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	e := r.rooms[token]
	if e == nil || !e.state.Open() || sender == target {
		return "", false
	}
	if e.targets != nil {
		gateway := e.targets[target]
		_, in := e.targets[sender]
		return gateway, gateway != "" && in
	}
	var gateway proto.GatewayID
	var in, ok bool
	members := e.state.Record.Members
	for i := range members {
		switch members[i].ID {
		case target:
			gateway, ok = members[i].Gateway, members[i].Turn == 0
		case sender:
			in = true
		}
	}
	return gateway, ok && in
}

// index keeps the map of a large room level. It is called with the lock held.
func (e *Room) index(old *room.State) {
	if !e.state.Open() || len(e.state.Record.Members) < room.Large {
		e.targets = nil
		return
	}
	rec := &e.state.Record
	if e.targets != nil && old.Open() && rec.Prev == old.Seq {
		switch last := &rec.Members[len(rec.Members)-1]; rec.Change.Event {
		case proto.ClientBack:
			return // it was resumable, and is
		case proto.ClientJoined:
			if last.ID == rec.Change.ID {
				e.targets[last.ID] = routed(last)
				return
			}
		case proto.ClientLeft:
			delete(e.targets, rec.Change.ID)
			return
		}
	}
	e.targets = make(map[proto.ClientID]proto.GatewayID, len(rec.Members)+len(rec.Members)/4)
	for i := range rec.Members {
		e.targets[rec.Members[i].ID] = routed(&rec.Members[i])
	}
}

// routed returns where signals to a member are sent; empty: they are not relayed.
func routed(m *proto.Member) proto.GatewayID {
	if m.Turn > 0 {
		return ""
	}
	return m.Gateway
}
