package roomsvc

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/bus"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/replicas"
	"github.com/parley-rtc/parley/roomsvc/room"
)

func TestARemovalThatIsBegunAgainEndsWhenItWouldHaveEnded(t *testing.T) {
	t.Parallel()
	s, err := New(Config{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(s)
	w.entry("r").op = &operation{} // so that all wait
	now := time.Now()
	begin := func(removal bool, after time.Duration) {
		w.admit(&ask{
			Request: room.Request{Op: proto.OpLeave, ID: "l1", Request: proto.Request{Room: "r", ClientID: "ann"}},
			token:   "r", arrived: now, deadline: now.Add(after), removal: removal,
		})
	}
	begin(true, time.Second)
	begin(true, 2*time.Second)
	first := w.byID["l1"]
	if w.removing != 1 || len(w.active) != 1 || !first.deadline.Equal(now.Add(time.Second)) {
		t.Errorf("%d removals end at %v, begun at %v", w.removing, first.deadline, now)
	}
	if begin(false, 3*time.Second); !first.deadline.Equal(now.Add(3 * time.Second)) {
		t.Error("an asker that waits for longer is not waited for")
	}
}

func TestAClosedRoomThatWasReadAfterTheFeedHadBroughtItIsForgottenAgain(t *testing.T) {
	t.Parallel()
	s, err := New(Config{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(s)
	closed := proto.Record{
		Room: "r", OwnerID: proto.NewClientID(), Prev: 6, Closed: true,
		Change: proto.Change{Event: proto.RoomClosed, Request: "l1", Replica: s.ID()},
	}
	at := time.Now().Add(-time.Hour)
	w.feed("r", 7, proto.AppendRecord(nil, &closed), at)
	if len(w.rooms) != 0 {
		t.Fatalf("memory has %v", w.rooms)
	}
	// A create that expects nothing is refused and reads what stands there, and is then given up.
	e := w.entry("r")
	w.learn("r", &room.State{Seq: 7, Record: closed}, at)
	w.next(e)
	if len(w.rooms) != 0 {
		t.Errorf("memory still has %v", w.rooms)
	}
	// One that the feed has yet to bring is kept until then.
	closed.Prev = 8
	e = w.entry("r")
	w.learn("r", &room.State{Seq: 9, Record: closed}, at)
	if w.next(e); len(w.rooms) != 1 {
		t.Errorf("memory has %v", w.rooms)
	}
	w.feed("r", 9, proto.AppendRecord(nil, &closed), at)
	if len(w.rooms) != 0 {
		t.Errorf("memory still has %v", w.rooms)
	}
}

// A probe of another replica is not kept, or it would be told as a room that was closed once that replica is gone.
func TestAProbeIsNeverToldAgain(t *testing.T) {
	t.Parallel()
	s, err := New(Config{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.watch = replicas.New(replicas.Config{Conn: &bus.Conn{Conn: &nats.Conn{}}, Subjects: s.subjects, Self: s.id})
	w := newWorker(s)
	for _, c := range []struct{ prev, kept int }{{0, 0}, {6, 1}} {
		rec := proto.Record{
			Room: "probe-x", Prev: uint64(c.prev), Closed: true,
			Change: proto.Change{Event: proto.RoomClosed, Request: "x", Replica: proto.NewReplicaID()},
		}
		w.feed("probe-x", 7, proto.AppendRecord(nil, &rec), time.Now())
		if w.past.count != c.kept || len(w.rooms) != 0 {
			t.Errorf("a closing of %d: %d changes are kept to be told, expected %d; %d rooms", c.prev, w.past.count, c.kept, len(w.rooms))
		}
	}
}
