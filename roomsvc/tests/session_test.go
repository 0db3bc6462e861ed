package roomsvc_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// answer is an answer, and the stays beside it.
type answer struct {
	proto.Event
	proto.Stays
}

// session has a gateway ask for a client with a session, as any service asks, and waits for the answer.
func (a *asker) session(op proto.Op, id proto.RequestID, q proto.Request) answer {
	a.tb.Helper()
	q.Gateway = a.id
	deadline := time.Now().Add(patience)
	for {
		m, err := a.nc.RequestMsg(&nats.Msg{
			Subject: a.subjects.Rooms(op), Header: nats.Header{proto.HeaderRequest: {string(id)}},
			Data: proto.AppendRequest(nil, op, &q),
		}, attempt)
		if err != nil && time.Now().Before(deadline) {
			continue // nobody serves for the moment
		}
		if err != nil {
			a.tb.Fatalf("%s %s: %v", op, id, err)
		}
		e, err := proto.DecodeEvent(m.Data)
		if err != nil {
			a.tb.Fatal(err)
		}
		return answer{e, a.stays(m.Header.Get(proto.HeaderMembers))}
	}
}

func (a *asker) stays(header string) proto.Stays {
	a.tb.Helper()
	if header == "" {
		return proto.Stays{}
	}
	s, err := proto.DecodeStays(header)
	if err != nil {
		a.tb.Fatal(err)
	}
	return s
}

// of is a request of a session's connection.
func of(room proto.Room, client proto.ClientID, turn int64, keep int) proto.Request {
	return proto.Request{Room: room, ClientID: client, Turn: turn, Keep: keep}
}

// toldOf waits for an event of a room, and returns it with the stays beside it.
func (a *asker) toldOf(t *testing.T, room proto.Room, name proto.Name, id proto.ClientID) answer {
	t.Helper()
	var found answer
	testkit.WaitFor(t, string(name)+" of "+string(id), func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, e := range a.events {
			if e.Room == room && e.Name == name && (e.ID == id || e.OwnerID == id) {
				found = answer{e.Event, a.stays(e.stays)}
				return true
			}
		}
		return false
	})
	return found
}

