package worker

import (
	"errors"
	"testing"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// session returns a request of a session's connection.
func (x *world) session(op proto.Op, id proto.RequestID, client proto.ClientID, turn int64) *Ask {
	a := x.request(op, id, client, time.Minute)
	a.Turn, a.Keep = turn, 30
	return a
}

// committed carries out a request that makes a change, which is stored at the next sequence.
func (x *world) committed(t *testing.T, a *Ask) proto.Record {
	t.Helper()
	x.Take(x.now, a)
	if !x.last().append {
		t.Fatalf("%s %s makes no change", a.Op, a.ID)
	}
	rec := x.written(t)
	x.answer(x.last(), Result{Seq: x.last().expect + 1})
	return rec
}

// kept returns a record, by another replica, of the room "r" with n members, of whom each third one has a session.
func kept(n int) *proto.Record {
	rec := crowded(n)
	for i := range rec.Members {
		if i%3 == 0 {
			rec.Members[i].Turn, rec.Members[i].Keep, rec.Members[i].Since = 1, 30, 1
		}
	}
	return rec
}

// who returns whose stays a header names.
func who(t *testing.T, header string) map[proto.ClientID]proto.Stay {
	t.Helper()
	if header == "" {
		return nil
	}
	s, err := proto.DecodeStays(header)
	if err != nil {
		t.Fatal(err)
	}
	return s.Members
}

// A form is written that a room needs, and no other: whoever does not know form 3 goes on reading all other rooms.
func TestARoomIsInTheFormOfSessionsAsLongAsItNeedsThat(t *testing.T) {
	t.Parallel()
	x := newWorld()
	form := func(a *Ask, want int) {
		t.Helper()
		x.committed(t, a)
		st := x.rooms.State("r")
		if got := proto.FormOf(x.last().record); got != want || st != nil && st.Form != want {
			t.Fatalf("%s %s is written as %s", a.Op, a.ID, x.last().record)
		}
	}
	form(x.request(proto.OpCreate, "c1", "ann", time.Minute), 2)
	form(x.session(proto.OpJoin, "j1", "bob", 1), 3)
	x.form = 1 // an older replica comes: this room stays as it is
	form(x.request(proto.OpJoin, "j2", "cid", time.Minute), 3)
	form(x.session(proto.OpResume, "r1", "bob", 2), 3)
	form(x.request(proto.OpLeave, "l1", "cid", time.Minute), 3)
	form(x.session(proto.OpLeave, "l2", "bob", 2), 1)
	if rec := x.committed(t, x.session(proto.OpJoin, "j3", "bob", 3)); rec.Members[1].Turn != 0 || proto.FormOf(x.last().record) != 1 {
		t.Errorf("a session is written for an older replica: %s", x.last().record)
	}
	x.form = 3
	form(x.session(proto.OpJoin, "j4", "dan", 1), 3)
	form(x.request(proto.OpLeave, "l3", "ann", time.Minute), 1) // a closing
}

// A replica starts → for two seconds it has not heard of all others, and records are written in the oldest form. A session that
// joins then must not become a plain one for that.
func TestASessionWaitsUntilItIsKnownWhetherItMayBeRecorded(t *testing.T) {
	t.Parallel()
	for _, form := range []int{2, 3} {
		x := newWorld()
		x.form, x.early = 1, true
		x.Take(x.now, x.session(proto.OpCreate, "c1", "ann", 1))
		policy := x.request(proto.OpEnter, "e1", "bob", time.Minute)
		policy.Room, policy.Token, policy.Policy = "q", "q", proto.PolicyStay
		x.Take(x.now, policy)
		if x.pass(time.Second); len(x.questions)+len(x.replies) != 0 {
			t.Fatalf("asked %+v, answered %+v", x.questions, x.replies)
		}
		x.form, x.early = form, false
		x.pass(100 * time.Millisecond)
		if form == 3 {
			for _, q := range x.questions {
				if !q.append || proto.FormOf(q.record) != 3 {
					t.Errorf("asked %+v", q)
				}
			}
			if len(x.questions) != 2 {
				t.Errorf("%d changes", len(x.questions))
			}
			continue
		}
		// An older replica was heard: the session is a plain one, and the policy cannot be had.
		if len(x.questions) != 2 || !x.questions[0].append || proto.FormOf(x.questions[0].record) != 2 || x.questions[1].append {
			t.Fatalf("asked %+v", x.questions)
		}
		x.answer(x.questions[1], Result{})
		if len(x.replies) != 1 || x.replies[0].Code != proto.CodeUnavailable {
			t.Errorf("answered %+v", x.replies)
		}
	}
}

// A plain client waits for nothing, and neither does a session in a room that has others.
func TestWhoGetsAllThatItAsksForDoesNotWait(t *testing.T) {
	t.Parallel()
	x := newWorld()
	x.Feed(x.now, "r", 7, compact(kept(3)), x.now)
	x.form, x.early = 1, true
	if rec := x.committed(t, x.session(proto.OpJoin, "j1", "ann", 1)); rec.Members[3].Turn != 1 {
		t.Errorf("written %s", x.last().record)
	}
	other := x.request(proto.OpCreate, "c1", "bob", time.Minute)
	other.Room, other.Token = "q", "q"
	x.committed(t, other)
}

// Gateways have to know of a session's member more than sockets are told, also from a replica that tells what another has changed,
// and that has not decoded the room's members.
func TestWhoJoinsOrComesBackIsToldToGatewaysWithItsStay(t *testing.T) {
	t.Parallel()
	x := newWorld()
	told := func(want ...proto.ClientID) {
		t.Helper()
		got := who(t, x.stays[len(x.stays)-1])
		if len(got) != len(want) || len(want) > 0 && got[want[0]].Turn == 0 {
			t.Errorf("%s is told with %v, expected that of %v", x.told[len(x.told)-1], got, want)
		}
	}
	x.committed(t, x.session(proto.OpCreate, "c1", "ann", 1))
	told("ann")
	x.committed(t, x.request(proto.OpJoin, "j1", "bob", time.Minute))
	told()
	x.committed(t, x.session(proto.OpJoin, "j2", "cid", 4))
	told("cid")
	x.committed(t, x.session(proto.OpResume, "r1", "ann", 2))
	told("ann")
	x.committed(t, x.session(proto.OpLeave, "l1", "cid", 4))
	told()
	for _, n := range []int{4, 100} { // the second is packed
		for event, id := range map[proto.Name]proto.ClientID{proto.ClientJoined: "m99", proto.ClientBack: "m3"} {
			if event == proto.ClientJoined && n == 4 {
				id = "m3"
			}
			y := newWorld()
			rec := kept(n)
			rec.Change.Event, rec.Change.ID = event, id
			y.Feed(y.now, "r", 7, compact(rec), y.now)
			y.TellAgain(y.now, "other", y.now.Add(-time.Second))
			if len(y.stays) != 1 || who(t, y.stays[0])[id] != rec.Members[rec.Member(id)].Stay() || y.rooms.State("r").Packed() != (n == 100) {
				t.Errorf("%d members: the %s of %s is told again with %q", n, event, id, y.stays)
			}
		}
	}
}

// A signal to a session's member has to be kept by the sender's gateway. That it has to is answered at once: where memory is wrong,
// the target's gateway says so.
func TestASignalToASessionIsAnsweredPushItWithoutAskingTheLeader(t *testing.T) {
	t.Parallel()
	for _, n := range []int{6, 100} {
		x := newWorld()
		x.Feed(x.now, "r", 7, compact(kept(n)), x.now)
		for target, pushed := range map[proto.ClientID]bool{"m3": true, "m4": false} {
			x.replies, x.beside, x.forwarded = nil, nil, nil
			a := x.request(proto.OpSignal, "s1", "m1", time.Minute)
			a.TargetID = target
			x.Take(x.now, a)
			if len(x.questions) > 0 || len(x.replies) == len(x.forwarded) || (len(x.replies) == 1) != pushed {
				t.Fatalf("of %d, to %s: asked %+v, answered %+v, forwarded %v", n, target, x.questions, x.replies, x.forwarded)
			}
			if !pushed {
				continue
			}
			if stays := who(t, x.beside[0].Stays); x.replies[0].Name != proto.PushIt || x.replies[0].TargetID != "m3" || len(stays) != 2 ||
				stays["m3"].Gateway != "g2" || stays["m1"].Gateway != "g2" {
				t.Errorf("of %d: answered %+v, and beside it %v", n, x.replies[0], stays)
			}
		}
	}
}

// A large room that another replica served is asked for here: who comes back, and who joins.
func TestSessionsComeBackToAndJoinALargeRoom(t *testing.T) {
	t.Parallel()
	x := newWorld()
	was := kept(100)
	was.Members[3].Since = 0 // it was there before the others with a key
	x.Feed(x.now, "r", 7, compact(was), x.now)
	back := x.session(proto.OpResume, "r1", "m3", 2)
	back.Seq = 1
	rec := x.committed(t, back)
	if m := rec.Members[3]; m != (proto.Member{ID: "m3", Gateway: "g", Request: "r1", Turn: 2, Keep: 30}) || len(rec.Members) != 100 {
		t.Errorf("written %+v", rec.Members)
	}
	stays, err := proto.DecodeStays(x.beside[0].Stays)
	if e := x.replies[0]; err != nil || e.Name != proto.Resumed || e.Seq != 8 || len(e.Fresh) != 33 || len(e.Clients) != 99 ||
		stays.Before != "g2" || len(stays.Members) != 100 {
		t.Errorf("answered %+v, %+v, %v", e, stays, err)
	}
	if rec = x.committed(t, x.session(proto.OpJoin, "j1", "new", 1)); rec.Members[100].Turn != 1 || rec.Members[100].Since != 8 || rec.Members[3].Turn != 2 {
		t.Errorf("written %+v", rec.Members)
	}
	if n := len(who(t, x.beside[1].Stays)); n != 35 {
		t.Errorf("the answer to the join has %d stays", n)
	}
	if rec = x.committed(t, x.request(proto.OpJoin, "j2", "plain", time.Minute)); rec.Members[101].Since != 9 || len(rec.Members) != 102 {
		t.Errorf("written %+v", rec.Members)
	}
}

func TestARefusalHasNoStaysBesideIt(t *testing.T) {
	t.Parallel()
	x := newWorld()
	x.Feed(x.now, "r", 7, compact(kept(6)), x.now)
	x.Take(x.now, x.session(proto.OpJoin, "j1", "new", 1))
	x.answer(x.last(), Result{Err: errors.New("no")})
	x.pass(2 * time.Minute)
	if len(x.replies) != 1 || x.replies[0].Code != proto.CodeUnavailable || x.beside[0] != (Beside{}) {
		t.Errorf("answered %+v, and beside it %+v", x.replies, x.beside)
	}
}
