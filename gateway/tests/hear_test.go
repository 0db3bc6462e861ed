package gateway_test

import (
	"testing"
	"time"

	"github.com/parley-rtc/parley/gateway/internal/inside"
	"github.com/parley-rtc/parley/proto"
)

const lobby proto.Room = "lobby"

func TestMembersHearJoinsAndLeavesAsTheyWereTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	w.creates(a, lobby, 1)
	r := w.replicas[0]
	r.tell(came(lobby, far1, 4, 1))
	r.tell(went(lobby, far1, 9, 4))
	w.hears(a, came(lobby, far1, 4, 1), went(lobby, far1, 9, 4))
	w.quiet(a)
}

func TestAnEventThatIsNotAboveWhatWasReachedIsDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	w.creates(a, lobby, 5)
	r := w.replicas[0]
	r.tell(came(lobby, far1, 5, 4))
	r.tell(came(lobby, far2, 3, 2))
	r.tell(came(lobby, far3, 6, 5))
	r.tell(came(lobby, far3, 6, 5))
	w.hears(a, came(lobby, far3, 6, 5))
	w.quiet(a)
	w.none(proto.OpRoster)
}

func TestAClientIsNotToldOfItsOwnJoinAndLeave(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a, b := w.dial(), w.dial()
	w.creates(a, lobby, 1)
	r := w.replicas[0]
	w.send(b, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	q := w.next(proto.OpJoin)
	r.tell(came(lobby, b.ID(), 2, 1))
	joined := proto.Event{Name: proto.RoomJoined, Room: lobby, OwnerID: a.ID(), Clients: []proto.ClientID{a.ID()}, Seq: 2}
	q.answer(joined)
	w.hears(b, joined)
	w.hears(a, came(lobby, b.ID(), 2, 1))
	w.send(b, proto.Frame{Name: proto.RoomLeave, Room: lobby})
	leave := w.next(proto.OpLeave)
	if leave.Joined != q.id || leave.Lost {
		t.Errorf("the leave is %s, of the join %s", leave.msg.Data, q.id)
	}
	r.tell(went(lobby, b.ID(), 3, 2))
	r.tell(came(lobby, far1, 4, 3)) // b is out already
	w.hears(a, went(lobby, b.ID(), 3, 2), came(lobby, far1, 4, 3))
	leave.answer(proto.Event{Name: proto.RoomLeft})
	w.hears(b, proto.Event{Name: proto.RoomLeft, Room: lobby})
	r.tell(came(lobby, far2, 5, 4))
	w.hears(a, came(lobby, far2, 5, 4))
	w.quiet(a, b)
}

func TestAClientThatAnEventRemovesHearsRoomLeftKicked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a, b := w.dial(), w.dial()
	w.creates(a, lobby, 1)
	w.joins(b, lobby, 2, a.ID())
	w.hears(a, came(lobby, b.ID(), 2, 1))
	w.replicas[0].tell(went(lobby, b.ID(), 3, 2))
	w.hears(b, kicked(lobby, proto.Removed))
	w.hears(a, went(lobby, b.ID(), 3, 2))
	w.send(b, proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: a.ID(), Data: []byte(`{}`)})
	w.hears(b, proto.Event{Name: proto.NotInRoom, Room: lobby})
	w.quiet(a, b)
}

func TestAClosingIsRoomLeftKickedForAllButTheOwnerThatLeaves(t *testing.T) {
	t.Parallel()
	for name, leaves := range map[string]bool{"the owner leaves": true, "the owner was removed": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldOptions{})
			a, b := w.dial(), w.dial()
			w.creates(a, lobby, 1)
			w.joins(b, lobby, 2, a.ID())
			w.hears(a, came(lobby, b.ID(), 2, 1))
			var leave *asked
			if leaves {
				w.send(a, proto.Frame{Name: proto.RoomLeave, Room: lobby})
				leave = w.next(proto.OpLeave)
			}
			w.replicas[0].tell(closed(lobby, a.ID(), 3, 2))
			w.hears(b, kicked(lobby, proto.OwnerLeft))
			if leaves {
				leave.answer(proto.Event{Name: proto.RoomLeft})
				w.hears(a, proto.Event{Name: proto.RoomLeft, Room: lobby})
			} else {
				w.hears(a, kicked(lobby, proto.OwnerLeft))
			}
			w.replicas[0].tell(came(lobby, far1, 4, 3))
			w.quiet(a, b)
			if n := w.count("parley_gateway_rooms"); n > 1 {
				t.Errorf("%v rooms are kept", n)
			}
		})
	}
}

