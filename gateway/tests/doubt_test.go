package gateway_test

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// A leave that was not answered may still be carried out: it would end what the same id joins after it.
func TestARequestIsNotUsedAgainAfterALeaveThatWasNotAnsweredEither(t *testing.T) {
	t.Parallel()
	w, a := unsure(t)
	first := w.lost(a, proto.RoomCreate, proto.OpCreate)
	leave := w.lost(a, proto.RoomJoin, proto.OpLeave)
	w.send(a, proto.Frame{Name: proto.RoomCreate, Room: lobby})
	again := w.next(proto.OpLeave)
	if again.id != leave.id {
		t.Errorf("the leave %s was asked again as %s", leave.id, again.id)
	}
	w.ends(again, first, false, proto.NotInRoom)
	second := w.next(proto.OpCreate)
	if second.id == first.id {
		t.Error("a request was used again after its leave had been sent")
	}
	second.answer(proto.Event{Name: proto.RoomCreated, Seq: 3})
	w.hears(a, proto.Event{Name: proto.RoomCreated, Room: lobby, Seq: 3})
}

// Its answer may be the first word of it: what the gateway knows of the client has to be there still.
func TestALateAnswerIsMetWithALeaveAfterEverythingWasLeft(t *testing.T) {
	t.Parallel()
	w, a := unsure(t)
	first := w.lost(a, proto.RoomCreate, proto.OpCreate)
	s := testSession(w, a.ID())
	a.Abort()
	w.ends(w.next(proto.OpLeave), first, true, proto.NotInRoom)
	testkit.WaitFor(t, "the pump's end", func() bool { return !s.Busy() })
	w.sync()
	first.answer(proto.Event{Name: proto.RoomCreated, Seq: 3})
	w.ends(w.next(proto.OpLeave), first, true, proto.RoomLeft)
}

// What a check has told of the record since is another membership, and another leave.
func TestALeaveIsAskedAgainTheSameOnlyIfItEndsTheSameMembership(t *testing.T) {
	t.Parallel()
	w, a := unsure(t)
	join := w.joins(a, lobby, 3, far1)
	first := w.lost(a, proto.RoomLeave, proto.OpLeave)
	w.replicas[0].check(believes(lobby, 3, proto.CheckMember{ID: a.ID(), Request: "record"}))
	w.sync()
	w.send(a, proto.Frame{Name: proto.RoomLeave, Room: lobby})
	again := w.next(proto.OpLeave)
	if again.id != first.id {
		t.Errorf("the leave %s was asked again as %s", first.id, again.id)
	}
	w.ends(again, join, false, proto.NotInRoom)
	second := w.next(proto.OpLeave)
	if second.Joined != "record" || second.id == first.id {
		t.Errorf("the leave is %s %s", second.id, second.msg.Data)
	}
	second.answer(proto.Event{Name: proto.RoomLeft})
	w.hears(a, proto.Event{Name: proto.RoomLeft, Room: lobby})
}

func TestALateAnswerThatNamesTheRecordsRequestIsMetWithALeaveOfThat(t *testing.T) {
	t.Parallel()
	w, a := unsure(t)
	first := w.lost(a, proto.RoomJoin, proto.OpJoin)
	e := proto.Event{Name: proto.RoomJoined, Room: lobby, OwnerID: far1, Clients: []proto.ClientID{far1}, Seq: 3}
	err := first.msg.RespondMsg(&nats.Msg{
		Header: nats.Header{proto.HeaderRequest: {"record"}}, Data: proto.AppendEvent(nil, &e),
	})
	if err != nil {
		t.Fatal(err)
	}
	if q := w.next(proto.OpLeave); q.Joined != "record" {
		t.Errorf("the leave is %s", q.msg.Data)
	}
}

func TestAnEventThatMakesAMemberOfOneWhoseRequestWasLeftAlreadyIsMetWithALeave(t *testing.T) {
	t.Parallel()
	w, a := unsure(t)
	first := w.lost(a, proto.RoomJoin, proto.OpJoin)
	w.send(a, proto.Frame{Name: proto.RoomLeave, Room: lobby})
	w.ends(w.next(proto.OpLeave), first, false, proto.NotInRoom)
	w.hears(a, proto.Event{Name: proto.NotInRoom, Room: lobby})
	w.replicas[0].tell(came(lobby, a.ID(), 4, 3)) // the attempt was late, and its answer is lost
	w.ends(w.next(proto.OpLeave), first, true, proto.RoomLeft)
	w.quiet(a)
}
