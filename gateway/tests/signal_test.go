package gateway_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/parley-rtc/parley/gateway"
	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// pair returns a world with two clients in the lobby, and its first replica.
func pair(t *testing.T) (w *world, a, b *testkit.Client, r *replica) {
	t.Helper()
	w = newWorld(t, worldOptions{})
	a, b = w.dial(), w.dial()
	w.creates(a, lobby, 1)
	w.joins(b, lobby, 2, a.ID())
	w.hears(a, came(lobby, b.ID(), 2, 1))
	return w, a, b, w.replicas[0]
}

func TestASignalGoesOutAsItCameInAndIsAnsweredOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	w, a, b, r := pair(t)
	const data = `{"candidate": {"x":"\u00e9\/", "n":5}, "a":1.50}`
	w.send(a, proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: b.ID(), Data: []byte(data)})
	q := w.next(proto.OpSignal)
	if string(q.Data) != data || q.TargetID != b.ID() || q.ClientID != a.ID() || q.N != 1 {
		t.Errorf("the request is %s", q.msg.Data)
	}
	// The replica relays it with the asker's reply subject: the target's gateway answers.
	e := proto.Event{Name: proto.SignalReceive, Room: lobby, SenderID: a.ID(), N: q.N, Data: q.Data}
	r.publish(w.subjects.GatewayClient(w.g.ID(), b.ID()), q.msg.Reply, proto.AppendEvent(nil, &e))
	w.hears(b, received(lobby, a.ID(), data))
	w.quiet(a) // delivered, and not asked for with a ref
	w.send(a, proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: b.ID(), Data: []byte(data), Ref: "x"})
	q = w.next(proto.OpSignal)
	if q.N != 2 {
		t.Errorf("the second signal is number %d", q.N)
	}
	q.answer(proto.Event{Name: proto.SignalSent, TargetID: b.ID()})
	w.hears(a, proto.Event{Name: proto.SignalSent, Room: lobby, TargetID: b.ID(), Ref: "x"})
}

func TestARefusedSignalIsTold(t *testing.T) {
	t.Parallel()
	w, a, b, _ := pair(t)
	for _, e := range []proto.Event{
		{Name: proto.TargetNotFound, Room: lobby, TargetID: b.ID()},
		{Name: proto.NotInRoom, Room: lobby},
		{Name: proto.Error, Room: lobby, SenderID: a.ID(), Code: proto.CodeUnavailable, Message: "its gateway does not beat"},
	} {
		w.send(a, proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: b.ID(), Data: []byte(`1`)})
		w.next(proto.OpSignal).answer(e)
		w.hears(a, e)
	}
}

func TestTheSameSignalAgainIsConfirmedAgainAndAnEarlierOneDropped(t *testing.T) {
	t.Parallel()
	w, a, b, r := pair(t)
	w.confirmed(r.signal(lobby, a.ID(), b.ID(), 5, "5"), proto.SignalSent)
	w.confirmed(r.signal(lobby, a.ID(), b.ID(), 5, "5"), proto.SignalSent)
	early := r.signal(lobby, a.ID(), b.ID(), 4, "4")
	unnumbered := r.signal(lobby, a.ID(), b.ID(), 0, "0")
	w.confirmed(r.signal(lobby, a.ID(), b.ID(), 6, "6"), proto.SignalSent)
	w.unanswered(early)
	w.unanswered(unnumbered)
	w.hears(b, received(lobby, a.ID(), "5"), received(lobby, a.ID(), "6"))
	w.quiet(a, b)
}

func TestCountsAreOfOneSenderAndOneTarget(t *testing.T) {
	t.Parallel()
	w, a, b, r := pair(t)
	r.tell(came(lobby, far1, 3, 2))
	w.hears(a, came(lobby, far1, 3, 2))
	w.hears(b, came(lobby, far1, 3, 2))
	w.confirmed(r.signal(lobby, a.ID(), b.ID(), 9, "9"), proto.SignalSent)
	w.confirmed(r.signal(lobby, far1, b.ID(), 1, "1"), proto.SignalSent)
	w.confirmed(r.signal(lobby, far1, a.ID(), 1, "1"), proto.SignalSent)
	w.hears(b, received(lobby, a.ID(), "9"), received(lobby, far1, "1"))
	w.hears(a, received(lobby, far1, "1"))
}

func TestNoSignalComesTwiceToOneThatLeftAndCameBack(t *testing.T) {
	t.Parallel()
	w, a, b, r := pair(t)
	w.confirmed(r.signal(lobby, a.ID(), b.ID(), 5, "5"), proto.SignalSent)
	w.hears(b, received(lobby, a.ID(), "5"))
	w.send(b, proto.Frame{Name: proto.RoomLeave, Room: lobby})
	leave := w.next(proto.OpLeave)
	r.tell(went(lobby, b.ID(), 3, 2))
	leave.answer(proto.Event{Name: proto.RoomLeft})
	w.hears(b, proto.Event{Name: proto.RoomLeft, Room: lobby})
	w.confirmed(r.signal(lobby, a.ID(), b.ID(), 5, "5"), proto.TargetNotFound)
	w.joins(b, lobby, 4, a.ID())
	w.confirmed(r.signal(lobby, a.ID(), b.ID(), 5, "5"), proto.SignalSent)
	w.quiet(b)
}

