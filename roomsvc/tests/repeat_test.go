package roomsvc_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc"
	"github.com/parley-rtc/parley/testkit"
)

func TestARepeatedRequestGetsItsFirstAnswerAndChangesNothing(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	one, two := start(t, n), start(t, n)
	g := newAsker(t, n)
	ann, bob, eve := proto.NewClientID(), proto.NewClientID(), proto.NewClientID()
	to := func(r *replica, req request) request {
		req.to = g.subjects.Replica(r.ID(), req.op)
		return req
	}
	create := request{op: proto.OpCreate, id: "create-1", Request: proto.Request{Room: "r", ClientID: ann}}
	join := request{op: proto.OpJoin, id: "join-1", Request: proto.Request{Room: "r", ClientID: bob}}

	first := expect(t, g.ask(to(one, create)), proto.RoomCreated)
	if first.Clients != nil {
		t.Errorf("a first room-created has clients: %v", first.Clients)
	}
	repeated := expect(t, g.ask(to(two, create)), proto.RoomCreated)
	if expectClients(t, repeated); repeated.Clients == nil || repeated.Seq != first.Seq {
		t.Errorf("repeated: %+v, first: %+v", repeated, first)
	}
	joined := expect(t, g.ask(to(two, join)), proto.RoomJoined)
	repeated = expect(t, g.ask(to(one, create)), proto.RoomCreated)
	if expectClients(t, repeated, bob); repeated.Seq != joined.Seq {
		t.Errorf("repeated: %+v, joined: %+v", repeated, joined)
	}
	again := expect(t, g.ask(to(one, join)), proto.RoomJoined)
	if expectClients(t, again, ann); again.Seq != joined.Seq {
		t.Errorf("repeated: %+v, joined: %+v", again, joined)
	}
	create.id = "create-2"
	expect(t, g.ask(to(two, create)), proto.RoomExists)

	leave := request{op: proto.OpLeave, id: "leave-1", Request: proto.Request{Room: "r", ClientID: bob, Joined: "join-0"}}
	expect(t, g.ask(to(one, leave)), proto.NotInRoom)
	leave.Joined = "join-1"
	expect(t, g.ask(to(one, leave)), proto.RoomLeft)
	expect(t, g.ask(to(two, leave)), proto.RoomLeft)
	expect(t, g.join("r", eve), proto.RoomJoined)
	expect(t, g.ask(to(one, leave)), proto.NotInRoom)

	closing := request{op: proto.OpLeave, id: "leave-2", Request: proto.Request{Room: "r", ClientID: ann}}
	expect(t, g.ask(to(one, closing)), proto.RoomLeft)
	expect(t, g.ask(to(two, closing)), proto.RoomLeft)

	testkit.WaitFor(t, "all events", func() bool { return len(g.heardOf("r")) == 5 })
	events := g.heardOf("r")
	if last := events[4]; last.Name != proto.RoomClosed || last.Reason != proto.OwnerLeft || last.OwnerID != ann {
		t.Errorf("the last event is %+v", last)
	}
}

func TestAttemptsOfARequestThatIsUnderWayAreAllAnsweredOnce(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	r := start(t, n)
	g := newAsker(t, n)
	req := request{
		op: proto.OpCreate, id: "same", to: g.subjects.Replica(r.ID(), proto.OpCreate),
		Request: proto.Request{Room: "r", ClientID: proto.NewClientID()},
	}
	var answers []<-chan proto.Event
	for range 20 {
		answers = append(answers, g.send(req))
	}
	for _, c := range answers {
		select {
		case e := <-c:
			expect(t, e, proto.RoomCreated)
		case <-time.After(patience):
			t.Fatal("an attempt was not answered")
		}
	}
	if events := g.heardOf("r"); len(events) != 1 {
		t.Errorf("heard %+v", events)
	}
}

func TestARequestIsNeverAnsweredToASubjectThatIsNoReplySubject(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	start(t, n)
	g := newAsker(t, n)
	elsewhere := make(chan *nats.Msg, 16)
	for _, subject := range []string{"parley.beat.gateway.x", "parley.room.r.event", "elsewhere", "parley.gateway.g.room.r"} {
		if _, err := g.nc.ChanSubscribe(subject, elsewhere); err != nil {
			t.Fatal(err)
		}
		if err := g.nc.PublishRequest(g.subjects.Rooms(proto.OpRoster), subject, []byte(`{"room":"r"}`)); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, g.roster("r"), proto.RoomNotExists)
	if len(elsewhere) != 0 {
		t.Errorf("answered to %s", (<-elsewhere).Subject)
	}
}

func TestBadRequestsAreAnsweredWithWhatToMend(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	r := start(t, n, func(c *roomsvc.Config) { c.MaxMembers = 2 })
	g := newAsker(t, n)
	ann := proto.NewClientID()
	expect(t, g.create("r", ann), proto.RoomCreated)
	expect(t, g.join("r", proto.NewClientID()), proto.RoomJoined)
	if e := expect(t, g.join("r", proto.NewClientID()), proto.Error); e.Code != proto.CodeRoomFull || e.SenderID == "" {
		t.Errorf("a full room: %+v", e)
	}
	for name, m := range map[string]*nats.Msg{
		"no JSON":       {Subject: g.subjects.Rooms(proto.OpCreate), Data: []byte(`{`)},
		"bad client":    {Subject: g.subjects.Rooms(proto.OpJoin), Data: []byte(`{"room":"r","clientId":"*","gateway":"g"}`)},
		"no request id": {Subject: g.subjects.Rooms(proto.OpRoster), Data: []byte(`{}`)},
		"no such op":    {Subject: g.subjects.Replica(r.ID(), "drop"), Data: []byte(`{"room":"r"}`)},
		"no id to repeat": {
			Subject: g.subjects.Rooms(proto.OpLeave), Data: []byte(`{"room":"r","clientId":"` + string(ann) + `","gateway":"g"}`),
		},
		"bad time-out": {
			Subject: g.subjects.Rooms(proto.OpRoster), Data: []byte(`{"room":"r"}`),
			Header: nats.Header{proto.HeaderTimeout: []string{"soon"}},
		},
	} {
		select {
		case e := <-g.sendMsg(m):
			if expect(t, e, proto.Error); e.Code != proto.CodeBadRequest || e.Message == "" {
				t.Errorf("%s: %+v", name, e)
			}
		case <-time.After(patience):
			t.Errorf("%s: no answer", name)
		}
	}
}

func TestARequestThatNobodyWaitsForAnyMoreChangesNothing(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	start(t, n)
	g := newAsker(t, n)
	ann, bob := proto.NewClientID(), proto.NewClientID()
	late := func(op proto.Op, room proto.Room, client proto.ClientID) {
		t.Helper()
		e := <-g.send(request{
			op: op, id: proto.NewRequestID(), timeout: time.Nanosecond, // told as 0 ms
			Request: proto.Request{Room: room, ClientID: client},
		})
		if expect(t, e, proto.Error); e.Code != proto.CodeUnavailable {
			t.Errorf("%s is answered %+v", op, e)
		}
	}
	late(proto.OpCreate, "never", ann)
	expect(t, g.roster("never"), proto.RoomNotExists)
	expect(t, g.create("r", ann), proto.RoomCreated)
	late(proto.OpJoin, "r", bob)
	late(proto.OpLeave, "r", ann)
	expectClients(t, expect(t, g.roster("r"), proto.Roster), ann)
}
