package ask

import (
	"slices"
	"testing"
	"time"

	"github.com/parley-rtc/parley/proto"
)

func TestRankingFollowsBeats(t *testing.T) {
	t.Parallel()
	r := NewRanking()
	at := time.Unix(1000, 0)
	say := func(id string, state proto.State) {
		r.Beat(proto.Beat{Role: proto.RoleRoomsvc, ID: id, State: state}, at)
	}
	is := func(what string, want ...proto.ReplicaID) {
		t.Helper()
		if got := r.Replicas(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, expected %v", what, got, want)
		}
	}
	is("before any beat")
	say("b", proto.Up)
	say("a", proto.Up)
	is("two have beaten", "a", "b")
	say("a", proto.Leaving)
	is("one leaves", "b")
	say("a", proto.Up)
	at = at.Add(1500 * time.Millisecond)
	say("b", proto.Up)
	at = at.Add(600 * time.Millisecond)
	r.Tick(at)
	is("one has not beaten for 2.1 s", "b")
	r.gone("b")
	is("the last is gone: the last ranking is kept", "b")
	say("c", proto.Up)
	is("another has come", "c")
	say("x", proto.Leaving)
	is("a stranger leaves", "c")
	at = at.Add(time.Minute)
	r.Tick(at)
	is("nobody is heard: the last ranking is kept", "c")
}

func TestRankingKnowsWhenAReplicaWasUpLast(t *testing.T) {
	t.Parallel()
	r := NewRanking()
	at := time.Unix(1000, 0)
	say := func(id string, state proto.State) {
		at = at.Add(time.Second)
		r.Beat(proto.Beat{Role: proto.RoleRoomsvc, ID: id, State: state}, at)
	}
	is := func(what string, wantUp time.Time, wantLeft bool) {
		t.Helper()
		if up, left := r.LastUp(); !up.Equal(wantUp) || left != wantLeft {
			t.Errorf("%s: %v %t, expected %v %t", what, up, left, wantUp, wantLeft)
		}
	}
	is("before any beat", time.Time{}, false)
	say("a", proto.Leaving)
	is("one that was never up leaves", time.Time{}, true)
	say("b", proto.Up)
	up := at
	is("another is up", up, false)
	say("a", proto.Leaving)
	is("the first leaves still", up, true)
	say("b", proto.Up)
	is("the other is up still", at, false)
}
