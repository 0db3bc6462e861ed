// Package room holds the rules of rooms as pure code: a committed state and a request give a decision. It has no I/O,
// no clock, no lock and no goroutine.
package room

import (
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// State is a room as it was committed: a record and the sequence at which it stands in the journal. It is never changed
// once made, so it may be read from anywhere. A nil State is a room of which the journal has nothing.
type State struct {
	Seq    uint64
	Record proto.Record
	Form   int        // of the record as it stands in the journal; 0 and 1 are the same
	Pack   proto.Pack // the members as encoded, of a large room in form 2
}

// Large is the number of members from which a room is large: its members are found by a map, and kept as encoded, too.
const Large = 24

// Packed reports whether the members have not been decoded: they are in Pack alone. [State.Unpack] decodes them.
func (s *State) Packed() bool { return s.Open() && s.Record.Members == nil && s.Pack.Count > 0 }

// Unpack returns the state with its members decoded: itself, or another. The error wraps [proto.ErrRecord].
func (s *State) Unpack() (*State, error) {
	if !s.Packed() {
		return s, nil
	}
	members, err := s.Pack.Members()
	if err != nil {
		return nil, err // it says which record
	}
	whole := *s
	whole.Record.Members = members
	return &whole, nil
}

// Count returns how many members there are.
func (s *State) Count() int {
	if s.Packed() {
		return s.Pack.Count
	}
	if s == nil {
		return 0
	}
	return len(s.Record.Members)
}

// Gateways returns each gateway that has members, once.
func (s *State) Gateways() []proto.GatewayID {
	if s.Packed() {
		return s.Pack.Gateways
	}
	if !s.Open() {
		return nil
	}
	return gateways(s.Record.Members)
}

// Told returns each gateway that had members before the record's change or has members after it, once: those that are told of
// the change.
func (s *State) Told() []proto.GatewayID {
	told := slices.Clip(s.Gateways())
	for _, g := range s.Record.Change.Gateways {
		if !slices.Contains(told, g) {
			told = append(told, g)
		}
	}
	return told
}

// Event returns the room event of the record's change.
func (s *State) Event() proto.Event {
	c := &s.Record.Change
	if s.Record.Closed || c.Event == proto.ClientLeft || c.Event == proto.RoomUpdated {
		return s.Record.Event(s.Seq, nil)
	}
	m, ok := s.Find(c.ID)
	if !ok || m.Who == nil {
		return s.Record.Event(s.Seq, nil)
	}
	return s.Record.Event(s.Seq, &m)
}

// Sequence returns the sequence that the next record of the room has to expect: 0 when the journal has nothing.
func (s *State) Sequence() uint64 {
	if s == nil {
		return 0
	}
	return s.Seq
}

// Open reports whether there is such a room: one that has a record and is not closed.
func (s *State) Open() bool { return s != nil && !s.Record.Closed }

// OwnersOwn reports whether the room is closed when its owner leaves.
func (s *State) OwnersOwn() bool {
	return s.Record.OnOwnerGone == "" || s.Record.OnOwnerGone == proto.PolicyClose
}

// Member returns the member with that id, or nil.
func (s *State) Member(id proto.ClientID) *proto.Member {
	if !s.Open() {
		return nil
	}
	if i := s.Record.Member(id); i >= 0 {
		return &s.Record.Members[i]
	}
	return nil
}

// gateways returns each gateway that has members, once.
func gateways(members []proto.Member) []proto.GatewayID {
	list := make([]proto.GatewayID, 0, 1)
	for i := range members {
		g := members[i].Gateway
		if len(list) > 0 && list[len(list)-1] == g {
			continue // most members of a room share a gateway
		}
		if !slices.Contains(list, g) {
			list = append(list, g)
		}
	}
	return list
}

// others returns the ids of the members but one, in join order; it is never nil, since an empty list is written too.
func others(r *proto.Record, but proto.ClientID) []proto.ClientID {
	ids := make([]proto.ClientID, 0, len(r.Members))
	for i := range r.Members {
		if id := r.Members[i].ID; id != but {
			ids = append(ids, id)
		}
	}
	return ids
}

// gone returns the gateways that have members in before and none in after.
func gone(before, after []proto.Member) []proto.GatewayID {
	var out []proto.GatewayID
	for i := range before {
		g := before[i].Gateway
		if slices.Contains(out, g) || slices.ContainsFunc(after, func(m proto.Member) bool { return m.Gateway == g }) {
			continue
		}
		out = append(out, g)
	}
	return out
}
