package session

import (
	"sync"

	"github.com/parley-rtc/parley/proto"
)

// Memberships are the rooms that a client is in, as far as its gateway knows. The dispatcher writes them, the pump reads.
type Memberships struct {
	mu sync.Mutex                // guards by
	by map[proto.Room]membership // by room
}

// membership is a client's place in a room.
type membership struct {
	joined proto.RequestID // by which request
	peers  *Peers          // of the room; nil: none of its members' sessions is known to be resumable
}

// Set notes by which request the client is a member of a room, and who is in there whose session is resumable.
func (m *Memberships) Set(room proto.Room, joined proto.RequestID, peers *Peers) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.by == nil {
		m.by = make(map[proto.Room]membership)
	}
	m.by[room] = membership{joined, peers}
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
	in, ok := m.by[room]
	return in.joined, ok
}

// Peers returns who is in a room whose session is resumable, and whether the client is in it.
func (m *Memberships) Peers(room proto.Room) (*Peers, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	in, ok := m.by[room]
	return in.peers, ok
}

// Count returns in how many rooms the client is.
func (m *Memberships) Count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.by)
}

// All returns by which request the client is in each of its rooms.
func (m *Memberships) All() map[proto.Room]proto.RequestID {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[proto.Room]proto.RequestID, len(m.by))
	for room, in := range m.by {
		all[room] = in.joined
	}
	return all
}
