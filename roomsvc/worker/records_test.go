package worker

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// crowded returns a record, by another replica, of the room "r" with n members m0, m1, … on two gateways.
func crowded(n int) *proto.Record {
	rec := &proto.Record{
		Room: "r", OwnerID: "m0", Prev: 1,
		Change: proto.Change{Event: proto.ClientJoined, ID: proto.ClientID(fmt.Sprint("m", n-1)), Request: "x", Replica: "other"},
	}
	for i := range n {
		g := proto.GatewayID([]string{"g1", "g2"}[i%2])
		rec.Members = append(rec.Members, proto.Member{
			ID: proto.ClientID(fmt.Sprint("m", i)), Gateway: g, Request: proto.RequestID(fmt.Sprintf("%s-%d-1", g, i)),
		})
	}
	return rec
}

// compact returns a record in form 2.
func compact(rec *proto.Record) []byte {
	return proto.AppendCompact(nil, rec, proto.PackMembers(rec.Members))
}

// written returns the record that was appended last, decoded.
func (x *world) written(t *testing.T) proto.Record {
	t.Helper()
	rec, err := proto.DecodeRecord(x.last().record)
	if err != nil {
		t.Fatalf("%s: %v", x.last().record, err)
	}
	return rec
}

// It does not run beside other tests, since it counts what is allocated.
func TestOfALargeRoomThatOthersServeTheHeadAloneIsDecoded(t *testing.T) {
	data := compact(crowded(1000))
	x := newWorld()
	var before, after runtime.MemStats
	const records = 100
	runtime.ReadMemStats(&before)
	for seq := range uint64(records) {
		x.Feed(x.now, "r", seq+1, data, x.now)
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / records; each > 8<<10 { // the ids alone of 1,000 members have more
		t.Errorf("%d bytes are allocated for a record", each)
	}
	if st := x.rooms.State("r"); !st.Packed() || x.counts[Members] != 1000 || x.counts[Rooms] != 1 {
		t.Errorf("it is packed: %t; %d members in %d rooms are counted", st.Packed(), x.counts[Members], x.counts[Rooms])
	}
}

func TestALargeRoomsMembersAreDecodedOnceItIsAskedFor(t *testing.T) {
	t.Parallel()
	for op, then := range map[proto.Op]func(*world, *Ask) bool{
		proto.OpJoin: func(x *world, _ *Ask) bool { return x.last().append && x.last().expect == 7 },
		proto.OpSignal: func(x *world, _ *Ask) bool {
			return len(x.questions) == 0 && len(x.forwarded) == 1 && x.forwarded[0] == "g2"
		},
		proto.OpRoster: func(x *world, a *Ask) bool { // the answer is what the leader has
			return !x.last().append && a.read.open()
		},
	} {
		x := newWorld()
		x.Feed(x.now, "r", 7, compact(crowded(100)), x.now)
		a := x.request(op, "q1", "m0", time.Minute)
		if op == proto.OpJoin {
			a.ClientID = "new"
		}
		a.TargetID = "m1"
		x.Take(x.now, a)
		if st := x.rooms.State("r"); !then(x, a) || st.Packed() || st.Member("m99") == nil {
			t.Errorf("%s: asked %+v, forwarded %v; the room is packed: %t", op, x.questions, x.forwarded, st.Packed())
		}
	}
}

// A join is a copy of the encoded members and one more. That they are not encoded anew shows in a member whose request the
// record has in full.
func TestAJoinCopiesTheEncodedMembersAndALeaveEncodesThemAnew(t *testing.T) {
	t.Parallel()
	x := newWorld()
	data := bytes.Replace(compact(crowded(100)), []byte(`["m1",1,".1-1"]`), []byte(`["m1",1,"g2-1-1"]`), 1)
	x.Feed(x.now, "r", 7, data, x.now)
	odd := func() bool { return bytes.Contains(x.last().record, []byte(`["m1",1,"g2-1-1"]`)) }
	for i, id := range []proto.ClientID{"ann", "bob"} { // the second joins what the first made
		x.Take(x.now, x.request(proto.OpJoin, proto.RequestID(id), id, time.Minute))
		if rec := x.written(t); !odd() || len(rec.Members) != 101+i || rec.Members[100+i] != (proto.Member{ID: id, Gateway: "g", Request: proto.RequestID(id)}) {
			t.Fatalf("%s: written %s", id, x.last().record)
		}
		x.answer(x.last(), Result{Seq: uint64(8 + i)})
	}
	x.Take(x.now, x.request(proto.OpLeave, "l1", "ann", time.Minute))
	if rec := x.written(t); odd() || len(rec.Members) != 101 || rec.Member("ann") >= 0 {
		t.Fatalf("written %s", x.last().record)
	}
	x.answer(x.last(), Result{Seq: 10})
	x.Take(x.now, x.request(proto.OpJoin, "j3", "cid", time.Minute))
	if rec := x.written(t); len(rec.Members) != 102 || rec.Members[101].ID != "cid" || rec.Member("ann") >= 0 {
		t.Fatalf("written %s", x.last().record)
	}
}

// An older replica lives → records stay in the form that it knows, whatever they were in → it is gone.
func TestTheNewerFormIsWrittenOnlyWhileEveryReplicaKnowsIt(t *testing.T) {
	t.Parallel()
	x := newWorld()
	x.Feed(x.now, "r", 1, compact(crowded(50)), x.now)
	for i, form := range []int{1, 2, 2, 1, 1, 2} {
		x.form = form
		seq, id := uint64(i+2), proto.ClientID(fmt.Sprint("n", i))
		x.Take(x.now, x.request(proto.OpJoin, proto.RequestID(id), id, time.Minute))
		if got := proto.Compact(x.last().record); got != (form == 2) {
			t.Errorf("with form %d: written %.40s…", form, x.last().record)
		}
		if rec := x.written(t); len(rec.Members) != 51+i || rec.Members[50+i].ID != id || rec.Members[49].ID != "m49" {
			t.Fatalf("written %s", x.last().record)
		}
		x.answer(x.last(), Result{Seq: seq})
		if st := x.rooms.State("r"); st.Form != form || (st.Pack.Count > 0) != (form == 2) {
			t.Errorf("with form %d: memory has form %d, %d members are packed", form, st.Form, st.Pack.Count)
		}
	}
	x.Take(x.now, x.request(proto.OpLeave, "l1", "m0", time.Minute))
	if rec := x.written(t); !rec.Closed || proto.Compact(x.last().record) {
		t.Errorf("a closing is written as %s", x.last().record)
	}
}

// unknown is what a read of a record gives whose form is one that comes after this version.
func unknown(seq uint64) Result {
	return Result{Seq: seq, Err: fmt.Errorf("%w: %w: 4", proto.ErrRecord, proto.ErrRecordForm)}
}

// unavailable reports whether the last answer is that, and no question to the leader follows.
func (x *world) unavailable(answers int) bool {
	questions := len(x.questions)
	x.pass(3 * time.Second)
	return len(x.replies) == answers && x.replies[answers-1].Name == proto.Error &&
		x.replies[answers-1].Code == proto.CodeUnavailable && len(x.questions) == questions
}

// No time brings a record that this version can read: what is asked of that room is not kept waiting, nor the leader asked again.
func TestARecordOfANewerFormIsGivenUpAtOnceAndTheRoomForgotten(t *testing.T) {
	t.Parallel()
	forgotten := func(t *testing.T, x *world) {
		t.Helper()
		if x.rooms.State("r") != nil || x.counts[Rooms] != 0 || x.counts[Members] != 0 || len(x.busy) != 0 {
			t.Errorf("memory has %v; %d rooms, %d members are counted", x.rooms.Tokens(), x.counts[Rooms], x.counts[Members])
		}
		if len(x.errs) == 0 || !errors.Is(x.errs[0], proto.ErrRecordForm) {
			t.Errorf("operators are told %v", x.errs)
		}
	}
	begin := func(op proto.Op) *world {
		x := newWorld()
		x.Feed(x.now, "r", 7, compact(crowded(50)), x.now)
		x.Take(x.now, x.request(op, "q1", "new", time.Minute))
		return x
	}
	t.Run("a read for an answer", func(t *testing.T) {
		t.Parallel()
		x := begin(proto.OpRoster)
		if x.answer(x.last(), unknown(9)); !x.unavailable(1) {
			t.Errorf("answered %v, asked %d", x.replies, len(x.questions))
		}
		forgotten(t, x)
	})
	t.Run("a read that settles an append", func(t *testing.T) {
		t.Parallel()
		x := begin(proto.OpJoin)
		x.Take(x.now, x.request(proto.OpJoin, "q2", "behind", time.Minute))
		x.answer(x.last(), Result{Err: ErrConflict})
		x.answer(x.last(), unknown(9))
		if len(x.replies) != 1 || x.last().append { // to the one behind, the room is unknown: the leader is asked
			t.Fatalf("answered %v, asked %+v", x.replies, x.last())
		}
		if x.answer(x.last(), unknown(9)); !x.unavailable(2) {
			t.Errorf("answered %v, asked %d", x.replies, len(x.questions))
		}
		forgotten(t, x)
	})
	t.Run("the feed", func(t *testing.T) {
		t.Parallel()
		x := newWorld()
		x.Feed(x.now, "r", 7, compact(crowded(50)), x.now)
		x.Feed(x.now, "r", 9, bytes.Replace(compact(crowded(50)), []byte(`"v":2`), []byte(`"v":5`), 1), x.now)
		forgotten(t, x)
	})
	t.Run("the feed during an append that is given up", func(t *testing.T) {
		t.Parallel()
		x := newWorld()
		x.Feed(x.now, "r", 7, compact(crowded(50)), x.now)
		x.Take(x.now, x.request(proto.OpJoin, "q1", "new", time.Second))
		x.Feed(x.now, "r", 9, []byte(`{"v":5}`), x.now)
		if x.rooms.State("r").Sequence() != 7 {
			t.Error("what the append was decided on is forgotten before it has ended")
		}
		if x.pass(2 * time.Second); len(x.replies) != 1 || x.replies[0].Code != proto.CodeUnavailable {
			t.Errorf("answered %v", x.replies)
		}
		forgotten(t, x)
	})
	t.Run("an older one does not count", func(t *testing.T) {
		t.Parallel()
		x := begin(proto.OpRoster)
		x.Feed(x.now, "r", 11, compact(crowded(51)), x.now) // who knows that form has gone back to the older one
		if x.answer(x.last(), unknown(9)); x.rooms.State("r").Sequence() != 11 {
			t.Error("memory has forgotten what came later")
		}
	})
}

// A replica is gone that had written the newer form, and one lives that does not know it and ranks first for the room. It
// leaves such records alone, so it cannot tell their changes again.
func TestAChangeIsToldAgainByTheFirstThatKnowsItsForm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		data []byte
		told int
	}{{compact(crowded(50)), 1}, {proto.AppendRecord(nil, crowded(50)), 0}} {
		x := newWorld()
		x.first = func(form int) bool { return form > 1 }
		x.Feed(x.now, "r", 7, c.data, x.now)
		x.TellAgain(x.now, "other", x.now.Add(-time.Second))
		if len(x.told) != c.told {
			t.Errorf("%.40s… is told %d times, expected %d", c.data, len(x.told), c.told)
		}
	}
}

