package proto

import (
	"cmp"
	"slices"
)

// Score returns how high a replica ranks for a room: MurmurHash3's 64-bit finaliser over FNV-1a 64 of the replica's id,
// ".", and the room's token (rendezvous hashing: a replica that comes or goes moves only its own share).
func Score(replica ReplicaID, room Token) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for i := range len(replica) {
		h = (h ^ uint64(replica[i])) * prime
	}
	h = (h ^ '.') * prime
	for i := range len(room) {
		h = (h ^ uint64(room[i])) * prime
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return h
}

// First returns the replica that ranks first for a room, the smaller id on a tie, or "" when there is none.
func First(replicas []ReplicaID, room Token) ReplicaID {
	var best ReplicaID
	var top uint64
	for _, id := range replicas {
		score := Score(id, room)
		if best == "" || score > top || score == top && id < best {
			best, top = id, score
		}
	}
	return best
}

// Rank returns the replicas in the order in which a room's requests are offered to them.
func Rank(replicas []ReplicaID, room Token) []ReplicaID {
	ranked := slices.Clone(replicas)
	slices.SortFunc(ranked, func(a, b ReplicaID) int {
		return cmp.Or(cmp.Compare(Score(b, room), Score(a, room)), cmp.Compare(a, b))
	})
	return ranked
}
