package gateway_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-rtc/parley/gateway/internal/inside"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// left returns the milliseconds that a request says its asker will still wait.
func (q *asked) left() time.Duration {
	q.by.w.t.Helper()
	ms, err := strconv.Atoi(q.msg.Header.Get(proto.HeaderTimeout))
	if err != nil {
		q.by.w.t.Errorf("the time left is %v", err)
	}
	return time.Duration(ms) * time.Millisecond
}

func TestARequestGoesToTheReplicaThatRanksFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{replicas: 3})
	a := w.dial()
	for _, room := range []proto.Room{"one", "two", "drei vier", "five", "six"} {
		w.send(a, proto.Frame{Name: proto.RoomJoin, Room: room})
		q := w.next(proto.OpJoin)
		if q.by != w.ranked(room)[0] || q.inGroup {
			t.Errorf("the request for room %q went to %s", room, q.by.id)
		}
		if q.left() > 10*time.Second || q.left() < 9*time.Second || q.Gateway != w.g.ID() || q.ClientID != a.ID() {
			t.Errorf("%s, to be answered in %v", q.msg.Data, q.left())
		}
		q.answer(proto.Event{Name: proto.RoomNotExists})
		w.hears(a, proto.Event{Name: proto.RoomNotExists, Room: room})
	}
}

func TestAReplicaThatIsGoneIsPassedOverAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{replicas: 2, timing: func(x *inside.Timing) {
		x.Attempt, x.Tick = time.Minute, time.Hour // its silence alone would not take it out of the ranking
	}})
	a := w.dial()
	order := w.ranked(lobby)
	order[0].deaf()
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	q := w.next(proto.OpJoin) // by 'no responders': nobody is silent for a minute
	if q.by != order[1] {
		t.Fatalf("asked %s, which is gone", q.by.id)
	}
	q.answer(proto.Event{Name: proto.RoomNotExists})
	w.hears(a, proto.Event{Name: proto.RoomNotExists, Room: lobby})
	testkit.WaitFor(t, "the ranking without it", func() bool { return len(w.inside.Ranking.Replicas()) == 1 })
}

func TestAfterSilenceTheNextReplicaIsAskedTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{replicas: 2})
	a := w.dial()
	order := w.ranked(lobby)
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	first, second := w.next(proto.OpJoin), w.next(proto.OpJoin)
	if first.by != order[0] || second.by != order[1] {
		t.Error("the replicas were not asked in their order")
	}
	if first.id != second.id || string(first.msg.Data) != string(second.msg.Data) {
		t.Errorf("the second attempt is %s %s, the first %s %s", second.id, second.msg.Data, first.id, first.msg.Data)
	}
	if first.msg.Reply == second.msg.Reply {
		t.Error("both attempts have one reply subject")
	}
	if gap := second.at.Sub(first.at); gap < 450*time.Millisecond {
		t.Errorf("the second was asked after %v", gap)
	}
	if first.left()-second.left() < 450*time.Millisecond {
		t.Errorf("the time left is %v, then %v", first.left(), second.left())
	}
	// All attempts are waited for until the first answer.
	joined := proto.Event{Name: proto.RoomJoined, Room: lobby, OwnerID: far1, Clients: []proto.ClientID{far1}, Seq: 4}
	first.answer(joined)
	w.hears(a, joined)
	second.answer(joined)
	w.quiet(a)
	w.none(proto.OpLeave)
}

func TestAfterTheLastReplicaTheFirstIsAskedAgainEverMoreSlowly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{replicas: 2, timing: func(x *inside.Timing) {
		x.Attempt, x.BackoffMin, x.BackoffMax = 20*time.Millisecond, 60*time.Millisecond, 240*time.Millisecond
	}})
	a := w.dial()
	order := w.ranked(lobby)
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	var last time.Time
	for i, atLeast := range []time.Duration{0, 60, 120, 240, 240} {
		one, two := w.next(proto.OpJoin), w.next(proto.OpJoin)
		if one.by != order[0] || two.by != order[1] {
			t.Errorf("round %d went to %s, %s", i, one.by.id, two.by.id)
		}
		if i > 0 && one.at.Sub(last) < atLeast*time.Millisecond {
			t.Errorf("round %d began %v after the one before", i, one.at.Sub(last))
		}
		last = two.at
		if i == 4 {
			two.answer(proto.Event{Name: proto.RoomNotExists})
		}
	}
	w.hears(a, proto.Event{Name: proto.RoomNotExists, Room: lobby})
}

func TestWhatNobodyAnswersIsUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{timing: func(x *inside.Timing) { x.Request, x.Signal = 600*time.Millisecond, 200*time.Millisecond }})
	a := w.dial()
	w.creates(a, lobby, 1)
	for _, c := range []struct {
		f proto.Frame
		d time.Duration
	}{
		{proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: far1, Data: []byte("1"), Ref: "s"}, 200 * time.Millisecond},
		{proto.Frame{Name: proto.RoomJoin, Room: "other", Ref: "j"}, 600 * time.Millisecond},
		{proto.Frame{Name: proto.RoomLeave, Room: lobby, Ref: "l"}, 600 * time.Millisecond},
	} {
		began := time.Now()
		e := a.Do(t, c.f)
		if e.Name != proto.Error || e.Code != proto.CodeUnavailable || e.Room != c.f.Room || e.SenderID != a.ID() {
			t.Errorf("%s was answered %+v", c.f.Name, e)
		}
		if took := time.Since(began); took < c.d || took > 10*c.d {
			t.Errorf("%s was answered after %v, it had %v", c.f.Name, took, c.d)
		}
	}
}

