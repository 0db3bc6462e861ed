package gateway_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/gateway"
	"github.com/parley-rtc/parley/gateway/internal/inside"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// keyed returns who a member is whose session is resumable: one of the sessions of tests, on this gateway unless another is named.
func (w *world) keyed(n byte, turn int64, request proto.RequestID, since uint64) proto.Member {
	return proto.Member{ID: proto.KeyID(key(n)), Gateway: w.g.ID(), Request: request, Turn: turn, Keep: 30, Since: since}
}

// answerWith answers an attempt with an event, beside which the stays of members are told.
func (q *asked) answerWith(e proto.Event, before proto.GatewayID, members ...proto.Member) {
	q.by.w.t.Helper()
	if e.Room == "" {
		e.Room = q.Room
	}
	all := func(*proto.Member) bool { return true }
	m := nats.NewMsg(q.msg.Reply)
	m.Data = proto.AppendEvent(nil, &e)
	m.Header.Set(proto.HeaderMembers, string(proto.AppendStays(nil, before, members, all)))
	if err := q.by.nc.PublishMsg(m); err != nil {
		q.by.w.t.Fatal(err)
	}
}

// createsKeyed lets a client with a key create the lobby, and returns who it is there.
func (w *world) createsKeyed(c *testkit.Client, n byte, turn int64, seq uint64) proto.Member {
	w.t.Helper()
	w.send(c, proto.Frame{Name: proto.RoomCreate, Room: lobby})
	q := w.next(proto.OpCreate)
	if q.Turn != turn {
		w.t.Errorf("the request is %s", q.msg.Data)
	}
	me := w.keyed(n, turn, q.id, seq-1)
	q.answerWith(proto.Event{Name: proto.RoomCreated, Seq: seq}, "", me)
	w.hears(c, proto.Event{Name: proto.RoomCreated, Room: lobby, Seq: seq})
	return me
}

// away waits until so many sessions are kept.
func (w *world) away(n int) {
	w.t.Helper()
	testkit.WaitFor(w.t, strconv.Itoa(n)+" sessions to be away", func() bool {
		w.sync()
		return w.count("parley_gateway_sessions_away") == float64(n)
	})
}

// quick makes ticks short, so that what is due is done soon.
func quick(x *inside.Timing) { x.Tick = 20 * time.Millisecond }

func TestASessionWhoseConnectionIsLostIsKeptAndThenLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{timing: quick})
	a := w.dialTurn(1, "turn=3&keep=2")
	me := w.createsKeyed(a, 1, 3, 5)
	began := time.Now()
	a.Abort()
	w.away(1)
	if n := w.inside.Door.Count(); n != 1 {
		t.Errorf("%d places are taken by one who is away", n)
	}
	w.replicas[0].check(believes(lobby, 5, proto.CheckMember{ID: me.ID, Request: me.Request})) // to a check it is here
	w.none(proto.OpLeave, proto.OpRoster)
	q := w.next(proto.OpLeave)
	if took := q.at.Sub(began); took < 2*time.Second {
		t.Errorf("it leaves after %v", took)
	}
	left, err := strconv.Atoi(q.msg.Header.Get(proto.HeaderTimeout))
	if err != nil || left > 1000 || q.Turn != 3 || q.Joined != me.Request || !q.Lost {
		t.Errorf("the leave is %s, with %d ms, %v", q.msg.Data, left, err)
	}
	q.answer(proto.Event{Name: proto.RoomLeft})
	w.away(0)
	testkit.WaitFor(t, "its place", func() bool { return w.inside.Door.Count() == 0 })
	w.none(proto.OpLeave)
}

func TestASessionWhoseClientClosesWith1000LeavesAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dialTurn(1, "turn=1")
	me := w.createsKeyed(a, 1, 1, 5)
	a.Close()
	q := w.next(proto.OpLeave)
	if left, _ := strconv.Atoi(q.msg.Header.Get(proto.HeaderTimeout)); q.Joined != me.Request || left <= 1000 {
		t.Errorf("the leave is %s, with %d ms", q.msg.Data, left)
	}
	q.answer(proto.Event{Name: proto.RoomLeft})
	w.none(proto.OpLeave)
}

func TestASessionOfWhichNothingIsKeptLeavesAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keep  time.Duration
		query string
	}{"as the gateway has it": {-1, "turn=1"}, "as the client asks": {0, "turn=1&keep=0"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldOptions{config: gateway.Config{Keep: c.keep}})
			a := w.dialTurn(1, c.query)
			w.createsKeyed(a, 1, 1, 5)
			a.Abort()
			w.next(proto.OpLeave).answer(proto.Event{Name: proto.RoomLeft})
		})
	}
}

func TestASessionThatIsInNoRoomEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	w.dialTurn(1, "turn=1").Abort()
	testkit.WaitFor(t, "its place", func() bool { return w.inside.Door.Count() == 0 })
}

