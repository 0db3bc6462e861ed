package gateway_test

import (
	"testing"
	"time"

	"github.com/parley-rtc/parley/gateway/internal/inside"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

func TestOneWhomARosterLacksWhileItJoinsAgainHearsSoWhenThatIsRefusedOrUnavailable(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]proto.Event{
		"refused": proto.Errorf(proto.CodeRoomFull, lobby, far1, "full"), "unavailable": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, a := unsure(t)
			w.joins(a, lobby, 3, far1)
			w.replicas[0].tell(came(lobby, far2, 9, 8)) // a gap
			roster := w.next(proto.OpRoster)
			w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby})
			q := w.next(proto.OpJoin)
			roster.answer(rosterAnswer(lobby, 9, far1, far2))
			if refusal.Name != "" {
				q.answer(refusal)
			}
			w.hears(a, kicked(lobby, proto.Removed))
			a.Expect(t, proto.Error)
			w.quiet(a)
			w.send(a, proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: far1, Data: []byte("1")})
			w.hears(a, proto.Event{Name: proto.NotInRoom, Room: lobby})
		})
	}
}

func TestOneWhomARosterLacksWhileTheGatewayEndsAnotherMembershipHearsSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{timing: func(x *inside.Timing) { x.Attempt = time.Minute }})
	a, r := w.dial(), w.replicas[0]
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: "other"})
	other := w.next(proto.OpJoin)
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	s := testSession(w, a.ID())
	testkit.WaitFor(t, "the second request to be read", func() bool { return s.Waiting() == 1 })
	r.check(believes(lobby, 3, proto.CheckMember{ID: a.ID(), Request: "old"}))
	w.sync()
	other.answer(proto.Event{Name: proto.RoomNotExists})
	w.hears(a, proto.Event{Name: proto.RoomNotExists, Room: "other"})
	joined := proto.Event{Name: proto.RoomJoined, Room: lobby, OwnerID: far1, Clients: []proto.ClientID{far1}, Seq: 5}
	w.next(proto.OpJoin).answer(joined)
	w.hears(a, joined)
	ghost := w.next(proto.OpLeave)
	r.tell(came(lobby, far2, 9, 8)) // a gap
	w.next(proto.OpRoster).answer(rosterAnswer(lobby, 9, far1, far2))
	w.sync()
	ghost.answer(proto.Event{Name: proto.NotInRoom})
	w.hears(a, kicked(lobby, proto.Removed))
	w.quiet(a)
}
