package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/gateway/internal/inside"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

func TestAGapIsMendedByARosterLeavesFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	w.creates(a, lobby, 1)
	r := w.replicas[0]
	r.tell(came(lobby, far1, 2, 1))
	r.tell(came(lobby, far3, 10, 9))
	roster := w.next(proto.OpRoster)
	r.tell(went(lobby, far2, 11, 10))
	w.hears(a, came(lobby, far1, 2, 1))
	w.quiet(a) // the rest is kept
	roster.answer(rosterAnswer(lobby, 9, a.ID(), far4, far2))
	w.hears(a, went(lobby, far1, 7, 2), came(lobby, far4, 8, 7), came(lobby, far2, 9, 8),
		came(lobby, far3, 10, 9), went(lobby, far2, 11, 10))
	w.quiet(a)
	w.none(proto.OpRoster)
}

// Two replicas that take turns tell over connections of their own: what comes in another order is told as it was made.
func TestEventsThatOvertookEachOtherAreToldInTheOrderOfTheirChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	w.creates(a, lobby, 1)
	r := w.replicas[0]
	r.tell(came(lobby, far1, 2, 1))
	r.tell(went(lobby, far1, 4, 3)) // before the join that it comes after
	r.tell(came(lobby, far4, 6, 5)) // what leads to it never comes
	roster := w.next(proto.OpRoster)
	r.tell(came(lobby, far2, 3, 2))
	w.hears(a, came(lobby, far1, 2, 1))
	w.sync()
	roster.answer(rosterAnswer(lobby, 5, a.ID(), far2, far3))
	w.hears(a, came(lobby, far2, 3, 2), went(lobby, far1, 4, 3), came(lobby, far3, 5, 4), came(lobby, far4, 6, 5))
	w.quiet(a)
	w.none(proto.OpRoster)
}

func TestARosterBelowWhatWasReachedIsAskedForOnceMoreThenTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	w.creates(a, lobby, 5)
	w.replicas[0].tell(came(lobby, far1, 9, 8))
	first := w.next(proto.OpRoster)
	first.answer(rosterAnswer(lobby, 4, a.ID(), far2))
	second := w.next(proto.OpRoster)
	if second.id == first.id {
		t.Error("the second request for a roster bears the Parley-Request of the first")
	}
	w.quiet(a)
	second.answer(rosterAnswer(lobby, 4, a.ID(), far3))
	if e := a.Expect(t, proto.ClientJoined); e.ID != far3 {
		t.Errorf("heard %s", e.Raw)
	}
}

func TestARoomThatDoesNotExistIsAnEmptyRoster(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a, b := w.dial(), w.dial()
	w.creates(a, lobby, 1)
	w.joins(b, lobby, 2, a.ID())
	w.hears(a, came(lobby, b.ID(), 2, 1))
	w.replicas[0].tell(came(lobby, far1, 9, 8))
	w.next(proto.OpRoster).answer(proto.Event{Name: proto.RoomNotExists})
	w.hears(a, kicked(lobby, proto.Removed))
	w.hears(b, kicked(lobby, proto.Removed))
	w.quiet(a, b)
}

func TestAClientThatTheRosterLacksIsRemovedUnlessItHasARequestUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a, b, c := w.dial(), w.dial(), w.dial()
	w.creates(a, lobby, 1)
	w.joins(b, lobby, 2, a.ID())
	w.joins(c, lobby, 3, a.ID(), b.ID())
	w.hears(a, came(lobby, b.ID(), 2, 1), came(lobby, c.ID(), 3, 2))
	w.hears(b, came(lobby, c.ID(), 3, 2))
	w.send(c, proto.Frame{Name: proto.RoomLeave, Room: lobby})
	leave := w.next(proto.OpLeave)
	w.replicas[0].tell(came(lobby, far1, 9, 8))
	w.next(proto.OpRoster).answer(rosterAnswer(lobby, 9, a.ID(), far1))
	w.hears(a, went(lobby, b.ID(), 7, 3), went(lobby, c.ID(), 8, 7), came(lobby, far1, 9, 8))
	w.hears(b, kicked(lobby, proto.Removed))
	leave.answer(proto.Event{Name: proto.RoomLeft})
	if e, err := c.Await(t.Context(), proto.RoomLeft); err != nil || e.Kicked {
		t.Errorf("a client with a leave under way heard %s, %v", e.Raw, err)
	}
	w.quiet(a, b)
}

