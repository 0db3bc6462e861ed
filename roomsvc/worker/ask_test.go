package worker

import (
	"testing"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

func (x *world) request(op proto.Op, id proto.RequestID, client proto.ClientID, within time.Duration) *Ask {
	return &Ask{
		Request: room.Request{Op: op, ID: id, Request: proto.Request{Room: "r", ClientID: client, Gateway: "g"}},
		Token:   "r", Arrived: x.now, Deadline: x.now.Add(within), Replies: []string{"_INBOX.x"},
	}
}

func TestARemovalThatIsBegunAgainEndsWhenItWouldHaveEnded(t *testing.T) {
	t.Parallel()
	x := newWorld()
	x.busy["r"] = &busy{token: "r", op: &operation{}} // so that all wait
	begin := func(removal bool, after time.Duration) {
		a := x.request(proto.OpLeave, "l1", "ann", after)
		a.Removal = removal
		x.Take(x.now, a)
	}
	begin(true, time.Second)
	begin(true, 2*time.Second)
	first := x.asks.byID["l1"]
	if x.Worker.gone.underway != 1 || x.asks.count != 1 || !first.Deadline.Equal(x.now.Add(time.Second)) {
		t.Errorf("%d removals end at %v, begun at %v", x.Worker.gone.underway, first.Deadline, x.now)
	}
	if begin(false, 3*time.Second); !first.Deadline.Equal(x.now.Add(3 * time.Second)) {
		t.Error("an asker that waits for longer is not waited for")
	}
}

func TestAClosedRoomThatWasReadAfterTheFeedHadBroughtItIsForgottenAgain(t *testing.T) {
	t.Parallel()
	x := newWorld()
	closed := proto.Record{
		Room: "r", OwnerID: proto.NewClientID(), Prev: 6, Closed: true,
		Change: proto.Change{Event: proto.RoomClosed, Request: "l1", Replica: "self"},
	}
	stored := x.now.Add(-time.Hour)
	x.Feed(x.now, "r", 7, proto.AppendRecord(nil, &closed), stored)
	if x.rooms.Len() != 0 {
		t.Fatalf("memory has %v", x.rooms.Tokens())
	}
	// A create that expects nothing is refused and reads what stands there, and is then given up.
	read := func(seq uint64) {
		b := &busy{token: "r"}
		x.busy["r"] = b
		x.learn("r", &room.State{Seq: seq, Record: closed}, stored)
		x.next(b)
	}
	if read(7); x.rooms.Len() != 0 || len(x.busy) != 0 {
		t.Errorf("memory still has %v", x.rooms.Tokens())
	}
	// One that the feed has yet to bring is kept until then.
	closed.Prev = 8
	if read(9); x.rooms.Len() != 1 {
		t.Errorf("memory has %v", x.rooms.Tokens())
	}
	x.Feed(x.now, "r", 9, proto.AppendRecord(nil, &closed), stored)
	if x.rooms.Len() != 0 {
		t.Errorf("memory still has %v", x.rooms.Tokens())
	}
}

// Two reads are under way → the first says that what the change was decided on still stands, so it is appended again → the
// second is answered too. That is no answer to the append.
func TestALateReadIsNotTakenForTheAnswerToAnAppend(t *testing.T) {
	t.Parallel()
	x := newWorld()
	x.Take(x.now, x.request(proto.OpCreate, "c1", "ann", time.Minute))
	x.answer(x.last(), Result{Err: ErrConflict})
	first := x.last()
	x.pass(1100 * time.Millisecond)
	second := x.last()
	if first.append || second.append || first.id == second.id {
		t.Fatalf("asked %+v", x.questions)
	}
	x.answer(first, Result{})
	x.answer(second, Result{})
	if len(x.replies) > 0 || len(x.told) > 0 {
		t.Errorf("answered %v, told %q", x.replies, x.told)
	}
	x.pass(100 * time.Millisecond)
	if !x.last().append {
		t.Fatalf("asked %+v", x.last())
	}
	x.answer(x.last(), Result{Seq: 3})
	if len(x.replies) != 1 || x.replies[0].Seq != 3 || len(x.told) != 1 {
		t.Errorf("answered %v, told %q", x.replies, x.told)
	}
}

// A defect in the rules costs the request that it is about. Requests that waited behind it go on.
func TestADefectInTheRulesCostsOneRequest(t *testing.T) {
	t.Parallel()
	x := newWorld()
	x.Take(x.now, x.request(proto.OpCreate, "c1", "ann", time.Minute))
	x.Take(x.now, x.request(proto.OpJoin, "j1", "bob", time.Second))
	x.Take(x.now, x.request(proto.OpJoin, "j2", "cid", time.Second))
	created := x.last()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("there was no defect")
			}
		}()
		x.asks.byID["j1"].Request.Op = "defect" // stands for one: the rules are pure
		x.busy["r"].queue[0] = nil
		x.answer(created, Result{Seq: 1})
	}()
	if x.Unharmed() {
		t.Error("a defect outside of the rules is contained")
	}
	x.reading = true // as it is in the rules
	if !x.Unharmed() {
		t.Error("a defect in the rules is not contained")
	}
	x.Tick(x.now)
	if !x.last().append || x.last().expect != 1 {
		t.Errorf("the request behind does not go on: %+v", x.last())
	}
}