func TestTimeRunsFromTheFramesReading(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{timing: func(x *inside.Timing) { x.Request, x.Signal = 400*time.Millisecond, 50*time.Millisecond }})
	a := w.dial()
	w.creates(a, lobby, 1)
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: "other", Ref: "j"})
	w.send(a, proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: far1, Data: []byte("1"), Ref: "s"})
	for range 2 {
		if e := a.Expect(t, proto.Error); e.Code != proto.CodeUnavailable {
			t.Errorf("heard %s", e.Raw)
		}
	}
	w.none(proto.OpSignal) // its time was up before its turn came
}

func TestRequestsOfAClientAreHandledOneAtATimeInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a, b := w.dial(), w.dial()
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: "one"})
	w.send(a, proto.Frame{Name: proto.RoomCreate, Room: "two"})
	w.send(a, proto.Frame{Name: proto.Ping})
	one := w.next(proto.OpJoin)
	w.creates(b, "three", 1) // another client's do not wait
	w.none(proto.OpCreate)
	one.answer(proto.Event{Name: proto.RoomNotExists})
	w.next(proto.OpCreate).answer(proto.Event{Name: proto.RoomExists})
	w.hears(a, proto.Event{Name: proto.RoomNotExists, Room: "one"}, proto.Event{Name: proto.RoomExists, Room: "two"},
		proto.Event{Name: proto.Pong})
}

func TestAGatewayThatKnowsNoReplicaAsksAny(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{silent: true})
	a := w.dial()
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	q := w.next(proto.OpJoin)
	if !q.inGroup {
		t.Error("it asked a replica by name")
	}
	q.answer(proto.Event{Name: proto.RoomNotExists})
	w.hears(a, proto.Event{Name: proto.RoomNotExists, Room: lobby})
}

func TestAGatewayThatHearsNoReplicaKeepsItsLastRanking(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{replicas: 2, silent: true})
	order := w.ranked(lobby)
	for _, r := range order {
		r.beat(proto.Up)
		testkit.WaitFor(t, "a replica", func() bool {
			return len(w.inside.Ranking.Replicas()) == map[*replica]int{order[0]: 1, order[1]: 2}[r]
		})
	}
	order[0].beat(proto.Leaving)
	testkit.WaitFor(t, "one replica", func() bool { return len(w.inside.Ranking.Replicas()) == 1 })
	order[1].beat(proto.Leaving)
	a := w.dial()
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	if q := w.next(proto.OpJoin); q.by != order[1] || q.inGroup {
		t.Errorf("asked %s, in the group: %t", q.by.id, q.inGroup)
	}
}

func TestWithoutNATSARequestWaitsForItsReturn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	w.nats.Stop()
	testkit.WaitFor(t, "the loss", func() bool { return !w.inside.Conn().IsConnected() })
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	w.nats.Restart()
	w.next(proto.OpJoin).answer(proto.Event{Name: proto.RoomNotExists})
	w.hears(a, proto.Event{Name: proto.RoomNotExists, Room: lobby})
}

// A gateway learns that it is ready from what it hears anyway: it asks nobody.
func TestAGatewayIsReadyWhileAReplicaIsUpAndRequestsAreAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{silent: true, timing: func(x *inside.Timing) { x.Request, x.Attempt = time.Second, time.Minute }})
	if err := w.g.Ready(); err == nil || !strings.Contains(err.Error(), "no replica of the room service is heard") {
		t.Errorf("before any replica was heard: %v", err)
	}
	r := w.replicas[0]
	r.beat(proto.Leaving)
	testkit.WaitFor(t, "a replica that is not ready", func() bool {
		err := w.g.Ready()
		return err != nil && strings.Contains(err.Error(), "its /readyz says why")
	})
	r.live()
	if err := w.g.Ready(); err != nil {
		t.Errorf("with a replica that is up: %v", err)
	}
	a := w.dial()
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	w.next(proto.OpJoin) // and no answer
	w.hears(a, rooms.Unanswered(lobby, a.ID()))
	if err := w.g.Ready(); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("after a request that nobody answered: %v", err)
	}
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	w.next(proto.OpJoin).answer(proto.Event{Name: proto.RoomNotExists})
	w.hears(a, proto.Event{Name: proto.RoomNotExists, Room: lobby})
	testkit.WaitFor(t, "the answer to count", func() bool { return w.g.Ready() == nil })
	w.none(proto.Ops()...)
	w.nats.Stop()
	testkit.WaitFor(t, "the loss", func() bool { return w.g.Ready() != nil })
}

// One request that is given up, as a signal to somebody whose gateway has just died, takes no gateway out of its balancer
// while others are answered: neither in the moment before the next answer, nor between two looks at the answers.
func TestOneRequestThatIsGivenUpWhileOthersAreAnsweredChangesNothing(t *testing.T) {
	t.Parallel()
	for name, tick := range map[string]time.Duration{"before the next look": time.Hour, "after it": time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldOptions{timing: func(x *inside.Timing) { x.Signal, x.Attempt, x.Tick = 100*time.Millisecond, time.Minute, tick }})
			a, b := w.dial(), w.dial()
			w.creates(a, lobby, 1)
			w.send(a, proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: b.ID(), Data: []byte("1")})
			w.next(proto.OpSignal) // and no answer
			w.send(b, proto.Frame{Name: proto.RoomJoin, Room: "other"})
			w.next(proto.OpJoin).answer(proto.Event{Name: proto.RoomNotExists})
			w.hears(b, proto.Event{Name: proto.RoomNotExists, Room: "other"})
			w.hears(a, rooms.Unanswered(lobby, a.ID()))
			if err := w.g.Ready(); err != nil {
				t.Error(err)
			}
		})
	}
}
