package gateway

import (
	"strconv"
	"testing"

	"github.com/parley-rtc/parley/proto"
)

// Who says goodbye and hangs up has said it: requests are handled in order, and the end of the connection is the last.
func TestWhatAClientSentBeforeItClosedIsCarriedOutBeforeItLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	joined := w.joins(a, lobby, 3, far1)
	const many = 20
	for i := range many {
		w.send(a, proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: far1, Data: []byte(strconv.Itoa(i))})
	}
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: "late"})
	a.Close()
	for i := range many {
		q := w.next(proto.OpSignal)
		if string(q.Data) != strconv.Itoa(i) {
			t.Errorf("signal %d is %s", i, q.Data)
		}
		w.none(proto.OpLeave)
		q.answer(proto.Event{Name: proto.SignalSent, TargetID: far1})
	}
	late := w.next(proto.OpJoin)
	w.none(proto.OpLeave)
	late.answer(proto.Event{Name: proto.RoomJoined, OwnerID: far2, Clients: []proto.ClientID{far2}, Seq: 9})
	left := map[proto.Room]proto.RequestID{}
	for range 2 {
		leave := w.next(proto.OpLeave)
		if !leave.Lost {
			t.Errorf("the leave of %q does not say that the connection ended", leave.Room)
		}
		left[leave.Room] = leave.Joined
		leave.answer(proto.Event{Name: proto.RoomLeft})
	}
	if left[lobby] != joined.id || left["late"] != late.id {
		t.Errorf("left are %v", left)
	}
}