// A roster is read at 1 → the room is closed at 2, and the feed brings that → the answer to the read comes. The room must
// not come to life again in memory.
func TestALateReadDoesNotBringBackARoomThatWasClosed(t *testing.T) {
	t.Parallel()
	x := newWorld()
	open := proto.Record{
		Room: "r", OwnerID: "ann", Members: []proto.Member{{ID: "ann", Gateway: "g", Request: "c1"}},
		Change: proto.Change{Event: proto.RoomCreated, ID: "ann", Request: "c1", Replica: "other"},
	}
	closed := proto.Record{
		Room: "r", OwnerID: "ann", Prev: 1, Closed: true,
		Change: proto.Change{Event: proto.RoomClosed, ID: "ann", Request: "l1", Replica: "other"},
	}
	x.Feed(x.now, "r", 1, proto.AppendRecord(nil, &open), x.now)
	x.Take(x.now, x.request(proto.OpRoster, "q1", "", time.Minute))
	x.Feed(x.now, "r", 2, proto.AppendRecord(nil, &closed), x.now)
	late := Result{Seq: 1, State: &room.State{Seq: 1, Record: open}}
	x.answer(x.last(), late)
	if x.rooms.Len() != 0 || x.counts[Rooms] != 0 {
		t.Errorf("memory has %v, %d rooms are counted", x.rooms.Tokens(), x.counts[Rooms])
	}
	x.pass(100 * time.Millisecond)
	x.answer(x.last(), Result{Seq: 2, State: &room.State{Seq: 2, Record: closed}})
	if x.rooms.Len() != 0 || len(x.replies) != 1 || x.replies[0].Name != proto.RoomNotExists {
		t.Errorf("memory has %v, answered %v", x.rooms.Tokens(), x.replies)
	}
}

// A probe of another replica is not kept, or it would be told as a room that was closed once that replica is gone.
func TestAProbeIsNeverToldAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		prev uint64
		kept int
	}{{0, 0}, {6, 1}} {
		x := newWorld()
		rec := proto.Record{
			Room: "probe-x", Prev: c.prev, Closed: true,
			Change: proto.Change{Event: proto.RoomClosed, Request: "x", Replica: "other"},
		}
		x.Feed(x.now, "probe-x", 7, proto.AppendRecord(nil, &rec), x.now)
		if x.tells.past.count != c.kept || x.rooms.Len() != 0 {
			t.Errorf("a closing of %d: %d changes are kept to be told, expected %d; %d rooms",
				c.prev, x.tells.past.count, c.kept, x.rooms.Len())
		}
	}
}

// Many are removed, or the journal is away: some removals are not settled in their time.
func TestARemovalThatWasGivenUpIsBegunAgainWithoutAnotherLook(t *testing.T) {
	t.Parallel()
	x := newWorld()
	rec := proto.Record{
		Room: "r", OwnerID: "ann", Members: []proto.Member{{ID: "ann", Gateway: "g", Request: "c1"}},
		Change: proto.Change{Event: proto.RoomCreated, ID: "ann", Request: "c1", Replica: "other"},
	}
	x.Feed(x.now, "r", 1, proto.AppendRecord(nil, &rec), x.now)
	x.gone = "g"
	x.Sweep(x.now, true)
	x.pass(11 * time.Second)
	x.answer(x.last(), Result{Seq: 2})
	if len(x.told) != 1 || x.counts[Removed] != 1 || x.Worker.gone.underway != 0 {
		t.Errorf("told %q, %d removed, %d under way", x.told, x.counts[Removed], x.Worker.gone.underway)
	}
}
