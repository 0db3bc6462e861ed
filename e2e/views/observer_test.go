package views

import (
	"testing"
	"time"

	"github.com/parley-rtc/parley/proto"
)

func TestALeaveThatIsToldAgainIsNotTakenForTheLast(t *testing.T) {
	t.Parallel()
	const room, id = proto.Room("lobby"), proto.ClientID("0123456789-0123456789")
	began := time.Unix(0, 0)
	o := &Observer{events: map[proto.Room][]Heard{}}
	for i, e := range []proto.Event{
		{Name: proto.ClientJoined, ID: id, Seq: 2},
		{Name: proto.ClientLeft, ID: id, Seq: 3},
		{Name: proto.ClientJoined, ID: id, Seq: 4},
		{Name: proto.ClientLeft, ID: id, Seq: 3}, // again, after a failover
		{Name: proto.ClientLeft, ID: id, Seq: 5},
	} {
		o.events[room] = append(o.events[room], Heard{Event: e, At: began.Add(time.Duration(i) * time.Second)})
	}
	if at, ok := o.Gone(room, id, began.Add(2*time.Second)); !ok || at != began.Add(4*time.Second) {
		t.Errorf("gone at %v, %v", at, ok)
	}
}

// A roster's difference numbers its events up to the roster's: the leave below bears the number of that very leave, which
// was made after a join that the difference tells later.
func TestAnEventOfADifferenceIsNotTakenForTheChangeOfThatNumber(t *testing.T) {
	t.Parallel()
	const room = proto.Room("lobby")
	const owner, self, gone, came = proto.ClientID("owner"), proto.ClientID("self"), proto.ClientID("gone"), proto.ClientID("came")
	o := &Observer{events: map[proto.Room][]Heard{room: {
		{Event: proto.Event{Name: proto.RoomCreated, OwnerID: owner, Seq: 1}},
		{Event: proto.Event{Name: proto.ClientJoined, ID: gone, Seq: 2, Prev: 1}},
		{Event: proto.Event{Name: proto.ClientJoined, ID: self, Seq: 3, Prev: 2}},
		{Event: proto.Event{Name: proto.ClientJoined, ID: came, Seq: 5, Prev: 3}},
		{Event: proto.Event{Name: proto.ClientLeft, ID: gone, Seq: 6, Prev: 5}},
		{Event: proto.Event{Name: proto.ClientJoined, ID: "new", Seq: 7, Prev: 6}},
	}}}
	changes := []Change{
		{Name: proto.RoomJoined, ID: self, Seq: 3, Members: []proto.ClientID{owner, gone, self}},
		{Name: proto.ClientLeft, ID: gone, Seq: 5, Prev: 3, Members: []proto.ClientID{owner, self}},
		{Name: proto.ClientJoined, ID: came, Seq: 6, Prev: 5, Members: []proto.ClientID{owner, self, came}},
		{Name: proto.ClientJoined, ID: "new", Seq: 7, Prev: 6, Members: []proto.ClientID{owner, self, came, "new"}},
	}
	verify := func() []error { return o.Verify(self, map[proto.Room]*View{room: {Changes: changes}}, Level) }
	if errs := verify(); errs != nil {
		t.Error(errs)
	}
	changes[1].Seq, changes[2].Seq, changes[2].Prev = 6, 7, 6 // the leave bears its own number
	changes = changes[:3]
	if errs := verify(); errs != nil {
		t.Error(errs)
	}
	changes = append(changes, Change{Name: proto.ClientJoined, ID: "new", Seq: 7, Prev: 6, Members: []proto.ClientID{owner, self}})
	if errs := verify(); len(errs) == 0 {
		t.Error("a view that lacks a member passes")
	}
}
