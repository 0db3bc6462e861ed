package gateway_test

import (
	"testing"
	"time"

	"github.com/parley-rtc/parley/gateway/internal/inside"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// unsure returns a world whose requests become unavailable soon, and a client of it.
func unsure(t *testing.T) (*world, *testkit.Client) {
	t.Helper()
	w := newWorld(t, worldOptions{timing: func(x *inside.Timing) {
		x.Request, x.Attempt = 500*time.Millisecond, time.Minute // one attempt each
	}})
	return w, w.dial()
}

// lost sends a request that is not answered, and returns it once the client has heard so.
func (w *world) lost(c *testkit.Client, name proto.Name, op proto.Op) *asked {
	w.t.Helper()
	w.send(c, proto.Frame{Name: name, Room: lobby})
	q := w.next(op)
	if e := c.Expect(w.t, proto.Error); e.Code != proto.CodeUnavailable {
		w.t.Fatalf("heard %s", e.Raw)
	}
	return q
}

// ends checks that a request is a leave of what another joined, and answers it.
func (w *world) ends(q, joined *asked, lost bool, answer proto.Name) {
	w.t.Helper()
	if q.Joined != joined.id || q.Lost != lost || q.Room != joined.Room || q.ClientID != joined.ClientID {
		w.t.Errorf("the leave is %s, to end %s", q.msg.Data, joined.id)
	}
	q.answer(proto.Event{Name: answer})
}

func TestAskingAgainAfterUnavailableBearsTheSameParleyRequest(t *testing.T) {
	t.Parallel()
	w, a := unsure(t)
	first := w.lost(a, proto.RoomJoin, proto.OpJoin)
	again := w.joins(a, lobby, 4, far1)
	if again.id != first.id {
		t.Errorf("%s was asked again as %s", first.id, again.id)
	}
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby}) // settled: from now on it is another request
	third := w.next(proto.OpJoin)
	if third.id == first.id {
		t.Error("a request that was answered was used again")
	}
}

func TestAReplicasOwnUnavailableIsAskedAgainTheSame(t *testing.T) {
	t.Parallel()
	w, a := unsure(t)
	w.send(a, proto.Frame{Name: proto.RoomCreate, Room: lobby})
	first := w.next(proto.OpCreate)
	first.answer(proto.Errorf(proto.CodeUnavailable, lobby, a.ID(), "the journal does not answer"))
	a.Expect(t, proto.Error)
	if again := w.creates(a, lobby, 4); again.id != first.id {
		t.Errorf("%s was asked again as %s", first.id, again.id)
	}
}

func TestBeforeAnotherRequestWhatWasUnavailableIsLeft(t *testing.T) {
	t.Parallel()
	w, a := unsure(t)
	first := w.lost(a, proto.RoomJoin, proto.OpJoin)
	w.send(a, proto.Frame{Name: proto.RoomCreate, Room: lobby})
	undo := w.next(proto.OpLeave)
	w.none(proto.OpCreate)
	w.ends(undo, first, false, proto.NotInRoom)
	create := w.next(proto.OpCreate)
	create.answer(proto.Event{Name: proto.RoomExists})
	w.hears(a, proto.Event{Name: proto.RoomExists, Room: lobby}) // and nothing of the leave
	if third := w.joins(a, lobby, 9, far1); third.id == first.id || third.id == create.id || third.id == undo.id {
		t.Error("a request was used again after it had been left")
	}
}

func TestAnotherRoomDoesNotWaitForWhatWasUnavailable(t *testing.T) {
	t.Parallel()
	w, a := unsure(t)
	w.lost(a, proto.RoomJoin, proto.OpJoin)
	w.creates(a, "other", 4)
	w.none(proto.OpLeave)
}

func TestALeaveAfterUnavailableEndsWhatMayHaveBeenJoined(t *testing.T) {
	t.Parallel()
	w, a := unsure(t)
	first := w.lost(a, proto.RoomJoin, proto.OpJoin)
	w.send(a, proto.Frame{Name: proto.RoomLeave, Room: lobby})
	w.ends(w.next(proto.OpLeave), first, false, proto.RoomLeft)
	w.hears(a, proto.Event{Name: proto.RoomLeft, Room: lobby})
	if second := w.joins(a, lobby, 9, far1); second.id == first.id {
		t.Error("a request was used again after it had been left")
	}
}

func TestAtTheConnectionsEndWhatWasUnavailableIsLeft(t *testing.T) {
	t.Parallel()
	w, a := unsure(t)
	first := w.lost(a, proto.RoomCreate, proto.OpCreate)
	a.Abort()
	w.ends(w.next(proto.OpLeave), first, true, proto.NotInRoom)
	// Its answer may still come: that is met with a leave as well.
	first.answer(proto.Event{Name: proto.RoomCreated, Seq: 3})
	w.ends(w.next(proto.OpLeave), first, true, proto.RoomLeft)
}

