package session

import (
	"maps"
	"sync"

	"github.com/parley-rtc/parley/proto"
)

// Memberships are the rooms that a client is in, as far as its gateway knows. The dispatcher writes them, the pump reads.
type Memberships struct {
	mu sync.Mutex                     // guards by
	by map[proto.Room]proto.RequestID // by which request
}

// Set notes by which request the client is a member of a room.
func (m *Memberships) Set(room proto.Room, joined proto.RequestID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.by == nil {
		m.by = make(map[proto.Room]proto.RequestID)
	}
	m.by[room] = joined
}

// Drop notes that the client is no member of a room any more.
func (m *Memberships) Drop(room proto.Room) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.by, room)
}

// Clear notes that the client has asked for all its leaves.
func (m *Memberships) Clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.by = nil
}

// Joined returns by which request the client is a member of a room, and whether it is one.
func (m *Memberships) Joined(room proto.Room) (proto.RequestID, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	by, in := m.by[room]
	return by, in
}

// Count returns in how many rooms the client is.
func (m *Memberships) Count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.by)
}

// All returns a copy.
func (m *Memberships) All() map[proto.Room]proto.RequestID {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.by)
}