func TestWhatComesDuringAJoinIsKeptForItAndToldAfterItsAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	b := w.dial()
	r := w.replicas[0]
	w.send(b, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	q := w.next(proto.OpJoin)
	r.tell(came(lobby, far2, 2, 1)) // known by the answer
	r.tell(came(lobby, b.ID(), 3, 2))
	first := r.signal(lobby, far1, b.ID(), 7, `{"first":1}`)
	r.tell(came(lobby, far3, 4, 3))
	second := r.signal(lobby, far3, b.ID(), 1, `"second"`)
	w.unanswered(first)
	w.unanswered(second)
	joined := proto.Event{Name: proto.RoomJoined, Room: lobby, OwnerID: far1, Clients: []proto.ClientID{far1, far2}, Seq: 3}
	q.answer(joined)
	w.hears(b, joined, came(lobby, far3, 4, 3), received(lobby, far1, `{"first":1}`), received(lobby, far3, `"second"`))
	w.confirmed(first, proto.SignalSent)
	w.confirmed(second, proto.SignalSent)
	w.quiet(b)
	w.none(proto.OpRoster)
}

func TestWhatWasKeptIsDroppedWhenAJoinIsRefusedOrUnavailable(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]*proto.Event{
		"refused": {Name: proto.RoomNotExists}, "unavailable": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldOptions{timing: func(x *inside.Timing) { x.Request = 300 * time.Millisecond }})
			b := w.dial()
			r := w.replicas[0]
			w.send(b, proto.Frame{Name: proto.RoomJoin, Room: lobby})
			q := w.next(proto.OpJoin)
			r.tell(came(lobby, far2, 2, 1))
			kept := r.signal(lobby, far1, b.ID(), 1, "1")
			w.sync()
			if answer != nil {
				q.answer(*answer)
				w.hears(b, proto.Event{Name: proto.RoomNotExists, Room: lobby})
			} else if e := b.Expect(t, proto.Error); e.Code != proto.CodeUnavailable {
				t.Errorf("heard %s", e.Raw)
			}
			w.confirmed(kept, proto.TargetNotFound)
			w.confirmed(r.signal(lobby, far1, b.ID(), 2, "2"), proto.TargetNotFound)
			w.quiet(b)
		})
	}
}

func TestARoomJoinedAboveWhatWasReachedCountsAsARoster(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a, b := w.dial(), w.dial()
	w.creates(a, lobby, 1)
	w.replicas[0].tell(came(lobby, far1, 2, 1))
	w.hears(a, came(lobby, far1, 2, 1))
	w.joins(b, lobby, 9, a.ID(), far3, far2) // far1 has left, far3 and then far2 have come
	w.hears(a, went(lobby, far1, 6, 2), came(lobby, far3, 7, 6), came(lobby, far2, 8, 7), came(lobby, b.ID(), 9, 8))
	w.quiet(a, b)
	w.none(proto.OpRoster)
}

func TestAllHearOneOrderWhenSomebodyJoinsWhileARosterIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a, b := w.dial(), w.dial()
	w.creates(a, lobby, 1)
	r := w.replicas[0]
	w.send(b, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	q := w.next(proto.OpJoin)
	r.tell(came(lobby, b.ID(), 2, 1))
	w.hears(a, came(lobby, b.ID(), 2, 1))
	kept := r.signal(lobby, far4, a.ID(), 1, `"from far4"`) // a sender who is not known: from here on a waits
	roster := w.next(proto.OpRoster)
	events := []proto.Event{
		came(lobby, far4, 3, 2), came(lobby, far3, 4, 3), came(lobby, far1, 5, 4), went(lobby, far3, 6, 5), came(lobby, far2, 7, 6),
	}
	for _, e := range events {
		r.tell(e)
	}
	w.sync()
	joined := proto.Event{Name: proto.RoomJoined, Room: lobby, OwnerID: a.ID(), Clients: []proto.ClientID{a.ID()}, Seq: 2}
	q.answer(joined)
	w.hears(b, joined)
	w.hears(b, events...)
	roster.answer(rosterAnswer(lobby, 7, a.ID(), b.ID(), far4, far1, far2))
	w.hears(a, events...)
	w.hears(a, received(lobby, far4, `"from far4"`))
	w.confirmed(kept, proto.SignalSent)
	w.quiet(a, b)
}

func TestARoomClosedDuringAJoinIsLeftRightAfterItsAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	b := w.dial()
	w.send(b, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	q := w.next(proto.OpJoin)
	w.replicas[0].tell(closed(lobby, far1, 4, 3))
	kept := w.replicas[0].signal(lobby, far1, b.ID(), 1, "1")
	w.sync()
	joined := proto.Event{Name: proto.RoomJoined, Room: lobby, OwnerID: far1, Clients: []proto.ClientID{far1}, Seq: 3}
	q.answer(joined)
	w.hears(b, joined, kicked(lobby, proto.OwnerLeft))
	w.confirmed(kept, proto.TargetNotFound)
	w.quiet(b)
}

func TestAJoinWhoseClientWasRemovedBeforeItsAnswerCameIsUndone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a, b := w.dial(), w.dial()
	w.creates(a, lobby, 1)
	w.send(b, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	q := w.next(proto.OpJoin)
	w.replicas[0].tell(came(lobby, far1, 9, 8)) // a gap: b came and went meanwhile
	w.next(proto.OpRoster).answer(rosterAnswer(lobby, 9, a.ID(), far1))
	w.hears(a, came(lobby, far1, 9, 1))
	joined := proto.Event{Name: proto.RoomJoined, Room: lobby, OwnerID: a.ID(), Clients: []proto.ClientID{a.ID()}, Seq: 2}
	q.answer(joined)
	w.hears(b, joined, kicked(lobby, proto.Removed))
	w.quiet(a, b)
}

