package gateway_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// farKeyed returns a world with a client without a key in the lobby, where far1's session is resumable, at another gateway.
func farKeyed(t *testing.T) (w *world, a *testkit.Client, o *other) {
	t.Helper()
	w = newWorld(t, worldOptions{timing: quick})
	a, o = w.dial(), w.other()
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	e := proto.Event{Name: proto.RoomJoined, Room: lobby, OwnerID: far1, Clients: []proto.ClientID{far1, far2}, Seq: 5}
	w.next(proto.OpJoin).answerWith(e, "", o.member(far1, 4, 2))
	w.hears(a, e)
	return w, a, o
}

// to is a signal of a client's to far1.
func to(ref, data string) proto.Frame {
	return proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: far1, Data: []byte(data), Ref: ref, HasRef: ref != ""}
}

func TestASignalToAResumableMemberGoesToItsGatewayAndToNoReplica(t *testing.T) {
	t.Parallel()
	w, a, o := farKeyed(t)
	w.send(a, to("7", `{"x": 1.0}`))
	p := o.handed()
	want := `{"event":"signal-receive","room":"lobby","senderId":"` + string(a.ID()) + `","data":{"x": 1.0},"n":1}`
	if p.Target != far1 || p.Turn != 4 || p.Since != 2 || p.From != w.g.ID() || len(p.Signals) != 1 || string(p.Signals[0]) != want {
		t.Errorf("pushed is %+v, %s", p, p.Signals)
	}
	w.quiet(a)
	o.answers(&p, proto.TookAll)
	w.hears(a, proto.Event{Name: proto.SignalSent, Room: lobby, TargetID: far1, Ref: "7"})
	w.send(a, to("", "2"))
	p = o.handed()
	if !strings.HasSuffix(string(p.Signals[0]), `"n":2}`) {
		t.Errorf("the second is %s", p.Signals)
	}
	o.answers(&p, proto.TookAll)
	w.send(a, proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: far2, Data: []byte("3")}) // far2 shows no key
	if q := w.next(proto.OpSignal); q.TargetID != far2 || q.N != 3 {
		t.Errorf("a replica is asked %s", q.msg.Data)
	}
	w.none(proto.OpSignal)
}

func TestASignalThatAReplicaDoesNotRelayIsPushed(t *testing.T) {
	t.Parallel()
	w, a, o := farKeyed(t)
	w.send(a, proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: far2, Data: []byte("1"), Ref: "7", HasRef: true})
	q := w.next(proto.OpSignal)
	me := proto.Member{ID: a.ID(), Gateway: w.g.ID(), Request: "x"}
	q.answerWith(proto.Event{Name: proto.PushIt, TargetID: far2}, "", me, o.member(far2, 9, 3))
	p := o.handed()
	if p.Target != far2 || p.Turn != 9 || p.Since != 3 || !strings.HasSuffix(string(p.Signals[0]), `"n":1}`) {
		t.Errorf("pushed is %+v, %s", p, p.Signals)
	}
	o.answers(&p, proto.TookAll)
	w.hears(a, proto.Event{Name: proto.SignalSent, Room: lobby, TargetID: far2, Ref: "7"})
	w.none(proto.OpSignal)
}

func TestASignalToOneWhoIsAwayIsHeldAndToldLaterWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	w, a, o := farKeyed(t)
	held := proto.Event{Name: proto.SignalHeld, Room: lobby, TargetID: far1, Ref: "7"}
	w.send(a, to("7", "1"))
	p := o.handed()
	o.answers(&p, proto.TookAway)
	w.hears(a, held)
	w.send(a, to("8", "2")) // its next request goes on
	held.Ref = "8"
	w.hears(a, held)
	testkit.WaitFor(t, "what is kept to be counted", func() bool { w.sync(); return w.count("parley_gateway_kept_signals") == 2 })

	// far1 comes back by its fifth turn, through a third gateway.
	third := w.other()
	w.replicas[0].tellWith(proto.Event{Name: proto.ClientBack, Room: lobby, ID: far1, Seq: 9, Prev: 5}, third.member(far1, 5, 2))
	w.hears(a, proto.Event{Name: proto.ClientBack, Room: lobby, ID: far1, Seq: 9, Prev: 5})
	p = third.handed()
	if p.Turn != 5 || len(p.Signals) != 2 {
		t.Errorf("pushed is %+v, %s", p, p.Signals)
	}
	third.answers(&p, proto.TookAll)
	w.hears(a, proto.Event{Name: proto.SignalSent, Room: lobby, TargetID: far1, Ref: "7"}, proto.Event{Name: proto.SignalSent, Room: lobby, TargetID: far1, Ref: "8"})
}

