package gateway_test

import (
	"testing"
	"time"

	"github.com/parley-rtc/parley/gateway"
	"github.com/parley-rtc/parley/gateway/internal/inside"
	"github.com/parley-rtc/parley/proto"
)

func TestARoomThatANewTokenDoesNotAllowIsLeftUntilThatIsAnswered(t *testing.T) {
	t.Parallel()
	o := soon(withTokens(t, gateway.Limits{}))
	timing := o.timing
	o.timing = func(x *inside.Timing) { timing(x); x.Request = 200 * time.Millisecond }
	w := newWorld(t, o)
	a := w.as(signed(t, "ann", 0, all))
	w.creates(a, "made", 1)
	joined := w.joins(a, lobby, 2, far1)
	w.joins(a, "kept", 2, far1)
	w.send(a, proto.Frame{Name: proto.TokenRenew, More: &proto.FrameMore{Token: signed(t, "ann", 0, grants{"kept": {"join"}})}})
	a.Expect(t, proto.TokenAccepted)
	w.next(proto.OpMember) // it moderates no more: the others hear that where it may stay
	leave := w.next(proto.OpLeave)
	for ; leave.Room != lobby || leave.Reason != proto.Forbidden; leave = w.next(proto.OpLeave) {
		leave.answer(proto.Event{Name: proto.RoomLeft})
		w.hears(a, kicked(leave.Room, proto.Forbidden))
	}
	again := w.next(proto.OpLeave) // nobody has answered the first
	for ; again.Room != lobby; again = w.next(proto.OpLeave) {
		again.answer(proto.Event{Name: proto.RoomLeft})
		w.hears(a, kicked(again.Room, proto.Forbidden))
	}
	for _, q := range []*asked{leave, again} {
		if q.Reason != proto.Forbidden || q.Joined != joined.id || q.Lost || q.Sub != "ann" || q.Can != 0 {
			t.Errorf("left with %s", q.msg.Data)
		}
	}
	again.answer(proto.Event{Name: proto.RoomLeft})
	w.hears(a, kicked(lobby, proto.Forbidden))
	w.send(a, proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: far1, Data: []byte("1")})
	w.hears(a, proto.Event{Name: proto.NotInRoom, Room: lobby})
}

func TestWhoCreatedARoomWithoutAGrantToJoinStaysWithTheSameGrants(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withTokens(t, gateway.Limits{}))
	a := w.as(signed(t, "ann", 0, grants{"*": {"create"}}))
	w.creates(a, lobby, 1)
	w.send(a, proto.Frame{Name: proto.TokenRenew, More: &proto.FrameMore{Token: signed(t, "ann", 0, grants{"lobby": {"create"}})}})
	a.Expect(t, proto.TokenAccepted)
	w.send(a, proto.Frame{Name: proto.Ping})
	a.Expect(t, proto.Pong)
	w.none(proto.OpLeave, proto.OpMember)
	w.send(a, proto.Frame{Name: proto.TokenRenew, More: &proto.FrameMore{Token: signed(t, "ann", 0, grants{})}})
	a.Expect(t, proto.TokenAccepted)
	w.next(proto.OpLeave).answer(proto.Event{Name: proto.RoomLeft})
	w.hears(a, kicked(lobby, proto.Forbidden))
}
