package turns_test

import (
	"testing"

	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/gateway/turns"
	"github.com/parley-rtc/parley/proto"
)

func resume(room proto.Room) *rooms.Ask { return &rooms.Ask{Room: room, Seq: 7} }

func TestAResumeInDoubtIsAskedAgainUnderTheSameParleyRequestAndNeverLeft(t *testing.T) {
	t.Parallel()
	c, x := begin(rooms.Unavailable, rooms.Unavailable)
	x.Resume(c, resume(lobby), 0)
	for _, op := range []proto.Op{proto.OpJoin, proto.OpCreate, proto.OpEnter, proto.OpLeave, proto.OpClose} {
		if v := x.Change(c, op, lobby, "", 0); v != turns.ResumeFirst {
			t.Errorf("%s: %v", op, v)
		}
	}
	x.LeaveDoubted(c, lobby, 0)
	x.Resume(c, resume(lobby), 0)
	if x.Depart(c, nil, 0) {
		t.Error("everything is settled, though the client may be back in a room")
	}
	c.expect(t, "r1 resume lobby", "r1 resume lobby")
}

func TestWhenTheTimeIsOverWhatAResumeInDoubtHasMadeIsLeftAndAnotherResumeIsAnother(t *testing.T) {
	t.Parallel()
	c, x := begin(rooms.Unavailable, rooms.Declined)
	x.Resume(c, resume(lobby), 0)
	x.LeaveGhost(c, lobby, "r1", 0)
	x.Resume(c, resume(lobby), 0)
	c.expect(t, "r1 resume lobby", "r2 leave lobby of r1 silent lost", "r3 resume lobby")
}

func TestBeforeAResumeAnotherRequestThatIsInDoubtIsLeft(t *testing.T) {
	t.Parallel()
	c, x := begin(rooms.Unavailable, rooms.Declined)
	x.Change(c, proto.OpJoin, lobby, "", 0)
	x.Resume(c, resume(lobby), 0)
	c.expect(t, "r1 join lobby", "r2 leave lobby of r1 silent", "r3 resume lobby")

	c, x = begin(rooms.Unavailable, rooms.Unavailable)
	x.Change(c, proto.OpJoin, lobby, "", 0)
	if v := x.Resume(c, resume(lobby), 0); v != turns.Unavailable {
		t.Errorf("%v", v)
	}
	c.expect(t, "r1 join lobby", "r2 leave lobby of r1 silent")
}

func TestAClientResumesNoMoreRoomsThanItMayBeIn(t *testing.T) {
	t.Parallel()
	c, x := begin()
	c.most = 1
	x.Resume(c, resume(lobby), 0)
	if v := x.Resume(c, resume("hall"), 0); v != turns.TooMany {
		t.Errorf("%v", v)
	}
}

func TestACloseNamesWhatItEndsAndIsAskedAgainTheSame(t *testing.T) {
	t.Parallel()
	c, x := begin(rooms.OK, rooms.Unavailable, rooms.Unavailable)
	x.Change(c, proto.OpCreate, lobby, "", 0)
	x.Change(c, proto.OpClose, lobby, "", 0)
	x.Change(c, proto.OpClose, lobby, "", 0)
	x.Change(c, proto.OpJoin, lobby, "", 0)
	c.expect(t, "r1 create lobby", "r2 close lobby of r1", "r2 close lobby of r1", "r4 leave lobby of r1 silent", "r5 join lobby")
}

func TestAnEnterIsAskedAgainTheSame(t *testing.T) {
	t.Parallel()
	c, x := begin(rooms.Unavailable)
	x.Change(c, proto.OpEnter, lobby, "", 0)
	x.Change(c, proto.OpEnter, lobby, "", 0)
	c.expect(t, "r1 enter lobby", "r1 enter lobby")
}