func TestASignalForOneWhoIsNotInThatRoomHereIsRefused(t *testing.T) {
	t.Parallel()
	w, a, b, r := pair(t)
	w.creates(b, "other", 9)
	w.confirmed(r.signal("other", b.ID(), a.ID(), 1, "1"), proto.TargetNotFound)
	w.confirmed(r.signal("nowhere", b.ID(), a.ID(), 1, "1"), proto.TargetNotFound)
	w.confirmed(r.signal(lobby, a.ID(), nobody, 1, "1"), proto.TargetNotFound)
	b.Close()
	q := w.next(proto.OpLeave)
	w.confirmed(r.signal(q.Room, a.ID(), b.ID(), 1, "1"), proto.TargetNotFound)
	w.quiet(a)
}

func TestASignalIsAnsweredOnlyWhereAnAnswerMayGo(t *testing.T) {
	t.Parallel()
	w, a, b, r := pair(t)
	listen, err := r.nc.SubscribeSync("secret.subject")
	if err != nil {
		t.Fatal(err)
	}
	r.flush()
	e := proto.Event{Name: proto.SignalReceive, Room: lobby, SenderID: a.ID(), N: 1, Data: []byte("1")}
	r.publish(w.subjects.GatewayClient(w.g.ID(), b.ID()), "secret.subject", proto.AppendEvent(nil, &e))
	w.hears(b, received(lobby, a.ID(), "1"))
	w.unanswered(listen)
}

func TestTheGatewayItselfRefusesSignalsThatCannotBe(t *testing.T) {
	t.Parallel()
	w, a, b, _ := pair(t)
	signal := func(room proto.Room, to proto.ClientID) proto.Event { return a.Signal(t, room, to, "1") }
	if e := signal(lobby, a.ID()); e.Code != proto.CodeBadRequest {
		t.Errorf("a signal to oneself was answered %+v", e)
	}
	if e := signal("elsewhere", b.ID()); e.Name != proto.NotInRoom || e.Room != "elsewhere" {
		t.Errorf("a signal in a room that one is not in was answered %+v", e)
	}
	if e := signal(lobby, "no.such.*"); e.Name != proto.TargetNotFound || e.TargetID != "no.such.*" {
		t.Errorf("a signal to an id that cannot be was answered %+v", e)
	}
	w.none(proto.OpSignal)
}

// stalled is a transport whose peer takes nothing until it is released.
type stalled struct {
	free   chan struct{}
	once   sync.Once
	begun  atomic.Bool  // a write stands
	wrote  atomic.Int64 // messages
	closed chan link.Close
}

func newStalled() *stalled {
	return &stalled{free: make(chan struct{}), closed: make(chan link.Close, 1)}
}

func (s *stalled) release() { s.once.Do(func() { close(s.free) }) }

func (s *stalled) Write(batch []link.Out) error {
	s.begun.Store(true)
	<-s.free
	s.wrote.Add(int64(len(batch)))
	return nil
}

func (s *stalled) Close(why link.Close) { s.closed <- why; <-s.free }

// stuck opens a session of far1 in the lobby, with far2, whose peer takes nothing.
func (w *world) stuck() (*stalled, *session.Session) {
	w.t.Helper()
	peer := newStalled()
	w.t.Cleanup(peer.release)
	opened, err := w.inside.Open(peer, link.About{ID: far1, Transport: "plain"})
	if err != nil {
		w.t.Fatal(err)
	}
	s, _ := opened.(*session.Session)
	s.Receive(proto.Frame{Name: proto.RoomJoin, Room: lobby}, nil, 1)
	w.next(proto.OpJoin).answer(proto.Event{Name: proto.RoomJoined, OwnerID: far2, Clients: []proto.ClientID{far2}, Seq: 3})
	testkit.WaitFor(w.t, "the membership", func() bool { _, in := s.Rooms.Joined(lobby); return in })
	testkit.WaitFor(w.t, "a write that stands: what comes now waits behind it", peer.begun.Load)
	return peer, s
}

func TestASignalIsNotConfirmedOnceItsTargetIsBeingClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	peer, s := w.stuck()
	s.Close(link.TooSlow)
	<-peer.closed
	w.confirmed(w.replicas[0].signal(lobby, far2, far1, 1, "1"), proto.TargetNotFound)
	// Its close has not been answered, and may not be for long: the others in its rooms need not wait for that.
	w.next(proto.OpLeave).answer(proto.Event{Name: proto.RoomLeft})
}

// Who is given much is not slow: its peers hear that it has no room, and nobody is closed.
func TestASignalForWhichThereIsNoRoomIsUnavailableAndDoesNotCountAsHeard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{Limits: gateway.Limits{MaxQueue: 256 << 10}}})
	peer, s := w.stuck()
	r := w.replicas[0]
	big := `"` + pad(60<<10) + `"`
	n := int64(1)
	for ; w.overflows("signals") == 0; n++ {
		r.signal(lobby, far2, far1, n, big)
		w.sync()
	}
	for range 2 { // the same again is no repetition of one that was heard
		e := w.confirmed(r.signal(lobby, far2, far1, n, big), proto.Error)
		if e.Code != proto.CodeUnavailable || e.Room != lobby || e.SenderID != far2 {
			t.Errorf("the answer is %+v", e)
		}
	}
	select {
	case why := <-peer.closed:
		t.Errorf("closed with %v", why)
	default:
	}
	peer.release()
	testkit.WaitFor(t, "all to be read", func() bool { return !s.Busy() })
	before := peer.wrote.Load()
	w.confirmed(r.signal(lobby, far2, far1, n, big), proto.SignalSent)
	w.confirmed(r.signal(lobby, far2, far1, n, big), proto.SignalSent)
	testkit.WaitFor(t, "the signal to be written", func() bool { return !s.Busy() })
	if n := peer.wrote.Load() - before; n != 1 {
		t.Errorf("%d signals were written", n)
	}
}

func pad(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'x'
	}
	return string(b)
}
