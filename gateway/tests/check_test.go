package gateway_test

import (
	"testing"
	"time"

	"github.com/parley-rtc/parley/gateway/internal/inside"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

func believes(room proto.Room, seq uint64, members ...proto.CheckMember) proto.CheckRoom {
	return proto.CheckRoom{Room: room, Seq: seq, Members: members}
}

func TestACheckThatAgreesAsksForNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	q := w.creates(a, lobby, 3)
	w.replicas[0].check(believes(lobby, 3, proto.CheckMember{ID: a.ID(), Request: q.id}))
	w.none(proto.OpRoster, proto.OpLeave)
}

func TestAMemberThatACheckNamesAndTheGatewayDoesNotHaveIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	w.replicas[0].check(
		believes(lobby, 3, proto.CheckMember{ID: a.ID(), Request: "old"}),
		believes("other", 4, proto.CheckMember{ID: far1, Request: "older"}),
	)
	want := map[proto.ClientID]proto.Request{
		a.ID(): {Room: lobby, ClientID: a.ID(), Joined: "old"},
		far1:   {Room: "other", ClientID: far1, Joined: "older"},
	}
	for range 2 {
		q := w.next(proto.OpLeave)
		if x := want[q.ClientID]; q.Room != x.Room || q.Joined != x.Joined || q.Gateway != w.g.ID() {
			t.Errorf("the leave is %s", q.msg.Data)
		}
		delete(want, q.ClientID)
		q.answer(proto.Event{Name: proto.RoomLeft})
	}
	w.quiet(a)
	w.none(proto.OpRoster, proto.OpLeave)
	if n := w.count("parley_gateway_ghosts_total"); n != 2 {
		t.Errorf("%v ghosts were counted", n)
	}
}

func TestTheLeaveThatACheckAsksForWaitsForItsClientsTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: "other"})
	under := w.next(proto.OpJoin)
	w.replicas[0].check(believes(lobby, 3, proto.CheckMember{ID: a.ID(), Request: "old"}))
	w.none(proto.OpLeave)
	under.answer(proto.Event{Name: proto.RoomNotExists})
	w.next(proto.OpLeave)
}

func TestACheckIsNoReasonToLeaveWhereARequestIsUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	under := w.next(proto.OpJoin)
	w.replicas[0].check(believes(lobby, 3, proto.CheckMember{ID: a.ID(), Request: under.id}))
	w.sync()
	under.answer(proto.Event{Name: proto.RoomJoined, OwnerID: far1, Clients: []proto.ClientID{far1}, Seq: 3})
	a.Expect(t, proto.RoomJoined)
	w.none(proto.OpLeave)
}

func TestACheckWithAnotherSeqAsksForTheRoster(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	q := w.creates(a, lobby, 3)
	w.replicas[0].check(believes(lobby, 5, proto.CheckMember{ID: a.ID(), Request: q.id}))
	w.next(proto.OpRoster).answer(rosterAnswer(lobby, 5, a.ID(), far1))
	w.hears(a, came(lobby, far1, 5, 3))
	w.replicas[0].check(believes(lobby, 5, proto.CheckMember{ID: a.ID(), Request: q.id}))
	w.none(proto.OpRoster)
}

func TestACheckThatLacksAMemberAsksForTheRoster(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a, b := w.dial(), w.dial()
	q := w.creates(a, lobby, 1)
	w.joins(b, lobby, 3, a.ID())
	w.hears(a, came(lobby, b.ID(), 3, 1))
	w.replicas[0].check(believes(lobby, 3, proto.CheckMember{ID: a.ID(), Request: q.id}))
	w.next(proto.OpRoster).answer(rosterAnswer(lobby, 3, a.ID()))
	w.hears(b, kicked(lobby, proto.Removed))
	w.hears(a, went(lobby, b.ID(), 3, 3))
}

func TestTheRequestInACheckIsTheOneThatALeaveEndsUnlessTheCheckIsOld(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	q := w.creates(a, lobby, 3)
	r := w.replicas[0]
	r.check(believes(lobby, 2, proto.CheckMember{ID: a.ID(), Request: "old"}))
	w.next(proto.OpRoster).answer(rosterAnswer(lobby, 3, a.ID()))
	w.send(a, proto.Frame{Name: proto.RoomLeave, Room: lobby})
	leave := w.next(proto.OpLeave)
	if leave.Joined != q.id {
		t.Errorf("after an old check the leave ends %s, the room was joined by %s", leave.Joined, q.id)
	}
	leave.answer(proto.Event{Name: proto.RoomLeft})
	w.hears(a, proto.Event{Name: proto.RoomLeft, Room: lobby})
	w.creates(a, lobby, 9)
	r.check(believes(lobby, 9, proto.CheckMember{ID: a.ID(), Request: "record"}))
	w.sync()
	w.send(a, proto.Frame{Name: proto.RoomLeave, Room: lobby})
	if leave := w.next(proto.OpLeave); leave.Joined != "record" {
		t.Errorf("the leave ends %s, the record bears another", leave.Joined)
	}
}

func TestARoomThatNoCheckNamesIsAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{timing: func(x *inside.Timing) { x.Missed, x.Tick = 300*time.Millisecond, 10*time.Millisecond }})
	a := w.dial()
	began := time.Now()
	w.creates(a, lobby, 3)
	q := w.next(proto.OpRoster)
	if took := q.at.Sub(began); took < 300*time.Millisecond {
		t.Errorf("the roster was asked for after %v", took)
	}
	q.answer(rosterAnswer(lobby, 3, a.ID()))
	again := w.next(proto.OpRoster)                              // and again, while no check comes
	if took := again.at.Sub(q.at); took < 150*time.Millisecond { // when they came here, not when they were sent
		t.Errorf("the next roster was asked for after %v", took)
	}
	again.answer(proto.Event{Name: proto.RoomNotExists})
	w.hears(a, kicked(lobby, proto.Removed))
}

func TestARoomThatChecksNameIsNotAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{timing: func(x *inside.Timing) { x.Missed, x.Tick = 2*time.Second, 10*time.Millisecond }})
	a, b := w.dial(), w.dial()
	q := w.creates(a, lobby, 3)
	w.creates(b, "unnamed", 1)
	for {
		w.replicas[0].check(believes(lobby, 3, proto.CheckMember{ID: a.ID(), Request: q.id}))
		w.sync()
		w.mu.Lock()
		n := len(w.asked)
		w.mu.Unlock()
		if n > 0 {
			break
		}
	}
	if asked := w.next(proto.OpRoster); asked.Room != "unnamed" {
		t.Errorf("the roster of %q was asked for", asked.Room)
	}
}

func TestWhatAnEndedSessionCouldNotLeaveACheckLeaves(t *testing.T) {
	t.Parallel()
	w, a := unsure(t)
	q := w.creates(a, lobby, 3)
	a.Close()
	first := w.next(proto.OpLeave) // not answered
	r := w.replicas[0]
	testkit.WaitFor(t, "a leave that a check asked for", func() bool {
		r.check(believes(lobby, 3, proto.CheckMember{ID: a.ID(), Request: q.id}))
		w.sync()
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.asked) > 0
	})
	again := w.next(proto.OpLeave)
	if again.id == first.id || again.Joined != q.id {
		t.Errorf("the leave is %s", again.msg.Data)
	}
}