// A leave that waits in an election would be carried out after it, though the client has asked in time to come back.
func TestALeaveThatIsNotAnsweredAtOnceIsPutOff(t *testing.T) {
	t.Parallel()
	const putOff = 3 * time.Second
	w := newWorld(t, worldOptions{timing: func(x *inside.Timing) {
		quick(x)
		x.PutOff, x.Attempt = putOff, time.Minute
	}})
	a := w.dialTurn(1, "turn=1&keep=1")
	me := w.createsKeyed(a, 1, 1, 5)
	a.Abort()
	first := w.next(proto.OpLeave)
	w.replicas[0].check(believes(lobby, 5, proto.CheckMember{ID: me.ID, Request: me.Request}))
	w.none(proto.OpLeave) // nor because a check names it
	second := w.next(proto.OpLeave)
	if took := second.at.Sub(first.at); took < putOff {
		t.Errorf("it was asked again after %v", took)
	}
	if second.Joined != me.Request {
		t.Errorf("the second leave is %s", second.msg.Data)
	}
	second.answer(proto.Event{Name: proto.NotInRoom}) // it has come back elsewhere
	w.away(0)
	testkit.WaitFor(t, "its place", func() bool { return w.inside.Door.Count() == 0 })
}

func TestWhatAClientSentBeforeItWasLostIsCarriedOutBeforeItIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{timing: quick})
	a := w.dialTurn(1, "turn=1")
	w.createsKeyed(a, 1, 1, 5)
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: "hall"})
	q := w.next(proto.OpJoin)
	a.Abort()
	w.sync()
	if n := w.count("parley_gateway_sessions_away"); n != 0 {
		t.Error("it is away before its request is answered")
	}
	q.answerWith(proto.Event{Name: proto.RoomJoined, OwnerID: far1, Clients: []proto.ClientID{far1}, Seq: 9}, "", w.keyed(1, 1, q.id, 8))
	w.away(1)
	w.none(proto.OpLeave)
}

func TestAGatewayThatDrainsKeepsItsSessionsAndSendsNoLeavesForThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{Drain: 2 * time.Second}})
	a, b := w.dialTurn(1, "turn=1"), w.dial()
	w.createsKeyed(a, 1, 1, 5)
	w.creates(b, "hall", 7)
	began := time.Now()
	w.leave()
	q := w.next(proto.OpLeave)
	if q.ClientID != b.ID() {
		t.Errorf("left is %s", q.msg.Data)
	}
	q.answer(proto.Event{Name: proto.RoomLeft})
	<-w.done
	if took := time.Since(began); took < 2*time.Second {
		t.Errorf("it ended after %v, though a session had not come back", took)
	}
	w.noneWas(proto.OpLeave)
}

func TestAGatewayThatDrainsEndsWhenItsSessionsHaveComeBackElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{Drain: 12 * time.Second}}) // of which closing takes half
	a := w.dialTurn(1, "turn=1")
	me := w.createsKeyed(a, 1, 1, 5)
	began := time.Now()
	w.leave()
	if code, _, err := a.CloseCode(t.Context()); err != nil || code != 1001 {
		t.Errorf("closed with %d, %v", code, err)
	}
	o := w.other()
	o.says(proto.Peer{Kind: proto.HandOver, Room: lobby, ID: me.ID, Turn: 2})
	o.hears(proto.HandedOver)
	<-w.done
	if took := time.Since(began); took >= 12*time.Second {
		t.Errorf("it ended after %v: it has waited for nobody", took)
	}
	w.noneWas(proto.OpLeave)
}

func TestABeatSaysHowManySessionsAreAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{timing: quick})
	beats, err := w.replicas[0].nc.SubscribeSync(w.subjects.Beat(proto.RoleGateway, string(w.g.ID())))
	if err != nil {
		t.Fatal(err)
	}
	w.replicas[0].flush()
	a := w.dialTurn(1, "turn=1")
	w.createsKeyed(a, 1, 1, 5)
	a.Abort()
	testkit.WaitFor(t, "a beat that says so", func() bool {
		m, err := beats.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		b, err := proto.DecodeBeat(m.Data)
		return err == nil && b.Load.Away == 1 && b.Load.Sessions == 0
	})
}

func TestAnOperatorIsToldWhoIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{timing: quick})
	a, b := w.dialTurn(1, "turn=1"), w.dial()
	me := w.createsKeyed(a, 1, 1, 5)
	w.creates(b, "hall", 7)
	a.Abort()
	w.away(1)
	for room, want := range map[string]string{"lobby": `{"clients":["` + string(me.ID) + `"]}`, "hall": `{"clients":[]}`} {
		m, err := w.replicas[0].nc.Request(w.subjects.GatewayAway(w.g.ID()), []byte(`{"room":"`+room+`"}`), patience)
		if err != nil || string(m.Data) != want {
			t.Errorf("%s: %s, %v", room, m.Data, err)
		}
	}
	listen, err := w.replicas[0].nc.SubscribeSync("secret.subject")
	if err != nil {
		t.Fatal(err)
	}
	w.replicas[0].publish(w.subjects.GatewayAway(w.g.ID()), "secret.subject", []byte(`{"room":"lobby"}`))
	w.replicas[0].publish(w.subjects.GatewayAway(w.g.ID()), nats.NewInbox(), []byte(`nonsense`))
	testkit.WaitFor(t, "both to count", func() bool { return w.count("parley_gateway_stray_messages_total") == 2 })
	w.unanswered(listen)
}