func TestAConnectionsEndLeavesEveryRoom(t *testing.T) {
	t.Parallel()
	w, a := unsure(t)
	by := map[proto.Room]*asked{"one": w.creates(a, "one", 1), "two": w.creates(a, "two", 2)}
	a.Close()
	for range 2 {
		q := w.next(proto.OpLeave)
		w.ends(q, by[q.Room], true, proto.RoomLeft)
		delete(by, q.Room)
	}
	if len(by) > 0 {
		t.Errorf("%d rooms were not left", len(by))
	}
	testkit.WaitFor(t, "the session to be forgotten", func() bool { return w.count("parley_gateway_rooms") == 0 })
}

func TestAJoinThatIsAnsweredAfterTheConnectionsEndIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	q := w.next(proto.OpJoin)
	a.Abort()
	testkit.WaitFor(t, "the end", func() bool { return w.count("parley_gateway_sessions") == 0 })
	q.answer(proto.Event{Name: proto.RoomJoined, OwnerID: far1, Clients: []proto.ClientID{far1}, Seq: 3})
	w.ends(w.next(proto.OpLeave), q, true, proto.RoomLeft)
}

func TestAMemberThatJoinedAgainAsItsConnectionEndedIsLeftOnceAndForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	first := w.joins(a, lobby, 3, far1)
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	q := w.next(proto.OpJoin)
	a.Abort()
	testkit.WaitFor(t, "the end", func() bool { return w.count("parley_gateway_sessions") == 0 })
	q.answer(proto.Event{Name: proto.RoomJoined, OwnerID: far1, Clients: []proto.ClientID{far1}, Seq: 3})
	w.ends(w.next(proto.OpLeave), first, true, proto.RoomLeft)
	w.replicas[0].tell(came(lobby, far2, 9, 8)) // a gap, for whoever is still in there
	w.none(proto.OpRoster, proto.OpLeave)
}

func TestALateAnswerThatMakesAMemberIsMetWithALeave(t *testing.T) {
	t.Parallel()
	w, a := unsure(t)
	first := w.lost(a, proto.RoomJoin, proto.OpJoin)
	first.answer(proto.Event{Name: proto.RoomJoined, OwnerID: far1, Clients: []proto.ClientID{far1}, Seq: 3})
	w.ends(w.next(proto.OpLeave), first, true, proto.RoomLeft)
	w.quiet(a)
	if second := w.joins(a, lobby, 9, far1); second.id == first.id {
		t.Error("a request was used again after it had been left")
	}
}

func TestAnEventThatMakesAMemberOfOneWhoGaveUpIsMetWithALeave(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		request proto.Name
		op      proto.Op
		event   func(id proto.ClientID) proto.Event
	}{
		"joined": {proto.RoomJoin, proto.OpJoin, func(id proto.ClientID) proto.Event { return came(lobby, id, 4, 3) }},
		"created": {proto.RoomCreate, proto.OpCreate, func(id proto.ClientID) proto.Event {
			return proto.Event{Name: proto.RoomCreated, Room: lobby, OwnerID: id, Seq: 4}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, a := unsure(t)
			first := w.lost(a, c.request, c.op)
			w.replicas[0].tell(c.event(a.ID()))
			w.ends(w.next(proto.OpLeave), first, false, proto.RoomLeft)
			w.quiet(a)
		})
	}
}

func TestALeaveThatWasUnavailableIsAskedAgainTheSame(t *testing.T) {
	t.Parallel()
	w, a := unsure(t)
	join := w.joins(a, lobby, 3, far1)
	first := w.lost(a, proto.RoomLeave, proto.OpLeave)
	w.send(a, proto.Frame{Name: proto.RoomLeave, Room: lobby})
	again := w.next(proto.OpLeave)
	if again.id != first.id || again.Joined != join.id {
		t.Errorf("the leave %s of %s was asked again as %s of %s", first.id, join.id, again.id, again.Joined)
	}
	again.answer(proto.Event{Name: proto.RoomLeft})
	w.hears(a, proto.Event{Name: proto.RoomLeft, Room: lobby})
}

func TestAfterALeaveThatWasUnavailableAJoinWaitsForIt(t *testing.T) {
	t.Parallel()
	w, a := unsure(t)
	join := w.joins(a, lobby, 3, far1)
	w.lost(a, proto.RoomLeave, proto.OpLeave)
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	again := w.next(proto.OpLeave)
	w.none(proto.OpJoin)
	w.replicas[0].tell(went(lobby, a.ID(), 4, 3))
	w.ends(again, join, false, proto.RoomLeft)
	if q := w.next(proto.OpJoin); q.id == join.id {
		t.Error("a request was used again after it had been left")
	}
}

