package worker

import (
	"slices"
	"testing"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// stored brings a room by the feed, as another replica has written it.
func (x *world) stored(room proto.Room, policy proto.Policy, members ...proto.Member) {
	rec := &proto.Record{
		Room: room, OwnerID: members[0].ID, OnOwnerGone: policy, Members: members,
		Change: proto.Change{Event: proto.RoomCreated, ID: members[0].ID, Request: "c", Replica: "other"},
	}
	st := x.rooms.State(room.Token())
	if rec.Prev = st.Sequence(); st.Open() {
		rec.Change.Event, rec.Change.ID, rec.OwnerID = proto.ClientJoined, members[len(members)-1].ID, st.Record.OwnerID
	}
	x.Feed(x.now, room.Token(), rec.Prev+1, compact(rec), x.now)
}

// at returns a member at a gateway whose session is kept for so many seconds; negative: it has none.
func at(g proto.GatewayID, id proto.ClientID, keep int) proto.Member {
	m := proto.Member{ID: id, Gateway: g, Request: "r-" + proto.RequestID(id)}
	if keep >= 0 {
		m.Turn, m.Keep, m.Since = 1, keep, 1
	}
	return m
}

// sweep lets time pass in steps of a second, looks each time, and stores what is appended. It returns who has been removed by then.
func (x *world) sweep(t *testing.T, seconds int) (removed []proto.ClientID) {
	t.Helper()
	for range seconds {
		x.now = x.now.Add(time.Second)
		before := len(x.questions)
		x.Sweep(x.now, true)
		for i := before; i < len(x.questions); i++ {
			q := x.questions[i]
			if !q.append {
				continue
			}
			rec, err := proto.DecodeRecord(q.record)
			if err != nil {
				t.Fatal(err)
			}
			removed = append(removed, rec.Change.ID)
			x.answer(q, Result{Seq: q.expect + 1})
		}
	}
	return removed
}

func (x *world) dies(g proto.GatewayID) { x.gone, x.since = g, x.now }

func expectRemoved(t *testing.T, got []proto.ClientID, want ...proto.ClientID) {
	t.Helper()
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Fatalf("removed are %v, expected %v", got, want)
	}
}

// A gateway dies → its plain members are removed at once, those of sessions when each one's time is up. One that has come back
// elsewhere by then stays.
func TestMembersOfAGoneGatewayAreKeptForAsLongAsTheyAsked(t *testing.T) {
	t.Parallel()
	x := newWorld()
	x.stored("r", "", at("g2", "own", -1), at("g", "plain", -1), at("g", "now", 0), at("g", "ann", 10), at("g", "bob", 20), at("g", "cid", 20))
	x.dies("g")
	expectRemoved(t, x.sweep(t, 9), "now", "plain")
	expectRemoved(t, x.sweep(t, 1), "ann")
	back := x.session(proto.OpResume, "r1", "bob", 2)
	back.Gateway = "g2"
	x.committed(t, back)
	expectRemoved(t, x.sweep(t, 9))
	expectRemoved(t, x.sweep(t, 1), "cid")
	expectRemoved(t, x.sweep(t, 300))
	if st := x.rooms.State("r"); st.Count() != 2 || st.Member("bob") == nil {
		t.Errorf("left are %+v", st.Record.Members)
	}
	if x.counts[Removed] != 4 {
		t.Errorf("%d are counted as removed", x.counts[Removed])
	}
}

// The owner's room stands as long as the owner is kept.
func TestAnOwnersRoomIsClosedWhenItsTimeIsUp(t *testing.T) {
	t.Parallel()
	x := newWorld()
	x.stored("r", "", at("g", "own", 5), at("g2", "ann", -1), at("g", "bob", 300))
	x.dies("g")
	expectRemoved(t, x.sweep(t, 4))
	expectRemoved(t, x.sweep(t, 1), "own")
	if x.rooms.State("r").Open() {
		t.Error("the room is open")
	}
}