func TestASignalIsHeldWhereNobodyAnswersForTheTarget(t *testing.T) {
	t.Parallel()
	w, a, o := farKeyed(t)
	began := time.Now()
	w.send(a, to("7", "1"))
	o.handed()
	w.hears(a, proto.Event{Name: proto.SignalHeld, Room: lobby, TargetID: far1, Ref: "7"})
	if took := time.Since(began); took < proto.HeldAfter {
		t.Errorf("it is held after %v", took)
	}
	w.replicas[0].tell(went(lobby, far1, 9, 5))
	w.hears(a, proto.Event{Name: proto.TargetNotFound, Room: lobby, TargetID: far1, Ref: "7"}, went(lobby, far1, 9, 5))
}

// both returns a world with two clients in the lobby that show keys.
func both(t *testing.T) (w *world, a, b *testkit.Client) {
	t.Helper()
	w = newWorld(t, worldOptions{timing: quick})
	a, b = w.dialTurn(1, "turn=1"), w.dialTurn(2, "turn=7")
	owner := w.createsKeyed(a, 1, 1, 5)
	w.send(b, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	q := w.next(proto.OpJoin)
	guest := w.keyed(2, 7, q.id, 5)
	e := came(lobby, b.ID(), 6, 5)
	w.replicas[0].tellWith(e, guest)
	joined := proto.Event{Name: proto.RoomJoined, Room: lobby, OwnerID: a.ID(), Clients: []proto.ClientID{a.ID()}, Seq: 6}
	q.answerWith(joined, "", owner, guest)
	w.hears(a, e)
	w.hears(b, joined)
	return w, a, b
}

func TestSignalsBetweenSessionsOfOneGatewayAskNobodyAndAreConfirmedByAPong(t *testing.T) {
	t.Parallel()
	w, a, b := both(t)
	w.send(a, proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: b.ID(), Data: []byte(`"hello"`), Ref: "7", HasRef: true})
	e := received(lobby, a.ID(), `"hello"`)
	e.N = proto.Number(1, 1)
	w.hears(b, e)
	w.hears(a, proto.Event{Name: proto.SignalSent, Room: lobby, TargetID: b.ID(), Ref: "7"})
	own := proto.Number(1, 7)
	w.send(a, proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: b.ID(), Data: []byte(`2`), N: own})
	e.Data, e.N = []byte(`2`), own
	w.hears(b, e)
	w.none(proto.OpSignal)
	testkit.WaitFor(t, "both to be kept", func() bool { return w.count("parley_gateway_kept_signals") == 2 })
	testkit.WaitFor(t, "both to be confirmed", func() bool { return w.count("parley_gateway_kept_signals") == 0 })
	w.send(a, proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: b.ID(), Data: []byte(`3`), N: own - 1, Ref: "8", HasRef: true})
	if got := a.Expect(t, proto.Error); got.Code != proto.CodeTooOld || got.Ref != "8" {
		t.Errorf("heard %s", got.Raw)
	}
	w.quiet(b)
}

