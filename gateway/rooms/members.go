package rooms

import (
	"cmp"
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// members are a room's clients, on whatever gateway, in the order in which they joined. The zero value is none.
type members struct {
	at   map[proto.ClientID]uint64 // grows in join order
	next uint64
}

// membersOf returns the members of a roster.
func membersOf(roster []proto.ClientID) members {
	m := members{at: make(map[proto.ClientID]uint64, len(roster))}
	for _, id := range roster {
		m.add(id)
	}
	return m
}

// add puts a client at the end.
func (m *members) add(id proto.ClientID) {
	if m.at == nil {
		m.at = make(map[proto.ClientID]uint64)
	}
	m.at[id] = m.next
	m.next++
}

func (m *members) remove(id proto.ClientID) { delete(m.at, id) }

func (m *members) has(id proto.ClientID) bool {
	_, in := m.at[id]
	return in
}

// list returns them in join order.
func (m *members) list() []proto.ClientID {
	ids := make([]proto.ClientID, 0, len(m.at))
	for id := range m.at {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b proto.ClientID) int { return cmp.Compare(m.at[a], m.at[b]) })
	return ids
}