// Where the room goes on without its owner, the other members of that gateway are removed as well. Who is there becomes no owner if
// another can.
func TestARoomThatOutlivesItsOwnerGoesToOneWhoseGatewayLives(t *testing.T) {
	t.Parallel()
	x := newWorld()
	x.stored("r", proto.PolicyTransfer, at("g", "own", 5), at("g", "ann", 30), at("g2", "bob", -1), at("g", "cid", 5))
	x.dies("g")
	expectRemoved(t, x.sweep(t, 7), "cid", "own")
	if st := x.rooms.State("r"); st.Record.OwnerID != "bob" || st.Count() != 2 {
		t.Errorf("the room is %+v", st.Record)
	}
	expectRemoved(t, x.sweep(t, 30), "ann")
}

// A gateway with many members whose sessions are kept is gone: its rooms are not gone through every half a second until then.
func TestRoomsAreLookedAtAgainWhenTheNextMemberIsDue(t *testing.T) {
	t.Parallel()
	x := newWorld()
	looks := 0
	x.first = func(int) bool { looks++; return true }
	for _, room := range []proto.Room{"a", "b", "c"} {
		x.stored(room, "", at("g", "own", 100), at("g", "ann", 50))
	}
	x.dies("g")
	expectRemoved(t, x.sweep(t, 49))
	if looks != 3 {
		t.Errorf("%d rooms were looked at, expected 3", looks)
	}
	expectRemoved(t, x.sweep(t, 1), "ann", "ann", "ann")
	x.sweep(t, 3)
	looks = 0
	expectRemoved(t, x.sweep(t, 46))
	if looks > 3 {
		t.Errorf("%d rooms were looked at", looks)
	}
	expectRemoved(t, x.sweep(t, 1), "own", "own", "own")
}

// What a gateway has asked as it died may be carried out later: who joins by that is due at once.
func TestWhoJoinsThroughAGoneGatewayIsNotForgottenForThoseWhoAreKept(t *testing.T) {
	t.Parallel()
	x := newWorld()
	x.stored("a", "", at("g", "own", 100))
	x.stored("b", "", at("g2", "own", 100))
	x.dies("g")
	expectRemoved(t, x.sweep(t, 2))
	x.stored("b", "", at("g2", "own", 100), at("g", "late", -1))
	expectRemoved(t, x.sweep(t, 1), "late")
	x.stored("c", "", at("g", "later", 4))
	expectRemoved(t, x.sweep(t, 1), "later") // it is gone for four seconds
	x.Feed(x.now, "d", 9, compact(&proto.Record{
		Room: "d", OwnerID: "own", Prev: 8, Members: []proto.Member{at("g2", "own", -1), at("g", "unheard", -1)},
		Change: proto.Change{Event: proto.ClientLeft, ID: "gone", Request: "l", Replica: "other"},
	}), x.now) // what was before that was missed
	expectRemoved(t, x.sweep(t, 1), "unheard")
}

// A gateway that was gone for a moment is gone anew: those that it has are kept from then on.
func TestAGatewayThatWasHeardOfMeanwhileIsGoneAnew(t *testing.T) {
	t.Parallel()
	x := newWorld()
	x.stored("r", "", at("g", "own", 10))
	x.dies("g")
	expectRemoved(t, x.sweep(t, 8))
	x.dies("g") // it was heard of in between
	expectRemoved(t, x.sweep(t, 9))
	x.gone = ""
	expectRemoved(t, x.sweep(t, 20))
	x.dies("g")
	expectRemoved(t, x.sweep(t, 9))
	expectRemoved(t, x.sweep(t, 1), "own")
}

// The replica that ranks first for a room dies while its members are kept: the next one removes them.
func TestWhoRanksFirstLaterRemovesThoseWhoWereKept(t *testing.T) {
	t.Parallel()
	x := newWorld()
	first := false
	x.first = func(int) bool { return first }
	x.stored("r", "", at("g2", "own", -1), at("g", "ann", 10), at("g", "bob", 100))
	x.dies("g")
	expectRemoved(t, x.sweep(t, 20))
	first = true
	expectRemoved(t, x.sweep(t, 2), "ann")
}