func TestASessionThatComesBackToItsGatewayGoesOnThere(t *testing.T) {
	t.Parallel()
	w, a, b := both(t)
	b.Abort()
	w.away(1)
	w.send(a, proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: b.ID(), Data: []byte(`1`), Ref: "7", HasRef: true})
	w.hears(a, proto.Event{Name: proto.SignalHeld, Room: lobby, TargetID: b.ID(), Ref: "7"})

	c := w.dialTurn(2, "turn=8&keep=9")
	w.send(c, proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: a.ID(), Data: []byte(`1`)})
	w.hears(c, proto.Event{Name: proto.NotInRoom, Room: lobby}) // not before it has resumed
	w.send(c, proto.Frame{Name: proto.Resume, Room: lobby, Seq: 6, Ref: "1", HasRef: true})
	q := w.next(proto.OpResume)
	if q.Turn != 8 || q.Keep != 9 || q.Seq != 6 || q.Fresh {
		t.Errorf("the request is %s", q.msg.Data)
	}
	owner, guest := w.keyed(1, 1, "own-1", 4), w.keyed(2, 8, q.id, 5)
	w.replicas[0].tellWith(proto.Event{Name: proto.ClientBack, Room: lobby, ID: b.ID(), Seq: 8, Prev: 6}, guest)
	q.answerWith(proto.Event{
		Name: proto.Resumed, OwnerID: a.ID(), Clients: []proto.ClientID{a.ID()}, Away: []proto.ClientID{}, Fresh: []proto.ClientID{}, Seq: 8,
	}, w.g.ID(), owner, guest)
	w.hears(c, proto.Event{Name: proto.Resumed, Room: lobby, OwnerID: a.ID(), Clients: []proto.ClientID{a.ID()}, Seq: 8, Ref: "1"})
	e := received(lobby, a.ID(), `1`)
	e.N = proto.Number(1, 1)
	w.hears(c, e, proto.Event{Name: proto.Live, Room: lobby})
	a.Expect(t, proto.ClientBack)
	w.hears(a, proto.Event{Name: proto.SignalSent, Room: lobby, TargetID: b.ID(), Ref: "7"})
	w.away(0)
	testkit.WaitFor(t, "the place of the turn before", func() bool { return w.inside.Door.Count() == 2 })
	w.none(proto.OpLeave)
	if n := w.count("parley_gateway_resumptions_total"); n != 1 {
		t.Errorf("%v resumptions were counted", n)
	}
}

// closeCode is CloseCode for as long as a test waits.
func closeCode(t *testing.T, c *testkit.Client) (websocket.StatusCode, string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return c.CloseCode(ctx)
}

func TestAConnectionWhoseSessionGoesOnElsewhereIsClosedWith4409(t *testing.T) {
	t.Parallel()
	w, _, b := both(t)
	o := w.other()
	o.says(proto.Peer{Kind: proto.HandOver, Room: lobby, ID: b.ID(), Turn: 8})
	if code, reason, err := closeCode(t, b); err != nil || int(code) != proto.CloseResumed || reason != proto.CloseResumedReason {
		t.Errorf("closed with %d %q, %v", code, reason, err)
	}
	if p := o.hears(proto.HandedOver); p.ID != b.ID() || p.Room != lobby {
		t.Errorf("handed over is %+v", p)
	}
	w.none(proto.OpLeave)
}

func TestAResumeThatALaterTurnHasOvertakenClosesTheConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dialTurn(1, "turn=2")
	w.send(a, proto.Frame{Name: proto.Resume, Room: lobby})
	w.next(proto.OpResume).answer(proto.Event{Name: proto.Fenced})
	if code, _, err := closeCode(t, a); err != nil || int(code) != proto.CloseResumed {
		t.Errorf("closed with %d, %v", code, err)
	}
	if n := w.count("parley_gateway_resumptions_total"); n != 1 {
		t.Errorf("%v resumptions were counted", n)
	}
}

func TestOneWithoutAKeyCannotResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	w.send(a, proto.Frame{Name: proto.Resume, Room: lobby, Ref: "1", HasRef: true})
	if got := a.Expect(t, proto.Error); got.Code != proto.CodeBadRequest || got.Ref != "1" {
		t.Errorf("heard %s", got.Raw)
	}
	w.none(proto.OpResume)
}

func TestPoliciesAndNewRequestsGoOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dialTurn(1, "turn=2")
	w.send(a, proto.Frame{Name: proto.RoomEnter, Room: lobby, Policy: proto.PolicyStay})
	q := w.next(proto.OpEnter)
	if q.Policy != proto.PolicyStay || q.Turn != 2 || q.Keep != 30 {
		t.Errorf("the request is %s", q.msg.Data)
	}
	q.answerWith(proto.Event{Name: proto.RoomCreated, Seq: 5}, "", w.keyed(1, 2, q.id, 4))
	w.hears(a, proto.Event{Name: proto.RoomCreated, Room: lobby, Seq: 5})
	w.send(a, proto.Frame{Name: proto.RoomClose, Room: lobby})
	q = w.next(proto.OpClose)
	if q.Turn != 2 {
		t.Errorf("the request is %s", q.msg.Data)
	}
	q.answer(proto.Event{Name: proto.RoomLeft})
	w.hears(a, proto.Event{Name: proto.RoomLeft, Room: lobby})
	a.Close()
	testkit.WaitFor(t, "its place", func() bool { return w.inside.Door.Count() == 0 })
	w.none(proto.OpLeave)
}
