package roomsvc_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc"
	"github.com/parley-rtc/parley/roomsvc/internal/inside"
	"github.com/parley-rtc/parley/roomsvc/room"
	"github.com/parley-rtc/parley/testkit"
)

// The feed brings a large room in form 2 that nobody has asked this replica for: its members are encoded still. Lists count
// them, checks name them, signals find them.
func TestALargeRoomThatNobodyHasAskedForIsListedCheckedAndServed(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	r := start(t, n, func(c *roomsvc.Config) { inside.Of(c).Check = 200 * time.Millisecond })
	g := newAsker(t, n)
	rec := proto.Record{Room: "large", Change: proto.Change{Event: proto.RoomCreated, Request: "x", Replica: proto.NewReplicaID()}}
	requests := map[proto.ClientID]proto.RequestID{}
	for i := range 2 * room.Large {
		m := proto.Member{ID: proto.NewClientID(), Gateway: g.id, Request: proto.RequestID(g.id) + "-" + proto.RequestID(strconv.Itoa(i))}
		requests[m.ID] = m.Request
		rec.Members = append(rec.Members, m)
	}
	rec.OwnerID, rec.Change.ID = rec.Members[0].ID, rec.Members[0].ID
	js, err := jetstream.New(n.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	ack, err := js.Publish(t.Context(), g.subjects.Journal(rec.Room.Token()), proto.AppendCompact(nil, &rec, proto.PackMembers(rec.Members)))
	if err != nil {
		t.Fatal(err)
	}
	testkit.WaitFor(t, "the room to be listed with its members", func() bool {
		e := expect(t, g.ask(request{op: proto.OpList}), proto.Rooms)
		return len(e.List) == 1 && e.List[0].Members == len(rec.Members) && e.List[0].OwnerID == rec.OwnerID && e.List[0].Seq == ack.Sequence
	})
	if members := value(t, r, "members"); members != float64(len(rec.Members)) {
		t.Errorf("the metric has %v members", members)
	}
	testkit.WaitFor(t, "a check that names every member", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, c := range g.checks {
			if len(c.Rooms) > 0 {
				of := c.Rooms[0]
				if of.Room != rec.Room || of.Seq != ack.Sequence || len(of.Members) != len(rec.Members) {
					t.Fatalf("checked %+v", of)
				}
				for _, m := range of.Members {
					if requests[m.ID] != m.Request {
						t.Fatalf("%s is checked with the request %s", m.ID, m.Request)
					}
				}
				return true
			}
		}
		return false
	})
	expect(t, g.signal(rec.Room, rec.Members[3].ID, rec.Members[7].ID, 1), proto.SignalSent)
	joined := expect(t, g.join(rec.Room, proto.NewClientID()), proto.RoomJoined)
	if len(joined.Unpack()) != len(rec.Members) {
		t.Errorf("joined %d members", len(joined.Clients))
	}
}
