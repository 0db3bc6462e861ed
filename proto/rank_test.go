package proto

import (
	"fmt"
	"slices"
	"testing"
)

const rankRooms = 10_000

// rankReplicas returns n ids as processes make them.
func rankReplicas(n int) []ReplicaID {
	all := []ReplicaID{
		"1b4e28ba-2fa1-4d3b-9c57-7f3c2a9d0e11", "6fa459ea-ee8a-4ca4-894e-db77e160355e",
		"16fd2706-8baf-433b-82eb-8c7fada847da", "886313e1-3b8a-4372-9b90-0c9aee199e5d",
		"2c1d43b8-e6f2-4a0e-9f2a-5d7c8b1a0f36",
	}
	return all[:n]
}

// firsts returns which replica ranks first for each room.
func firsts(replicas []ReplicaID) []ReplicaID {
	out := make([]ReplicaID, rankRooms)
	for i := range out {
		out[i] = First(replicas, Room(fmt.Sprintf("room-%d", i)).Token())
	}
	return out
}

func TestRoomsSpreadEvenlyOverReplicas(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 3, 5} {
		share := map[ReplicaID]int{}
		for _, id := range firsts(rankReplicas(n)) {
			share[id]++
		}
		for _, id := range rankReplicas(n) {
			want := float64(rankRooms) / float64(n)
			if got := float64(share[id]); got < want*0.95 || got > want*1.05 {
				t.Errorf("of %d replicas one has %.0f rooms, %.0f are its share", n, got, want)
			}
		}
	}
}

func TestAReplicaThatGoesMovesOnlyItsOwnRooms(t *testing.T) {
	t.Parallel()
	all := rankReplicas(5)
	before := firsts(all)
	for gone := range all {
		left := slices.Delete(slices.Clone(all), gone, gone+1)
		for i, now := range firsts(left) {
			if was := before[i]; was != now && was != all[gone] {
				t.Fatalf("room-%d moved from %s to %s when %s went", i, was, now, all[gone])
			}
			second := Rank(all, Room(fmt.Sprintf("room-%d", i)).Token())[1]
			if before[i] == all[gone] && now != second {
				t.Fatalf("room-%d went to %s, %s ranked second", i, now, second)
			}
		}
	}
}

func TestRankingHeedsNeitherOrderNorLosesAnyone(t *testing.T) {
	t.Parallel()
	all := rankReplicas(5)
	back := slices.Clone(all)
	slices.Reverse(back)
	for i := range 100 {
		token := Room(fmt.Sprintf("room-%d", i)).Token()
		ranked := Rank(all, token)
		if !slices.Equal(ranked, Rank(back, token)) || First(all, token) != ranked[0] || First(back, token) != ranked[0] {
			t.Fatalf("the ranking of room-%d depends on the order of the replicas", i)
		}
		slices.Sort(ranked)
		if !slices.Equal(ranked, slices.Sorted(slices.Values(all))) {
			t.Fatalf("room-%d is ranked by %v", i, ranked)
		}
	}
	if First(nil, "lobby") != "" {
		t.Error("somebody ranks first among none")
	}
}
