package porch

// How many descriptors are left to everything but clients: the journal's files, connections to NATS and from operators.
const (
	leastReserve = 64
	mostReserve  = 1024
)

// Reserve returns how many of a process's descriptors clients must leave: a quarter, at least 64 and at most 1,024, but
// never more than half.
func Reserve(descriptors int) int {
	return min(max(descriptors/4, leastReserve), mostReserve, descriptors/2)
}

// Share returns how many connections a listener beside the one for clients may have, at most most: a quarter of what clients
// leave, so that two such listeners still leave half of it to files.
func Share(most int) int {
	if limit := Descriptors(); limit > 0 {
		return max(1, min(most, Reserve(limit)/4))
	}
	return most
}

// Places returns how many connections of clients the process's limit on descriptors has room for; 0 where there is none.
func Places() int {
	limit := Descriptors()
	return limit - Reserve(limit)
}

// PlacesBeside is [Places] in a process in which others may have so many sockets open: they leave one place at least.
func PlacesBeside(sockets int) int {
	places := Places()
	if places <= 0 {
		return places
	}
	return max(1, places-sockets)
}