// Two clients are in a room → every replica is replaced → both come back through another gateway, the owner as the owner; and what the
// gateway before asks late changes nothing.
func TestSessionsComeBackThoughEveryReplicaWasReplaced(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	one := start(t, n)
	before, after := newAsker(t, n), newAsker(t, n)
	public := make(chan *nats.Msg, 64)
	if _, err := n.Connect(t).ChanSubscribe(before.subjects.RoomEventAll(), public); err != nil {
		t.Fatal(err)
	}
	ann, bob, eve := proto.NewClientID(), proto.NewClientID(), proto.NewClientID()
	created := before.session(proto.OpEnter, "e1", of("r", ann, 1, 30))
	expect(t, created.Event, proto.RoomCreated)
	joined := before.session(proto.OpEnter, "e2", of("r", bob, 5, 20))
	expectClients(t, expect(t, joined.Event, proto.RoomJoined), ann)
	if len(created.Members) != 1 || len(joined.Members) != 2 || joined.Members[bob].Turn != 5 || joined.Members[bob].Since != created.Seq {
		t.Errorf("beside the answers stand %+v and %+v", created.Stays, joined.Stays)
	}
	expect(t, before.join("r", eve), proto.RoomJoined)
	one.stop()
	two := start(t, n)

	q := of("r", ann, 2, 15)
	q.Seq = joined.Seq
	resumed := after.session(proto.OpResume, "r1", q)
	expectClients(t, expect(t, resumed.Event, proto.Resumed), bob, eve)
	if resumed.OwnerID != ann || !slices.Equal(resumed.Event.Fresh, []proto.ClientID{eve}) || resumed.Before != before.id ||
		resumed.Members[ann] != (proto.Stay{Gateway: after.id, Request: "r1", Turn: 2, Keep: 15, Since: resumed.Members[ann].Since}) ||
		len(resumed.Members) != 3 {
		t.Errorf("answered %+v", resumed)
	}
	for _, g := range []*asker{before, after} { // the one that it came from, too
		if told := g.toldOf(t, "r", proto.ClientBack, ann); told.Seq != resumed.Seq || told.Members[ann] != resumed.Members[ann] {
			t.Errorf("told %+v", told)
		}
	}
	two.stop()
	start(t, n)
	again := after.session(proto.OpResume, "r1", q)
	if again.Name != proto.Resumed || again.Seq != resumed.Seq || again.Before != before.id || len(again.Members) != 3 {
		t.Errorf("repeated, it is answered %+v", again)
	}

	// The earlier connection is fenced, and so is another that says it is the same.
	for op, id := range map[proto.Op]proto.RequestID{
		proto.OpLeave: "l1", proto.OpClose: "x1", proto.OpJoin: "e1", proto.OpEnter: "e1", proto.OpCreate: "e1", proto.OpResume: "r2",
	} {
		expect(t, before.session(op, id, of("r", ann, 1, 30)).Event, proto.Fenced)
	}
	expect(t, before.session(proto.OpResume, "r3", of("r", ann, 2, 30)).Event, proto.Fenced)
	if e := before.session(proto.OpLeave, "l2", of("r", ann, 3, 30)); e.Code != proto.CodeResumeFirst {
		t.Errorf("a later connection that has not resumed the room is answered %+v", e)
	}
	e := before.ask(request{op: proto.OpLeave, Request: proto.Request{Room: "r", ClientID: ann, Joined: "e1", Lost: true}})
	expect(t, e, proto.NotInRoom)
	roster := after.session(proto.OpRoster, "q1", proto.Request{Room: "r"})
	if expectClients(t, roster.Event, ann, bob, eve); roster.Seq != resumed.Seq || len(roster.Members) != 2 {
		t.Errorf("the roster is %+v", roster)
	}

	// Signals to a session are not relayed.
	signal := proto.Request{Room: "r", ClientID: eve, TargetID: ann, N: 1, Data: []byte(`{}`)}
	if e := before.session(proto.OpSignal, "s1", signal); e.Name != proto.PushIt || e.Members[ann].Gateway != after.id || len(e.Members) != 2 {
		t.Errorf("the signal is answered %+v", e)
	}

	expect(t, before.session(proto.OpClose, "x2", of("r", bob, 5, 0)).Event, proto.Error)
	expect(t, after.session(proto.OpClose, "x3", of("r", ann, 2, 0)).Event, proto.RoomLeft)
	if e := after.session(proto.OpResume, "r4", of("r", bob, 6, 0)); e.Name != proto.NotInRoom || e.Reason != proto.ClosedForAll {
		t.Errorf("after the closing, it is answered %+v", e)
	}
	for range len(public) {
		if m := <-public; m.Header != nil {
			t.Errorf("%s is told to everybody with %v", m.Data, m.Header)
		}
	}
}

// A gateway says that it leaves → its plain members are removed at once, those of sessions once they were kept; who has come back
// elsewhere stays.
func TestMembersOfAGatewayThatLeavesAreRemovedKeepLater(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	start(t, n)
	stays, leaves := newAsker(t, n), newAsker(t, n)
	ann, bob, cid, dan := proto.NewClientID(), proto.NewClientID(), proto.NewClientID(), proto.NewClientID()
	expect(t, stays.session(proto.OpCreate, "c1", of("r", ann, 1, 30)).Event, proto.RoomCreated)
	expect(t, leaves.join("r", bob), proto.RoomJoined)
	expect(t, leaves.session(proto.OpJoin, "j2", of("r", cid, 1, 3)).Event, proto.RoomJoined)
	expect(t, leaves.session(proto.OpJoin, "j3", of("r", dan, 1, 3)).Event, proto.RoomJoined)
	leaves.die()
	leaves.beat(proto.Leaving)
	left := time.Now()
	if e := stays.toldOf(t, "r", proto.ClientLeft, bob); e.Reason != proto.MemberLost {
		t.Errorf("told %+v", e)
	}
	expect(t, stays.session(proto.OpResume, "r1", of("r", dan, 2, 30)).Event, proto.Resumed)
	expectClients(t, expect(t, stays.roster("r"), proto.Roster), ann, cid, dan)
	stays.toldOf(t, "r", proto.ClientLeft, cid)
	if took := time.Since(left); took < 3*time.Second {
		t.Errorf("it was removed after %v, and had asked for 3 s", took)
	}
	expectClients(t, expect(t, stays.roster("r"), proto.Roster), ann, dan)
	if e := stays.session(proto.OpResume, "r2", of("r", cid, 2, 3)); e.Name != proto.NotInRoom || e.Reason != proto.MemberLost {
		t.Errorf("who comes back too late is answered %+v", e)
	}
}

