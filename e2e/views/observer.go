package views

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
)

// Observer is another service: it subscribes to all rooms' events with nats.go alone and writes down what it hears.
type Observer struct {
	mu     sync.Mutex // guards the fields below
	events map[proto.Room][]Heard
	errs   []error
}

// Heard is a room event and when it came.
type Heard struct {
	proto.Event
	At time.Time
}

// Observe subscribes until the test ends, and returns once the subscription stands.
func Observe(tb testing.TB, nc *nats.Conn) *Observer {
	tb.Helper()
	o := &Observer{events: map[proto.Room][]Heard{}}
	sub, err := nc.Subscribe("parley.room.*.event", o.hear)
	if err == nil {
		err = sub.SetPendingLimits(-1, -1)
	}
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		tb.Fatalf("observe: %v", err)
	}
	tb.Cleanup(func() { _ = sub.Unsubscribe() })
	return o
}

func (o *Observer) hear(m *nats.Msg) {
	at := time.Now()
	e, err := proto.DecodeEvent(m.Data)
	o.mu.Lock()
	defer o.mu.Unlock()
	if want := "parley.room." + string(e.Room.Token()) + ".event"; err == nil && m.Subject != want {
		err = fmt.Errorf("%s came on %s", m.Data, m.Subject)
	}
	if err != nil {
		o.errs = append(o.errs, fmt.Errorf("observer: %w", err))
		return
	}
	o.events[e.Room] = append(o.events[e.Room], Heard{Event: e, At: at})
}

// Events returns what was heard of a room, in order.
func (o *Observer) Events(room proto.Room) []Heard {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.events[room])
}

// Rooms returns the rooms that were heard of.
func (o *Observer) Rooms() []proto.Room {
	o.mu.Lock()
	defer o.mu.Unlock()
	var rooms []proto.Room
	for room := range o.events {
		rooms = append(rooms, room)
	}
	return rooms
}

// Gone returns when it was first heard, after a time, that a client is no longer in a room. An event whose seq is not above
// the last is dropped, as the protocol has it: after a failover, changes are told again, an old leave of the client among
// them.
func (o *Observer) Gone(room proto.Room, id proto.ClientID, after time.Time) (time.Time, bool) {
	var last uint64
	for _, e := range o.Events(room) {
		if e.Seq <= last {
			continue
		}
		last = e.Seq
		if e.At.After(after) && (e.Name == proto.ClientLeft && e.ID == id || e.Name == proto.RoomClosed && e.OwnerID == id) {
			return e.At, true
		}
	}
	return time.Time{}, false
}

// Check returns an error for each event of a room that breaks the public contract: changes in order, every prev the
// change before, and only such as the rules allow. Under [Strict] each comes once; under [Level], where replicas take
// turns, in any order.
func (o *Observer) Check(room proto.Room, how Strictness) []error {
	o.mu.Lock()
	defer o.mu.Unlock()
	errs := slices.Clone(o.errs)
	events := slices.Clone(o.events[room])
	if how == Level {
		slices.SortStableFunc(events, func(a, b Heard) int { return cmp.Compare(a.Seq, b.Seq) })
		events = slices.CompactFunc(events, func(a, b Heard) bool {
			return a.Seq == b.Seq && a.Name == b.Name && a.ID == b.ID && a.Prev == b.Prev && a.OwnerID == b.OwnerID
		})
	}
	var members []proto.ClientID
	var last uint64
	for _, e := range events {
		wrong := func(what string) {
			errs = append(errs, fmt.Errorf("observer: room %q: %s %s seq %d prev %d: %s (members %v, seq %d)",
				room, e.Name, e.ID, e.Seq, e.Prev, what, members, last))
		}
		if e.Seq <= last {
			wrong("the seq does not grow")
		}
		if e.Name != proto.RoomCreated && e.Prev != last {
			wrong("prev is not the change before")
		}
		last = e.Seq
		at := slices.Index(members, e.ID)
		switch {
		case e.Name == proto.RoomCreated && len(members) == 0 && e.Prev == 0 && e.OwnerID != "":
			members = []proto.ClientID{e.OwnerID}
		case len(members) == 0:
			wrong("the room is not open")
		case e.Name == proto.ClientJoined && at < 0:
			members = append(members, e.ID)
		case e.Name == proto.ClientBack && at >= 0:
		case e.Name == proto.ClientLeft && at > 0:
			members = slices.Delete(members, at, at+1)
		case e.Name == proto.RoomClosed && e.OwnerID == members[0]:
			members = nil
		default:
			wrong("no such change is possible")
		}
	}
	return errs
}

