package roomsvc_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc"
	"github.com/parley-rtc/parley/roomsvc/internal/inside"
	"github.com/parley-rtc/parley/testkit"
)

// model is what one asker that waits for each answer has to hear.
type model map[proto.Room][]proto.ClientID

func (m model) answer(op proto.Op, room proto.Room, client proto.ClientID) (proto.Name, []proto.ClientID) {
	members, exists := m[room]
	in := slices.Contains(members, client)
	others := slices.DeleteFunc(slices.Clone(members), func(id proto.ClientID) bool { return id == client })
	switch {
	case op == proto.OpCreate && exists:
		return proto.RoomExists, nil
	case op == proto.OpCreate:
		m[room] = []proto.ClientID{client}
		return proto.RoomCreated, nil
	case op == proto.OpJoin && !exists:
		return proto.RoomNotExists, nil
	case op == proto.OpJoin:
		if !in {
			m[room] = append(members, client)
		}
		return proto.RoomJoined, others
	case op == proto.OpRoster && exists:
		return proto.Roster, members
	case op == proto.OpRoster:
		return proto.RoomNotExists, nil
	case !in:
		return proto.NotInRoom, nil
	case members[0] == client:
		delete(m, room)
		return proto.RoomLeft, nil
	default:
		m[room] = others
		return proto.RoomLeft, nil
	}
}

func TestEveryAnswerIsRightWhicheverReplicaIsAsked(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	all := []*replica{start(t, n), start(t, n), start(t, n)}
	g := newAsker(t, n)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	clients := make([]proto.ClientID, 6)
	for i := range clients {
		clients[i] = proto.NewClientID()
	}
	m := model{}
	for i := range 1500 {
		ops := []proto.Op{proto.OpCreate, proto.OpJoin, proto.OpJoin, proto.OpLeave, proto.OpRoster}
		op := ops[random.IntN(len(ops))]
		room := proto.Room(fmt.Sprintf("room %d", random.IntN(3)))
		client := clients[random.IntN(len(clients))]
		name, list := m.answer(op, room, client)
		e := g.ask(request{
			op: op, to: g.subjects.Replica(all[random.IntN(len(all))].ID(), op),
			Request: proto.Request{Room: room, ClientID: client},
		})
		if e.Name != name || !slices.Equal(e.Clients, list) {
			t.Fatalf("step %d: %s of %s by %s: %s %v, expected %s %v", i, op, room, client, e.Name, e.Clients, name, list)
		}
	}
	for room, members := range m {
		replay(t, g, room, members)
	}
}

// replay checks that the room's events, taken in order, lead to its members, with nothing missing.
func replay(t *testing.T, g *asker, room proto.Room, members []proto.ClientID) {
	t.Helper()
	view := func() (got []proto.ClientID, whole bool) {
		whole = true
		var last uint64
		for _, e := range g.heardOf(room) {
			if e.Name != proto.RoomCreated && e.Prev != last {
				whole = false
			}
			last = e.Seq
			switch e.Name {
			case proto.RoomCreated:
				got = []proto.ClientID{e.OwnerID}
			case proto.ClientJoined:
				got = append(got, e.ID)
			case proto.ClientLeft:
				got = slices.DeleteFunc(got, func(id proto.ClientID) bool { return id == e.ID })
			case proto.RoomClosed:
				got = nil
			}
		}
		return got, whole
	}
	testkit.WaitFor(t, "the events of "+string(room), func() bool {
		got, _ := view()
		return slices.Equal(got, members)
	})
	if _, whole := view(); !whole {
		t.Errorf("%s: an event is missing or out of order", room)
	}
}