func TestALeaveThatAnEventHasToldIsRoomLeftWhateverItsAnswer(t *testing.T) {
	t.Parallel()
	for name, answered := range map[string]bool{"an error": true, "silence": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, a := unsure(t)
			w.joins(a, lobby, 3, far1)
			w.send(a, proto.Frame{Name: proto.RoomLeave, Room: lobby})
			q := w.next(proto.OpLeave)
			w.replicas[0].tell(went(lobby, a.ID(), 4, 3))
			w.sync()
			if answered {
				q.answer(proto.Errorf(proto.CodeUnavailable, lobby, a.ID(), "the journal does not answer"))
			}
			w.hears(a, proto.Event{Name: proto.RoomLeft, Room: lobby})
			w.send(a, proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: far1, Data: []byte("1")})
			w.hears(a, proto.Event{Name: proto.NotInRoom, Room: lobby})
			w.send(a, proto.Frame{Name: proto.RoomLeave, Room: lobby})
			if again := w.next(proto.OpLeave); again.id == q.id {
				t.Error("the leave was asked again, though it had been answered")
			}
		})
	}
}

func TestNotInRoomInAnswerToTheLeaveOfAMemberIsRoomLeft(t *testing.T) {
	t.Parallel()
	w, a := unsure(t)
	w.joins(a, lobby, 3, far1)
	for _, want := range []proto.Name{proto.RoomLeft, proto.NotInRoom} {
		w.send(a, proto.Frame{Name: proto.RoomLeave, Room: lobby})
		w.next(proto.OpLeave).answer(proto.Event{Name: proto.NotInRoom})
		w.hears(a, proto.Event{Name: want, Room: lobby})
	}
}

func TestAMemberWhoseJoiningAgainWasUnavailableLeavesWhatItIsIn(t *testing.T) {
	t.Parallel()
	w, a := unsure(t)
	first := w.joins(a, lobby, 3, far1)
	second := w.lost(a, proto.RoomJoin, proto.OpJoin)
	w.send(a, proto.Frame{Name: proto.RoomLeave, Room: lobby})
	w.ends(w.next(proto.OpLeave), second, false, proto.NotInRoom)
	w.ends(w.next(proto.OpLeave), first, false, proto.RoomLeft)
	w.hears(a, proto.Event{Name: proto.RoomLeft, Room: lobby})
	w.quiet(a)
}

func TestAJoinOfAMemberThatIsToldOfNoRoomHearsThatItWasRemoved(t *testing.T) {
	t.Parallel()
	w, a := unsure(t)
	w.joins(a, lobby, 3, far1)
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	w.next(proto.OpJoin).answer(proto.Event{Name: proto.RoomNotExists})
	w.hears(a, kicked(lobby, proto.Removed), proto.Event{Name: proto.RoomNotExists, Room: lobby})
	w.quiet(a)
}

// An attempt that is late would end what the client has joined since, if the leave named no request.
func TestTheLeaveOfOneWhoIsInNoRoomNamesItsOwnRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	w.send(a, proto.Frame{Name: proto.RoomLeave, Room: lobby})
	leave := w.next(proto.OpLeave)
	if leave.Joined != leave.id {
		t.Errorf("the leave ends %q, its own request is %q", leave.Joined, leave.id)
	}
	leave.answer(proto.Event{Name: proto.NotInRoom})
	w.hears(a, proto.Event{Name: proto.NotInRoom, Room: lobby})
}

func TestOneWhoWasLeftBeforeItsNextRequestHearsSoUnlessThatMakesItAMember(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer proto.Event
		told   bool // by an event, before the leave is answered
	}{
		"room-exists": {answer: proto.Event{Name: proto.RoomExists, Room: lobby}},
		"unavailable": {answer: proto.Errorf(proto.CodeUnavailable, lobby, far1, "later"), told: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, a := unsure(t)
			join := w.joins(a, lobby, 3, far1)
			w.lost(a, proto.RoomLeave, proto.OpLeave)
			w.send(a, proto.Frame{Name: proto.RoomCreate, Room: lobby})
			undo := w.next(proto.OpLeave)
			if c.told {
				w.replicas[0].tell(went(lobby, a.ID(), 4, 3))
			}
			w.ends(undo, join, false, proto.RoomLeft)
			w.next(proto.OpCreate).answer(c.answer)
			w.hears(a, kicked(lobby, proto.Removed), c.answer)
			w.quiet(a)
			testkit.WaitFor(t, "the room to be forgotten", func() bool { return w.count("parley_gateway_rooms") == 0 })
		})
	}
}