func TestASignalOfAnUnknownSenderWaitsForTheRoster(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	w.creates(a, lobby, 1)
	r := w.replicas[0]
	known := r.signal(lobby, far1, a.ID(), 1, `"of a member"`)
	stranger := r.signal(lobby, far2, a.ID(), 1, `"of a stranger"`)
	roster := w.next(proto.OpRoster)
	w.unanswered(known)
	w.quiet(a)
	roster.answer(rosterAnswer(lobby, 2, a.ID(), far1))
	w.hears(a, came(lobby, far1, 2, 1), received(lobby, far1, `"of a member"`))
	w.confirmed(known, proto.SignalSent)
	w.next(proto.OpRoster).answer(rosterAnswer(lobby, 2, a.ID(), far1))
	w.confirmed(stranger, proto.NotInRoom)
	w.quiet(a)
}

func TestARosterThatNobodyAnswersIsAskedForAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{timing: func(x *inside.Timing) {
		x.Request, x.Attempt, x.Tick = 200*time.Millisecond, 50*time.Millisecond, 20*time.Millisecond
	}})
	a := w.dial()
	w.creates(a, lobby, 1)
	w.replicas[0].tell(came(lobby, far1, 9, 8))
	first := w.next(proto.OpRoster)
	again := w.next(proto.OpRoster)
	for again.id == first.id { // attempts of the first
		again = w.next(proto.OpRoster)
	}
	again.answer(rosterAnswer(lobby, 8, a.ID()))
	w.hears(a, came(lobby, far1, 9, 8))
}

func TestOnlyTheLastRosterAskedForCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a, b := w.dial(), w.dial()
	w.creates(a, lobby, 1)
	r := w.replicas[0]
	r.tell(came(lobby, far1, 9, 8))
	early := w.next(proto.OpRoster)
	w.joins(b, lobby, 20, a.ID()) // the room was closed and created again: this counts as a roster
	w.hears(a, came(lobby, b.ID(), 20, 1))
	r.tell(came(lobby, far2, 30, 29))
	late := w.next(proto.OpRoster)
	for late.id == early.id {
		late = w.next(proto.OpRoster)
	}
	early.answer(proto.Event{Name: proto.RoomNotExists})
	w.quiet(a, b)
	late.answer(rosterAnswer(lobby, 29, a.ID(), b.ID()))
	w.hears(a, came(lobby, far2, 30, 29))
	w.hears(b, came(lobby, far2, 30, 29))
}

// rooms lets a client create rooms, and returns a roster's answer for each.
func (w *world) rooms(clients int, each int) map[proto.Room]proto.Event {
	w.t.Helper()
	rosters := make(map[proto.Room]proto.Event)
	for i := range clients {
		c := w.dial()
		for j := range each {
			room := proto.Room(fmt.Sprintf("room-%d-%d", i, j))
			w.creates(c, room, 1)
			rosters[room] = rosterAnswer(room, 1, c.ID())
		}
	}
	return rosters
}

// maxRosters is how many may be asked for at a time.
const maxRosters = 32

// drained answers the rosters of all rooms, and reports how many were asked for before the first answer.
func (w *world) drained(rosters map[proto.Room]proto.Event) int {
	w.t.Helper()
	var waiting []*asked
	first := 0
	for len(rosters) > 0 {
		q := w.next(proto.OpRoster)
		waiting = append(waiting, q)
		if first == 0 && len(waiting) < maxRosters {
			continue
		}
		if first == 0 {
			w.sync()
			w.mu.Lock()
			first = len(waiting) + len(w.asked)
			w.mu.Unlock()
		}
		for _, q := range waiting {
			if e, open := rosters[q.Room]; open {
				q.answer(e)
				delete(rosters, q.Room)
			}
		}
		waiting = nil
	}
	return first
}

func TestAfterAReconnectionEveryRoomIsComparedAFewAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{timing: func(x *inside.Timing) { x.Attempt = 10 * time.Second }})
	rosters := w.rooms(2, 30)
	w.nats.Restart()
	if n := w.drained(rosters); n > maxRosters {
		t.Errorf("%d rosters were asked for at once, %d are allowed", n, maxRosters)
	}
}

func TestAnOverflowOfTheQueueFromNATSComparesEveryRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	rosters := w.rooms(1, 1)
	w.inside.Conn().ErrorHandler()(nil, nil, nats.ErrSlowConsumer)
	q := w.next(proto.OpRoster)
	q.answer(rosters[q.Room])
	testkit.WaitFor(t, "the count", func() bool { return w.count("parley_gateway_queue_overflows_total") == 1 })
}