func TestOneOfManyCreatesWinsAndAllJoinsCountWithRandomReplicas(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	all := []*replica{start(t, n), start(t, n)}
	g := newAsker(t, n)
	const clients, rooms = 40, 5
	var mu sync.Mutex
	created := map[proto.Room]int{}
	seqs := map[uint64]bool{}
	var wait sync.WaitGroup
	for range clients {
		wait.Go(func() {
			me := proto.NewClientID()
			for i := range rooms {
				room := proto.Room(fmt.Sprintf("room%d", i))
				ask := func(op proto.Op) proto.Event {
					return g.ask(request{
						op: op, to: g.subjects.Replica(all[rand.IntN(len(all))].ID(), op),
						Request: proto.Request{Room: room, ClientID: me},
					})
				}
				e := ask(proto.OpCreate)
				if e.Name == proto.RoomExists {
					e = ask(proto.OpJoin)
				} else if e.Name == proto.RoomCreated {
					mu.Lock()
					created[room]++
					mu.Unlock()
				}
				if e.Name != proto.RoomJoined && e.Name != proto.RoomCreated {
					t.Errorf("%s: %s %s", room, e.Name, e.Message)
				}
				mu.Lock()
				if seqs[e.Seq] {
					t.Errorf("%s: two changes at %d", room, e.Seq)
				}
				seqs[e.Seq] = true
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	for i := range rooms {
		room := proto.Room(fmt.Sprintf("room%d", i))
		if created[room] != 1 {
			t.Errorf("%s was created %d times", room, created[room])
		}
		roster := expect(t, g.roster(room), proto.Roster)
		if len(roster.Clients) != clients {
			t.Errorf("%s has %d members", room, len(roster.Clients))
		}
		replay(t, g, room, roster.Clients)
	}
}

func TestAReplicaThatStartsServesWhatAnotherCommitted(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	one := start(t, n)
	g := newAsker(t, n)
	ann, bob := proto.NewClientID(), proto.NewClientID()
	before := expect(t, g.create("r", ann), proto.RoomCreated)
	joined := expect(t, g.join("r", bob), proto.RoomJoined)
	expect(t, g.create("closed", ann), proto.RoomCreated)
	expect(t, g.leave("closed", ann), proto.RoomLeft)
	one.stop()
	start(t, n)
	roster := expect(t, g.roster("r"), proto.Roster)
	if expectClients(t, roster, ann, bob); roster.Seq != joined.Seq {
		t.Errorf("seq %d, expected %d", roster.Seq, joined.Seq)
	}
	expect(t, g.signal("r", ann, bob, 1), proto.SignalSent)
	expect(t, g.roster("closed"), proto.RoomNotExists)
	if e := expect(t, g.create("closed", bob), proto.RoomCreated); e.Seq <= before.Seq {
		t.Errorf("seq %d does not grow", e.Seq)
	}
}

func TestACleanStopFailsNoRequest(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	one := start(t, n)
	start(t, n)
	g := newAsker(t, n)
	stop := make(chan struct{})
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for j := 0; ; j++ {
				select {
				case <-stop:
					return
				default:
				}
				room := proto.Room(fmt.Sprintf("room-%d-%d", i, j))
				if e := g.create(room, proto.NewClientID()); e.Name != proto.RoomCreated {
					t.Errorf("%s: %s %s", room, e.Name, e.Message)
				}
			}
		})
	}
	one.stop()
	close(stop)
	wait.Wait()
}

func TestAReplicaCutOffFromNATSGoesOnAfterwards(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	requests, journal, change := cables(n)
	one := start(t, n, change)
	two := start(t, n)
	g := newAsker(t, n)
	ann, bob, eve := proto.NewClientID(), proto.NewClientID(), proto.NewClientID()
	at := func(r *replica, op proto.Op, client proto.ClientID) proto.Event {
		return g.ask(request{op: op, to: g.subjects.Replica(r.ID(), op), Request: proto.Request{Room: "r", ClientID: client}})
	}
	expect(t, at(one, proto.OpCreate, ann), proto.RoomCreated)
	requests.sever()
	journal.sever()
	testkit.WaitFor(t, "the replica not to be ready", func() bool { return one.Ready() != nil })
	expect(t, at(two, proto.OpJoin, bob), proto.RoomJoined)
	requests.mend()
	journal.mend()
	testkit.WaitFor(t, "the replica to be ready again", func() bool { return one.Ready() == nil })
	joined := expect(t, at(one, proto.OpJoin, eve), proto.RoomJoined)
	expectClients(t, joined, ann, bob)
	replay(t, g, "r", []proto.ClientID{ann, bob, eve})
}

func TestAnAppendWhoseAnswerIsLostIsSettledByAppendingAgain(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	_, journal, change := cables(n)
	start(t, n, change, func(c *roomsvc.Config) { inside.Of(c).Unanswered = 200 * time.Millisecond })
	g := newAsker(t, n)
	ann, bob := proto.NewClientID(), proto.NewClientID()
	expect(t, g.create("r", ann), proto.RoomCreated)
	journal.lose(false, true)
	answer := g.send(request{op: proto.OpJoin, id: "join", Request: proto.Request{Room: "r", ClientID: bob}})
	js := testkitStream(t, n)
	testkit.WaitFor(t, "the join to be committed", func() bool { return js() == 2 })
	journal.sever()
	journal.mend()
	select {
	case e := <-answer:
		expect(t, e, proto.RoomJoined)
	case <-time.After(patience):
		t.Fatal("the join was not answered")
	}
	if last := js(); last != 2 {
		t.Errorf("the stream has %d records, expected 2", last)
	}
	replay(t, g, "r", []proto.ClientID{ann, bob})
}

// testkitStream returns what reads the last sequence of the journal's stream.
func testkitStream(t *testing.T, n *testkit.NATS) func() uint64 {
	t.Helper()
	js, err := jetstream.New(n.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	return func() uint64 {
		s, err := js.Stream(t.Context(), "PARLEY")
		if err != nil {
			t.Fatal(err)
		}
		return s.CachedInfo().State.LastSeq
	}
}

func TestAReplicaThatSleptDecidesOnWhatWasCommittedMeanwhile(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	requests, journal, change := cables(n)
	sleeps, other := start(t, n, change), start(t, n)
	g := newAsker(t, n)
	ann, bob, eve := proto.NewClientID(), proto.NewClientID(), proto.NewClientID()
	at := func(r *replica, op proto.Op, room proto.Room, client proto.ClientID) request {
		return request{
			op: op, id: proto.NewRequestID(), to: g.subjects.Replica(r.ID(), op),
			Request: proto.Request{Room: room, ClientID: client},
		}
	}
	for _, room := range []proto.Room{"left", "closed", "again"} {
		expect(t, g.ask(at(sleeps, proto.OpCreate, room, ann)), proto.RoomCreated)
		expect(t, g.ask(at(sleeps, proto.OpJoin, room, bob)), proto.RoomJoined)
	}
	requests.hold()
	journal.hold()
	asked := map[proto.Room]<-chan proto.Event{}
	expect(t, g.ask(at(other, proto.OpLeave, "left", bob)), proto.RoomLeft)
	asked["left"] = g.send(at(sleeps, proto.OpJoin, "left", eve))
	expect(t, g.ask(at(other, proto.OpLeave, "closed", ann)), proto.RoomLeft)
	asked["closed"] = g.send(at(sleeps, proto.OpJoin, "closed", eve))
	expect(t, g.ask(at(other, proto.OpLeave, "again", ann)), proto.RoomLeft)
	expect(t, g.ask(at(other, proto.OpCreate, "again", bob)), proto.RoomCreated)
	asked["again"] = g.send(at(sleeps, proto.OpJoin, "again", eve))
	asked["roster"] = g.send(at(sleeps, proto.OpRoster, "left", ""))
	asked["signal"] = g.send(request{
		op: proto.OpSignal, to: g.subjects.Replica(sleeps.ID(), proto.OpSignal),
		Request: proto.Request{Room: "left", ClientID: eve, TargetID: bob, N: 1, Data: []byte(`{}`)},
	})
	requests.release() // it answers on stale memory for as long as its journal is held
	journal.release()
	for what, want := range map[proto.Room]proto.Name{
		"left": proto.RoomJoined, "closed": proto.RoomNotExists, "again": proto.RoomJoined, "roster": proto.Roster,
	} {
		e := expect(t, <-asked[what], want)
		switch what {
		case "left":
			expectClients(t, e, ann)
		case "again":
			expectClients(t, e, bob)
		case "roster":
			if slices.Contains(e.Clients, bob) {
				t.Error("the roster has a member that left before it was asked for")
			}
		}
	}
	if e := <-asked["signal"]; e.Name != proto.TargetNotFound && e.Name != proto.NotInRoom {
		t.Errorf("the signal was answered %s", e.Name)
	}
}

func TestNoAnswerIsWrongWhileReplicasDieUnderLoad(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	var mortal []*cable
	for range 2 {
		requests, journal, change := cables(n)
		start(t, n, change)
		mortal = append(mortal, requests, journal)
	}
	start(t, n)
	g := newAsker(t, n)
	stop := make(chan struct{})
	var wait sync.WaitGroup
	var carried atomic.Int64
	for i := range 8 {
		wait.Go(func() {
			room := proto.Room(fmt.Sprintf("room-%d", i))
			m := model{}
			clients := []proto.ClientID{proto.NewClientID(), proto.NewClientID(), proto.NewClientID()}
			for {
				select {
				case <-stop:
					return
				default:
				}
				ops := []proto.Op{proto.OpCreate, proto.OpJoin, proto.OpJoin, proto.OpLeave, proto.OpRoster}
				op, client := ops[rand.IntN(len(ops))], clients[rand.IntN(len(clients))]
				name, list := m.answer(op, room, client)
				e := g.ask(request{op: op, Request: proto.Request{Room: room, ClientID: client}})
				if e.Name == proto.NotInRoom && name == proto.RoomLeft {
					continue // a repeated leave, whose first attempt was carried out by the one that died
				}
				if e.Name != name || !slices.Equal(e.Clients, list) && e.Name != proto.RoomCreated {
					t.Errorf("%s of %s: %s %v %s, expected %s %v", op, room, e.Name, e.Clients, e.Message, name, list)
					return
				}
				carried.Add(1)
			}
		})
	}
	for _, c := range mortal {
		before := carried.Load()
		testkit.WaitFor(t, "requests to be carried out", func() bool { return carried.Load() > before+100 })
		c.sever()
	}
	before := carried.Load()
	testkit.WaitFor(t, "requests to be carried out", func() bool { return carried.Load() > before+100 })
	close(stop)
	wait.Wait()
}

func TestARoomIsFullForItsRecordsSizeOnlyAsTheLeaderHasIt(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t, testkit.Configure(func(o *server.Options) { o.MaxPayload = 2048 }))
	_, journal, change := cables(n)
	sleeps, other := start(t, n, change), start(t, n)
	g := newAsker(t, n)
	at := func(r *replica, op proto.Op, client proto.ClientID) request {
		return request{
			op: op, id: proto.NewRequestID(), to: g.subjects.Replica(r.ID(), op),
			Request: proto.Request{Room: "r", ClientID: client},
		}
	}
	members := []proto.ClientID{proto.NewClientID()}
	expect(t, g.ask(at(sleeps, proto.OpCreate, members[0])), proto.RoomCreated)
	for {
		client := proto.NewClientID()
		e := g.ask(at(sleeps, proto.OpJoin, client))
		if e.Name == proto.Error {
			if e.Code != proto.CodeRoomFull {
				t.Fatalf("answered %+v", e)
			}
			break
		}
		expectClients(t, expect(t, e, proto.RoomJoined), members...)
		members = append(members, client)
	}
	if len(members) < 3 {
		t.Fatalf("the room has %d members", len(members))
	}
	expectClients(t, expect(t, g.ask(at(other, proto.OpRoster, "")), proto.Roster), members...)
	journal.hold()
	last := members[len(members)-1]
	expect(t, g.ask(at(other, proto.OpLeave, last)), proto.RoomLeft)
	joins := g.send(at(sleeps, proto.OpJoin, proto.NewClientID())) // decided on what it had before
	expect(t, g.ask(request{                                       // so that the join has been taken
		op: proto.OpSignal, to: g.subjects.Replica(sleeps.ID(), proto.OpSignal),
		Request: proto.Request{Room: "r", ClientID: members[0], TargetID: members[1], N: 1, Data: []byte(`{}`)},
	}), proto.SignalSent)
	journal.release()
	expectClients(t, expect(t, <-joins, proto.RoomJoined), members[:len(members)-1]...)
}
