package rooms

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/parley-rtc/parley/proto"
)

// A difference applied to what it starts from gives the roster, its numbers grow up to the roster's, each names the one
// before, and leaves come first.
func TestADifferenceLeadsToTheRoster(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfDistinct(rapid.StringMatching(`[a-z]{2}`), rapid.ID[string])
		from, to := ids.Draw(t, "from"), ids.Draw(t, "to")
		start := rapid.Uint64Range(0, 50).Draw(t, "seq")
		v := view{seq: start}
		for _, id := range from {
			v.members.add(proto.ClientID(id))
		}
		var roster []proto.ClientID
		for _, id := range to {
			roster = append(roster, proto.ClientID(id))
		}
		most := uint64(len(from) + len(to))
		seq := start + most + rapid.Uint64Range(0, 50).Draw(t, "more")
		joins := false
		for _, e := range difference("lobby", &v, &whole{seq: seq, clients: roster}) {
			switch {
			case e.Prev != v.seq, e.Seq <= e.Prev:
				t.Fatalf("%+v follows %d", e, v.seq)
			case e.Name == proto.ClientLeft && (joins || !v.members.has(e.ID)):
				t.Fatalf("%+v", e)
			case e.Name == proto.ClientJoined && v.members.has(e.ID):
				t.Fatalf("%+v", e)
			}
			joins = joins || e.Name == proto.ClientJoined
			v.apply(&e)
		}
		if v.seq != seq && v.seq != start {
			t.Fatalf("it ends at %d, the roster is at %d", v.seq, seq)
		}
		got, want := v.members.list(), slices.Clone(roster)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("it leads to %v, the roster is %v", got, want)
		}
	})
}

func TestMembersAreListedInJoinOrder(t *testing.T) {
	t.Parallel()
	m := membersOf([]proto.ClientID{"c", "a", "b"})
	m.remove("a")
	m.add("d")
	m.add("a")
	if got := m.list(); !slices.Equal(got, []proto.ClientID{"c", "b", "d", "a"}) {
		t.Errorf("the list is %v", got)
	}
}
