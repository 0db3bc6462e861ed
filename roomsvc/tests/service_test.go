package roomsvc_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

func TestARoomLivesFromItsCreationToItsOwnersLeave(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	start(t, n)
	g := newAsker(t, n)
	ann, bob, eve := proto.NewClientID(), proto.NewClientID(), proto.NewClientID()

	expect(t, g.join("lobby", bob), proto.RoomNotExists)
	created := expect(t, g.create("lobby", ann), proto.RoomCreated)
	expect(t, g.create("lobby", bob), proto.RoomExists)
	joined := expect(t, g.join("lobby", bob), proto.RoomJoined)
	expectClients(t, joined, ann)
	if joined.OwnerID != ann || joined.Seq <= created.Seq {
		t.Fatalf("joined: %+v", joined)
	}
	again := expect(t, g.join("lobby", bob), proto.RoomJoined)
	expectClients(t, again, ann)
	expect(t, g.signal("lobby", ann, bob, 1), proto.SignalSent)
	expect(t, g.signal("lobby", ann, eve, 2), proto.TargetNotFound)
	expect(t, g.signal("lobby", eve, ann, 1), proto.NotInRoom)
	expect(t, g.signal("nowhere", eve, ann, 2), proto.NotInRoom)
	roster := expect(t, g.roster("lobby"), proto.Roster)
	expectClients(t, roster, ann, bob)
	expect(t, g.roster("nowhere"), proto.RoomNotExists)
	expect(t, g.leave("lobby", eve), proto.NotInRoom)
	expect(t, g.leave("lobby", bob), proto.RoomLeft)
	expect(t, g.leave("lobby", ann), proto.RoomLeft)
	expect(t, g.roster("lobby"), proto.RoomNotExists)
	expect(t, g.create("lobby", eve), proto.RoomCreated)

	names := []proto.Name{
		proto.RoomCreated, proto.ClientJoined, proto.ClientLeft, proto.RoomClosed, proto.RoomCreated,
	}
	events := g.heardOf("lobby")
	if len(events) != len(names) {
		t.Fatalf("heard %d events: %+v", len(events), events)
	}
	for i, e := range events {
		if e.Name != names[i] {
			t.Errorf("event %d is %s, expected %s", i, e.Name, names[i])
		}
		if i > 0 && e.Name != proto.RoomCreated && e.Prev != events[i-1].Seq {
			t.Errorf("event %d follows %d, expected %d", i, e.Prev, events[i-1].Seq)
		}
	}
}

func TestRoomsAreListedInOrderPageByPage(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	start(t, n)
	g := newAsker(t, n)
	for _, name := range []proto.Room{"d", "b", "a", "e", "c ü"} {
		expect(t, g.create(name, proto.NewClientID()), proto.RoomCreated)
	}
	var got []proto.Room
	for after, more := proto.Room(""), true; more; {
		page := expect(t, g.ask(request{op: proto.OpList, Request: proto.Request{After: after, Limit: 2}}), proto.Rooms)
		for _, r := range page.List {
			got = append(got, r.Room)
			if r.Members != 1 || r.Seq == 0 || r.OwnerID == "" {
				t.Errorf("listed: %+v", r)
			}
		}
		after, more = page.Next, page.Next != ""
	}
	if want := []proto.Room{"a", "b", "c ü", "d", "e"}; !equal(got, want) {
		t.Fatalf("listed %q, expected %q", got, want)
	}
}

func equal[T comparable](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestAListThatDoesNotFitIntoAMessageBringsFewerRooms(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t, testkit.Configure(func(o *server.Options) { o.MaxPayload = 2048 }))
	start(t, n)
	g := newAsker(t, n)
	const rooms = 50
	for i := range rooms {
		expect(t, g.create(proto.Room(fmt.Sprintf("room-%02d", i)), proto.NewClientID()), proto.RoomCreated)
	}
	var got int
	for after := proto.Room(""); ; {
		e := expect(t, g.ask(request{op: proto.OpList, Request: proto.Request{After: after}}), proto.Rooms)
		for _, r := range e.List {
			if want := proto.Room(fmt.Sprintf("room-%02d", got)); r.Room != want {
				t.Fatalf("%s is listed, expected %s", r.Room, want)
			}
			got++
		}
		if after = e.Next; after == "" {
			break
		}
	}
	if got != rooms {
		t.Errorf("%d rooms are listed, expected %d", got, rooms)
	}
}

func TestManyRefusalsAtOnceAreAllCheckedAndAnswered(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	r := start(t, n)
	g := newAsker(t, n)
	var answers []<-chan proto.Event
	for i := range 1000 {
		room := proto.Room(fmt.Sprintf("nowhere-%d", i))
		answers = append(answers, g.send(request{
			op: proto.OpRoster, to: g.subjects.Replica(r.ID(), proto.OpRoster), Request: proto.Request{Room: room},
		}))
	}
	for _, c := range answers {
		select {
		case e := <-c:
			expect(t, e, proto.RoomNotExists)
		case <-time.After(patience):
			t.Fatal("a request was not answered")
		}
	}
	if rooms := value(t, r, "rooms"); rooms != 0 {
		t.Errorf("%v rooms in memory", rooms)
	}
}

// A leave has to name the request that the record bears, so whoever joins, or joins again, is told which that is.
func TestAnAnswerToAMemberSaysWhichRequestItsRecordBears(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	r := start(t, n)
	g := newAsker(t, n)
	ann, bob := proto.NewClientID(), proto.NewClientID()
	expect(t, g.create("lobby", ann), proto.RoomCreated)
	nc := n.Connect(t)
	subjects, err := proto.NewSubjects("")
	if err != nil {
		t.Fatal(err)
	}
	join := func(id string) string {
		m, err := nc.RequestMsg(&nats.Msg{
			Subject: subjects.Replica(r.ID(), proto.OpJoin),
			Header:  nats.Header{proto.HeaderRequest: {id}},
			Data: proto.AppendRequest(nil, proto.OpJoin, &proto.Request{
				Room: "lobby", ClientID: bob, Gateway: proto.NewGatewayID(),
			}),
		}, 20*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		return m.Header.Get(proto.HeaderRequest)
	}
	for _, c := range []struct{ id, want string }{{"first", "first"}, {"first", "first"}, {"second", "first"}} {
		if got := join(c.id); got != c.want {
			t.Errorf("the answer to %s says %q, expected %q", c.id, got, c.want)
		}
	}
}
