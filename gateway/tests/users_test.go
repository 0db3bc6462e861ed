package gateway_test

import (
	"testing"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/gateway"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

func TestAUserHasSoManyConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withTokens(t, gateway.Limits{MaxConnsPerUser: 2}))
	token := signed(t, "ann", 0, all)
	a, b := w.session(1, 1, token), w.as(token)
	if code := w.closing(token); code != int(websocket.StatusTryAgainLater) {
		t.Errorf("closed with %d", code)
	}
	w.as(signed(t, "bob", 0, all))
	w.session(1, 2, token) // the same session, whose old connection stands still
	b.Close()
	testkit.WaitFor(t, "one to be over", func() bool { return len(w.inside.Sessions()) == 3 })
	w.as(token)
	a.Do(t, proto.Frame{Name: proto.Ping})
}

func TestAUserEntersSoManyRoomsAMinute(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withTokens(t, gateway.Limits{JoinsPerUser: 2}))
	token := signed(t, "ann", 0, all)
	a := w.as(token)
	w.creates(a, "one", 1)
	w.joins(a, "two", 2, far1)
	a.Close()
	testkit.WaitFor(t, "it to be over", func() bool { return len(w.inside.Sessions()) == 0 })
	a = w.as(token) // whoever connects anew is the same user
	w.send(a, proto.Frame{Name: proto.RoomEnter, Room: "three"})
	if e := a.Expect(t, proto.Error); e.Code != proto.CodeRateLimited {
		t.Errorf("heard %s", e.Raw)
	}
	w.none(proto.OpEnter)
	w.creates(w.as(signed(t, "bob", 0, all)), "four", 1)
}

func TestAUserOwnsSoManyRooms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withTokens(t, gateway.Limits{RoomsPerUser: 1}))
	token := signed(t, "ann", 0, all)
	a, b := w.as(token), w.as(token)
	w.creates(a, "one", 1)
	full := func() {
		t.Helper()
		w.send(b, proto.Frame{Name: proto.RoomCreate, Room: "two"})
		if e := b.Expect(t, proto.Error); e.Code != proto.CodeTooManyRooms {
			t.Errorf("heard %s", e.Raw)
		}
		w.none(proto.OpCreate)
		w.send(b, proto.Frame{Name: proto.RoomEnter, Room: "two"}) // one that is there may be entered
		w.next(proto.OpJoin).answer(proto.Event{Name: proto.RoomNotExists})
		if e := b.Expect(t, proto.Error); e.Code != proto.CodeTooManyRooms {
			t.Errorf("heard %s", e.Raw)
		}
	}
	full()
	w.joins(b, "three", 2, far1)
	w.replicas[0].tell(came("one", far1, 2, 1))
	w.hears(a, came("one", far1, 2, 1))
	handed := proto.Event{Name: proto.RoomUpdated, Room: "one", OwnerID: far1, Seq: 3, Prev: 2}
	w.replicas[0].tell(handed)
	w.hears(a, handed)
	w.send(b, proto.Frame{Name: proto.RoomCreate, Room: "two"})
	w.next(proto.OpCreate).answer(proto.Event{Name: proto.RoomExists}) // that takes no place
	b.Expect(t, proto.RoomExists)
	w.creates(b, "four", 4)
	full()
	b.Close()
	w.next(proto.OpLeave).answer(proto.Event{Name: proto.RoomLeft})
	w.next(proto.OpLeave).answer(proto.Event{Name: proto.RoomLeft})
	w.sync()
	w.creates(a, "five", 5)
}