// A gateway is gone. Its members in a room that this replica has never been asked for are removed all the same.
func TestAGoneGatewaysMembersAreRemovedFromAPackedRoom(t *testing.T) {
	t.Parallel()
	x := newWorld()
	x.Feed(x.now, "r", 7, compact(crowded(50)), x.now)
	x.gone = "g2"
	x.Sweep(x.now, true)
	if rec := x.written(t); rec.Change.Event != proto.ClientLeft || rec.Change.ID != "m1" || len(rec.Members) != 49 {
		t.Errorf("written %s", x.last().record)
	}
}

// A record whose head can be read and whose members cannot is left alone like any that cannot be read.
func TestMembersThatCannotBeDecodedAreLeftAlone(t *testing.T) {
	t.Parallel()
	x := newWorld()
	x.Feed(x.now, "r", 7, []byte(strings.Replace(string(compact(crowded(50))), `["m9",1,`, `["m9",2,`, 1)), x.now)
	x.Take(x.now, x.request(proto.OpCreate, "c1", "new", time.Second))
	if len(x.errs) != 1 || !errors.Is(x.errs[0], proto.ErrRecord) || x.counts[Rooms] != 0 {
		t.Errorf("operators are told %v; %d rooms are counted", x.errs, x.counts[Rooms])
	}
	x.answer(x.last(), Result{Err: ErrConflict})
	x.answer(x.last(), Result{Seq: 7, Err: proto.ErrRecord})
	x.pass(2 * time.Second)
	if len(x.replies) != 1 || x.replies[0].Code != proto.CodeUnavailable || x.last().append {
		t.Errorf("answered %v, asked %+v", x.replies, x.last())
	}
}