// Members returns the members of a room after the change with a seq, as told to the observer: ok is false when it has
// not heard of that change.
func (o *Observer) Members(room proto.Room, seq uint64) (members []proto.ClientID, ok bool) {
	members, ok = o.history(room)[seq]
	return members, ok
}

// history returns a room's members after each change.
func (o *Observer) history(room proto.Room) map[uint64][]proto.ClientID {
	events := o.Events(room)
	slices.SortStableFunc(events, func(a, b Heard) int { return cmp.Compare(a.Seq, b.Seq) })
	after := make(map[uint64][]proto.ClientID, len(events))
	var members []proto.ClientID
	for i, e := range events {
		if i > 0 && e.Seq == events[i-1].Seq {
			continue
		}
		members = slices.Clone(members)
		switch e.Name {
		case proto.RoomCreated:
			members = []proto.ClientID{e.OwnerID}
		case proto.ClientJoined:
			members = append(members, e.ID)
		case proto.ClientLeft:
			members = slices.DeleteFunc(members, func(id proto.ClientID) bool { return id == e.ID })
		case proto.RoomClosed:
			members = nil
		default:
		}
		after[e.Seq] = members
	}
	return after
}

// Verify returns an error for each change that a client was told otherwise than this service: another change under the
// same number, or other members after it. Under [Level] a roster's differences are left out, which bear one number
// together; what they lead to is not.
func (o *Observer) Verify(self proto.ClientID, rooms map[proto.Room]*View, how Strictness) []error {
	var errs []error
	for room, v := range rooms {
		told := map[uint64]Heard{}
		after := o.history(room)
		for _, e := range o.Events(room) {
			told[e.Seq] = e
		}
		for i, c := range v.Changes {
			e, ok := told[c.Seq]
			// A roster's difference is numbered too: one of its events can bear the number of that very change, after another.
			same := ok && (c.Name == e.Name && c.ID == e.ID && (how == Strict || c.Prev == e.Prev) ||
				c.Name == proto.RoomCreated && c.ID == e.OwnerID || c.Name == proto.RoomJoined)
			between := i+1 < len(v.Changes) && v.Changes[i+1].Seq == c.Seq
			switch {
			case !same && how == Strict:
				errs = append(errs, fmt.Errorf("room %q: told as %s %s seq %d, to the observer as %+v", room, c.Name, c.ID, c.Seq, e.Event))
			case same && !between && !Same(self, c.Members, after[c.Seq], how):
				errs = append(errs, fmt.Errorf("room %q: after %s %s seq %d the members are %v, %s has %v",
					room, c.Name, c.ID, c.Seq, after[c.Seq], self, c.Members))
			}
		}
	}
	return errs
}

// Same reports whether a client has the members that a room has. Under [Level] the client itself does not count, nor does
// the order: joins and leaves that cancel each other out, its own too, may have been left out.
func Same(self proto.ClientID, has, members []proto.ClientID, how Strictness) bool {
	if how == Strict {
		return slices.Equal(has, members)
	}
	others := func(ids []proto.ClientID) []proto.ClientID {
		ids = slices.DeleteFunc(slices.Clone(ids), func(id proto.ClientID) bool { return id == self })
		slices.Sort(ids)
		return ids
	}
	return slices.Equal(others(has), others(members))
}
