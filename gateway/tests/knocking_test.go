package gateway_test

import (
	"testing"
	"time"

	"github.com/parley-rtc/parley/gateway"
	"github.com/parley-rtc/parley/gateway/internal/inside"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// soon has knocks repeated without waiting.
func soon(o worldOptions) worldOptions {
	o.timing = func(x *inside.Timing) {
		x.Attempt, x.Tick, x.Knock, x.Review = time.Minute, 10*time.Millisecond, 20*time.Millisecond, 20*time.Millisecond
	}
	return o
}

// knocks lets a client knock at lobby, where somebody has to decide, and returns the request.
func (w *world) knocks(c *testkit.Client) *asked {
	w.t.Helper()
	w.send(c, proto.Frame{Name: proto.RoomKnock, Room: lobby, More: &proto.FrameMore{Meta: []byte(`{"from":"afar"}`)}})
	q := w.next(proto.OpKnock)
	q.answer(proto.Event{Name: proto.KnockPending})
	w.hears(c, proto.Event{Name: proto.KnockPending, Room: lobby})
	return q
}

// knockUntil answers a knock's repetitions, with the answers of replicas that go on waiting, until one is as expected.
func (w *world) knockUntil(is func(q *asked) bool) *asked {
	w.t.Helper()
	for range 100 {
		q := w.next(proto.OpKnock)
		if is(q) {
			return q
		}
		q.answer(proto.Event{Name: proto.KnockPending})
	}
	w.t.Fatal("it is repeated, and not as expected")
	return nil
}

func ended(q *asked) bool { return q.Gone }

func TestAKnockIsRepeatedByTheGatewayUntilItIsDecided(t *testing.T) {
	t.Parallel()
	for name, verdict := range map[string]proto.Name{"admitted": proto.KnockAdmitted, "refused": proto.KnockRefused} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, soon(worldOptions{}))
			a := w.dial()
			first := w.knocks(a)
			for range 3 {
				q := w.next(proto.OpKnock)
				if q.id != first.id || q.ClientID != a.ID() || string(q.Meta) != `{"from":"afar"}` || q.Gone {
					t.Fatalf("the repetition is %s %s, the knock was %s", q.id, q.msg.Data, first.id)
				}
				q.answer(proto.Event{Name: proto.KnockPending})
			}
			w.quiet(a)
			e := proto.Event{Name: verdict, Room: lobby}
			w.replicas[0].publish(w.subjects.GatewayClient(w.g.ID(), a.ID()), "", proto.AppendEvent(nil, &e))
			w.hears(a, e)
			w.sync()
			w.stops()
			w.quiet(a)
		})
	}
}

// stops fails the test when a knock is repeated still: a client that knocks elsewhere is repeated, and it is not.
func (w *world) stops() {
	w.t.Helper()
	b := w.dial()
	w.send(b, proto.Frame{Name: proto.RoomKnock, Room: "elsewhere"})
	w.mu.Lock()
	w.asked = nil // what was asked before it was decided
	w.mu.Unlock()
	for n := 0; n < 4; {
		q := w.next(proto.OpKnock)
		if q.Room == "elsewhere" {
			n++
		} else if !q.Gone {
			w.t.Fatalf("repeated still: %s", q.msg.Data)
		}
		q.answer(proto.Event{Name: proto.KnockPending})
	}
}

func TestTheAnswerToARepetitionDecidesAKnockToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, soon(worldOptions{}))
	a := w.dial()
	w.knocks(a)
	w.next(proto.OpKnock).answer(proto.Errorf(proto.CodeUnavailable, lobby, a.ID(), "not now"))
	refusal := proto.Errorf(proto.CodeBanned, lobby, a.ID(), "banned")
	w.knockUntil(func(*asked) bool { return true }).answer(refusal)
	w.hears(a, refusal)
	w.stops()
	w.quiet(a)
}

func TestAKnockEndsWithJoiningWithTheConnectionAndAfterALongTime(t *testing.T) {
	t.Parallel()
	t.Run("joined", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, soon(worldOptions{}))
		a := w.dial()
		first := w.knocks(a)
		w.joins(a, lobby, 3, far1)
		if q := w.knockUntil(ended); q.id != first.id {
			t.Errorf("the end is told by %s, the knock was %s", q.id, first.id)
		}
		w.stops()
		w.quiet(a)
	})
	t.Run("gone", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, soon(worldOptions{}))
		a := w.dial()
		w.knocks(a)
		a.Close()
		w.knockUntil(ended)
		w.stops()
	})
	t.Run("away", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, soon(worldOptions{}))
		a := w.dialTurn(1, "turn=1")
		w.creates(a, "other", 1)
		w.knocks(a)
		a.Abort()
		w.knockUntil(ended)
		w.stops()
	})
	t.Run("nobody decides", func(t *testing.T) {
		t.Parallel()
		o := soon(worldOptions{})
		timing := o.timing
		o.timing = func(x *inside.Timing) { timing(x); x.KnockMost = 50 * time.Millisecond }
		w := newWorld(t, o)
		a := w.dial()
		w.knocks(a)
		w.knockUntil(ended)
		w.hears(a, proto.Event{Name: proto.KnockRefused, Room: lobby})
		w.quiet(a)
	})
}

func TestAClientKnocksAtSoManyRooms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, soon(worldOptions{config: gateway.Config{Limits: gateway.Limits{MaxRooms: 1}}}))
	a := w.dial()
	w.knocks(a)
	w.send(a, proto.Frame{Name: proto.RoomKnock, Room: "other"})
	if e := a.Expect(t, proto.Error); e.Code != proto.CodeRateLimited {
		t.Errorf("heard %s", e.Raw)
	}
	refused := proto.Event{Name: proto.KnockRefused, Room: lobby}
	w.replicas[0].publish(w.subjects.GatewayClient(w.g.ID(), a.ID()), "", proto.AppendEvent(nil, &refused))
	w.hears(a, refused)
	w.send(a, proto.Frame{Name: proto.RoomKnock, Room: "other"})
	w.knockUntil(func(q *asked) bool { return q.Room == "other" }).answer(proto.Event{Name: proto.KnockAdmitted})
	w.hears(a, proto.Event{Name: proto.KnockAdmitted, Room: "other"})
}

func TestWhoModeratesHearsOfKnocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	e := proto.Event{Name: proto.ClientKnocked, Room: lobby, ID: far1, More: &proto.More{User: "Far", Meta: []byte(`{"a":1}`), Gone: true}}
	w.replicas[0].publish(w.subjects.GatewayClient(w.g.ID(), a.ID()), "", proto.AppendEvent(nil, &e))
	w.hears(a, e)
}

func TestKnocksGoByAClientsNewToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, soon(withTokens(t, gateway.Limits{})))
	a := w.as(signed(t, "ann", 0, all))
	w.knocks(a)
	renew := func(g grants) {
		t.Helper()
		w.send(a, proto.Frame{Name: proto.TokenRenew, More: &proto.FrameMore{Token: signed(t, "ann", 0, g)}})
		a.Expect(t, proto.TokenAccepted)
	}
	renew(grants{"*": {"join"}})
	w.knockUntil(func(q *asked) bool { return q.Sub == "ann" && q.Can == proto.MayJoin })
	renew(grants{})
	w.knockUntil(ended)
	w.hears(a, proto.Event{Name: proto.KnockRefused, Room: lobby})
}