// Everything has died → replicas and gateways start again → keep begins when the old gateway is found to be gone.
func TestAfterARestartMembersAreKeptForAsLongAsTheyAsked(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	one := start(t, n)
	dies := newAsker(t, n)
	ann, bob := proto.NewClientID(), proto.NewClientID()
	q := of("r", ann, 1, 4)
	q.Policy = proto.PolicyTransfer
	expect(t, dies.session(proto.OpCreate, "c1", q).Event, proto.RoomCreated)
	expect(t, dies.join("r", bob), proto.RoomJoined)
	one.stop()
	dies.die()
	began := time.Now()
	start(t, n, soon)
	stays := newAsker(t, n)
	eve := proto.NewClientID()
	expect(t, stays.join("r", eve), proto.RoomJoined)
	stays.toldOf(t, "r", proto.ClientLeft, bob)
	roster := stays.session(proto.OpRoster, "q1", proto.Request{Room: "r"})
	if expectClients(t, roster.Event, ann, eve); roster.Policy != proto.PolicyTransfer || roster.OwnerID != ann {
		t.Errorf("the room is %+v", roster)
	}
	if e := stays.toldOf(t, "r", proto.ClientLeft, ann); e.OwnerID != eve || time.Since(began) < 4*time.Second {
		t.Errorf("told %+v after %v", e, time.Since(began))
	}
}

// A replica of an older version lives: sessions are plain and rooms have no policy, but for rooms that are in form 3 already. When it
// has gone, they are as they should be.
func TestWhileAnOlderReplicaLivesSessionsArePlain(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	start(t, n, soon)
	g := newAsker(t, n)
	ann, bob, cid := proto.NewClientID(), proto.NewClientID(), proto.NewClientID()
	expect(t, g.session(proto.OpCreate, "c1", of("before", ann, 1, 30)).Event, proto.RoomCreated)
	old := proto.Beat{Role: proto.RoleRoomsvc, ID: string(proto.NewReplicaID()), State: proto.Up, Record: 2}
	beat := func() {
		if err := g.nc.Publish(g.subjects.Beat(old.Role, old.ID), old.Encode()); err != nil {
			t.Fatal(err)
		}
	}
	policied := func() answer {
		q := of("policy-"+proto.Room(proto.NewRequestID()), proto.NewClientID(), 1, 30)
		q.Policy = proto.PolicyStay
		return g.session(proto.OpEnter, proto.NewRequestID(), q)
	}
	testkit.WaitFor(t, "a policy not to be taken", func() bool { beat(); return policied().Code == proto.CodeUnavailable })
	beat()
	plain := g.session(proto.OpCreate, "c2", of("plain", bob, 1, 30))
	if expect(t, plain.Event, proto.RoomCreated); len(plain.Members) != 0 {
		t.Errorf("beside the answer stands %+v", plain.Stays)
	}
	expect(t, g.session(proto.OpResume, "r1", of("plain", bob, 2, 30)).Event, proto.NotInRoom)
	if e := g.session(proto.OpResume, "r2", of("before", ann, 2, 30)); e.Name != proto.Resumed || e.Members[ann].Turn != 2 {
		t.Errorf("a session from before is answered %+v", e)
	}
	if e := g.session(proto.OpJoin, "j1", of("before", cid, 1, 30)); e.Members[cid].Turn != 1 {
		t.Errorf("one who joins it is answered %+v", e)
	}
	testkit.WaitFor(t, "a policy to be taken once the older one is gone", func() bool { return policied().Name == proto.RoomCreated })
}
