package gateway

import (
	"slices"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// simRooms are the rooms as the simulation's journal has them, all replicas' one truth, with their whole history.
type simRooms struct {
	seq   uint64
	rooms map[proto.Room]*simState
	past  map[proto.Room][]*simState
}

// simState is a room after a change.
type simState struct {
	at      time.Time
	seq     uint64
	owner   proto.ClientID
	members []proto.CheckMember // none: it is closed
	change  proto.Event
	request proto.RequestID
}

var noRoom = &simState{}

func (s *simState) index(id proto.ClientID) int {
	return slices.IndexFunc(s.members, func(m proto.CheckMember) bool { return m.ID == id })
}

func (s *simState) open() bool { return len(s.members) > 0 }

func (s *simState) others(but proto.ClientID) []proto.ClientID {
	ids := make([]proto.ClientID, 0, len(s.members))
	for _, m := range s.members {
		if m.ID != but {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

func (x *simRooms) state(room proto.Room) *simState {
	if s := x.rooms[room]; s != nil {
		return s
	}
	return noRoom
}

// commit makes a change.
func (x *simRooms) commit(room proto.Room, s *simState) {
	x.seq++
	s.at, s.seq = time.Now(), x.seq
	s.change.Room, s.change.Seq = room, x.seq
	if s.change.Name != proto.RoomCreated {
		s.change.Prev = x.state(room).seq
	}
	x.rooms[room] = s
	x.past[room] = append(x.past[room], s)
}

// ever reports whether something was so at some moment from one time to another.
func (x *simRooms) ever(room proto.Room, from, to time.Time, so func(*simState) bool) bool {
	now := noRoom
	for _, s := range x.past[room] {
		if s.at.After(to) {
			break
		}
		if s.at.After(from) && so(now) {
			return true
		}
		now = s
	}
	return so(now)
}

// at returns the room as its change with that number left it, or nil.
func (x *simRooms) at(room proto.Room, seq uint64) *simState {
	i := slices.IndexFunc(x.past[room], func(s *simState) bool { return s.seq == seq })
	if i < 0 {
		return nil
	}
	return x.past[room][i]
}

// create, join and leave are the room service's rules. They return the answer, which request the record bears where that
// is another, and the change if there is one.
func (x *simRooms) create(room proto.Room, id proto.ClientID, q proto.RequestID) (proto.Event, *simState) {
	s := x.state(room)
	if s.open() {
		if s.owner == id && s.members[0].Request == q {
			return proto.Event{Name: proto.RoomCreated, Room: room, Clients: s.others(id), Seq: s.seq}, nil
		}
		return proto.Event{Name: proto.RoomExists, Room: room}, nil
	}
	next := &simState{
		owner: id, members: []proto.CheckMember{{ID: id, Request: q}}, request: q,
		change: proto.Event{Name: proto.RoomCreated, OwnerID: id},
	}
	x.commit(room, next)
	return proto.Event{Name: proto.RoomCreated, Room: room, Seq: next.seq}, next
}

func (x *simRooms) join(room proto.Room, id proto.ClientID, q proto.RequestID) (proto.Event, proto.RequestID, *simState) {
	s := x.state(room)
	if !s.open() {
		return proto.Event{Name: proto.RoomNotExists, Room: room}, "", nil
	}
	joined := proto.Event{Name: proto.RoomJoined, Room: room, OwnerID: s.owner, Clients: s.others(id), Seq: s.seq}
	if i := s.index(id); i >= 0 {
		if s.members[i].Request == q {
			return joined, "", nil
		}
		return joined, s.members[i].Request, nil
	}
	next := &simState{
		owner: s.owner, members: append(slices.Clone(s.members), proto.CheckMember{ID: id, Request: q}), request: q,
		change: proto.Event{Name: proto.ClientJoined, ID: id},
	}
	x.commit(room, next)
	joined.Seq = next.seq
	return joined, "", next
}

func (x *simRooms) leave(room proto.Room, id proto.ClientID, q, joined proto.RequestID) (proto.Event, *simState) {
	s := x.state(room)
	left := proto.Event{Name: proto.RoomLeft, Room: room}
	i := s.index(id)
	if i < 0 || joined != "" && s.members[i].Request != joined {
		if s.request == q && q != "" && (s.change.ID == id || s.change.Name == proto.RoomClosed && s.owner == id) {
			return left, nil
		}
		return proto.Event{Name: proto.NotInRoom, Room: room}, nil
	}
	next := &simState{owner: s.owner, request: q, change: proto.Event{Name: proto.ClientLeft, ID: id}}
	if s.owner == id {
		next.change = proto.Event{Name: proto.RoomClosed, OwnerID: id, Reason: proto.OwnerLeft}
	} else {
		next.members = slices.Delete(slices.Clone(s.members), i, i+1)
	}
	x.commit(room, next)
	return left, next
}