func TestANewMemberIsBroughtUpToWhatTheOthersWereTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a, b := w.dial(), w.dial()
	w.creates(a, lobby, 1)
	w.send(b, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	q := w.next(proto.OpJoin)
	w.replicas[0].tell(came(lobby, far1, 9, 8)) // a gap, for both
	w.next(proto.OpRoster).answer(rosterAnswer(lobby, 9, a.ID(), b.ID(), far2, far1))
	w.hears(a, came(lobby, b.ID(), 7, 1), came(lobby, far2, 8, 7), came(lobby, far1, 9, 8))
	joined := proto.Event{Name: proto.RoomJoined, Room: lobby, OwnerID: a.ID(), Clients: []proto.ClientID{a.ID()}, Seq: 2}
	q.answer(joined)
	w.hears(b, joined, came(lobby, far2, 8, 2), came(lobby, far1, 9, 8))
	w.quiet(a)
}

func TestJoiningAgainIsAnsweredWithTheListAndTheOthersHearNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a, b := w.dial(), w.dial()
	w.creates(a, lobby, 1)
	w.joins(b, lobby, 2, a.ID())
	w.hears(a, came(lobby, b.ID(), 2, 1))
	w.joins(b, lobby, 2, a.ID())
	// An answer that is older than what b was told has the list as b was told it.
	w.send(b, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	q := w.next(proto.OpJoin)
	w.replicas[0].tell(came(lobby, far1, 3, 2))
	w.sync()
	q.answer(proto.Event{Name: proto.RoomJoined, OwnerID: a.ID(), Clients: []proto.ClientID{a.ID()}, Seq: 2})
	w.hears(b, came(lobby, far1, 3, 2),
		proto.Event{Name: proto.RoomJoined, Room: lobby, OwnerID: a.ID(), Clients: []proto.ClientID{a.ID(), far1}, Seq: 3})
	w.hears(a, came(lobby, far1, 3, 2))
	w.quiet(a, b)
}

func TestJoiningAgainTellsWhatTheRoomHadKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	w.creates(a, lobby, 1)
	r := w.replicas[0]
	r.tell(came(lobby, far3, 5, 4)) // a gap
	w.next(proto.OpRoster)          // which is not answered
	kept := r.signal(lobby, far3, a.ID(), 1, "1")
	w.sync()
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	joined := proto.Event{Name: proto.RoomJoined, Room: lobby, OwnerID: a.ID(), Clients: []proto.ClientID{far1}, Seq: 4}
	w.next(proto.OpJoin).answer(joined)
	w.hears(a, came(lobby, far1, 4, 1), joined, came(lobby, far3, 5, 4), received(lobby, far3, "1"))
	w.confirmed(kept, proto.SignalSent)
}

func TestARepeatedRoomCreatedTellsItsClientsAsJoined(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	w.send(a, proto.Frame{Name: proto.RoomCreate, Room: lobby})
	w.next(proto.OpCreate).answer(proto.Event{Name: proto.RoomCreated, Clients: []proto.ClientID{far2, far1}, Seq: 9})
	w.hears(a, proto.Event{Name: proto.RoomCreated, Room: lobby, Seq: 7}, came(lobby, far2, 8, 7), came(lobby, far1, 9, 8))
	w.replicas[0].tell(came(lobby, far3, 10, 9))
	w.hears(a, came(lobby, far3, 10, 9))
	w.quiet(a)
}

func TestARoomCreatedAnewUnderMembersIsAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a, b := w.dial(), w.dial()
	w.joins(a, lobby, 3, far1)
	w.replicas[0].tell(proto.Event{Name: proto.RoomCreated, Room: lobby, OwnerID: far2, Seq: 8}) // the closing was lost
	w.next(proto.OpRoster).answer(rosterAnswer(lobby, 8, far2))
	w.hears(a, kicked(lobby, proto.Removed))
	w.quiet(a, b)
}

func TestAMemberThatCreatesTheRoomAnewHearsThatTheOldOneWasClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a, b := w.dial(), w.dial()
	w.joins(a, lobby, 3, far1, far2)
	w.joins(b, lobby, 4, far1, far2, a.ID())
	w.hears(a, came(lobby, b.ID(), 4, 3))
	w.send(a, proto.Frame{Name: proto.RoomCreate, Room: lobby})
	w.next(proto.OpCreate).answer(proto.Event{Name: proto.RoomCreated, Seq: 9}) // the closing is late
	w.hears(a, kicked(lobby, proto.Removed), proto.Event{Name: proto.RoomCreated, Room: lobby, Seq: 9})
	w.hears(b, kicked(lobby, proto.Removed))
	w.replicas[0].tell(closed(lobby, far1, 8, 4))
	w.replicas[0].tell(came(lobby, far1, 10, 9))
	w.hears(a, came(lobby, far1, 10, 9))
	w.quiet(a, b)
}
