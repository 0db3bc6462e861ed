package operate

import (
	"testing"
	"time"

	"github.com/parley-rtc/parley/proto"
)

func TestEachChangeCountsOnceAndWhatIsMissingShows(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var l levels
	for i, step := range []struct {
		name      proto.Name
		seq, prev uint64
		fresh     bool
		gap       missed
	}{
		{proto.ClientJoined, 12, 7, true, missed{}}, // the first that is heard: nothing is missed
		{proto.ClientJoined, 15, 12, true, missed{}},
		{proto.ClientJoined, 15, 12, false, missed{}}, // again
		{proto.ClientJoined, 12, 7, false, missed{}},  // late
		{proto.ClientLeft, 30, 21, true, missed{15, 30}},
		{proto.RoomClosed, 31, 30, true, missed{}},
		{proto.ClientLeft, 30, 21, false, missed{}}, // told again after a failover
		{proto.RoomCreated, 40, 0, true, missed{}},
		{proto.RoomCreated, 50, 0, true, missed{40, 50}}, // the closing was not heard
		{proto.RoomClosed, 51, 50, true, missed{}},
		{proto.ClientJoined, 61, 60, true, missed{51, 61}}, // the creation was not heard
	} {
		e := proto.Event{Name: step.name, Room: "lobby", Seq: step.seq, Prev: step.prev}
		fresh, gap := l.take(&e, now)
		if gap == nil {
			gap = &missed{}
		}
		if fresh != step.fresh || *gap != step.gap {
			t.Errorf("step %d: %t %+v, expected %t %+v", i, fresh, *gap, step.fresh, step.gap)
		}
	}
}

func TestClosedRoomsAreForgottenAfterAWhileAndOpenOnesAreNot(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var l levels
	take := func(room proto.Room, name proto.Name, seq uint64) {
		l.take(&proto.Event{Name: name, Room: room, Seq: seq, Prev: seq - 1}, now)
	}
	take("open", proto.ClientJoined, 5)
	take("closed", proto.RoomClosed, 6)
	now = now.Add(remember - time.Second)
	take("open", proto.ClientJoined, 7)
	if len(l.rooms) != 2 {
		t.Errorf("after less than %v: %+v", remember, l.rooms)
	}
	now = now.Add(time.Second)
	take("open", proto.ClientJoined, 8)
	if _, known := l.rooms["open"]; len(l.rooms) != 1 || !known {
		t.Errorf("after %v: %+v", remember, l.rooms)
	}
}
