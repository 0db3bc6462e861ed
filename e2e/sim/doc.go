// Package sim runs gateways and replicas of the room service in one goroutine, in a world that it makes up: several
// gateways' cores (gateway/rooms) and their clients' orders of requests (gateway/turns), several replicas' workers
// (roomsvc/worker), a stream with its leader and copies, and a NATS between them that delays, loses and repeats. Faults and
// clients act at random. A seed repeats a run exactly: time is a number, and nothing else is random.
//
// Some clients have sessions that outlive their connections (page.go, cable.go): their gateways have keepers (gateway/keeper) beside
// their cores. Connections end in many ways, pages come back at once, late or never, through any gateway, and what was lost is named.
//
// Owners and moderators remove members, ban users, lock rooms and hand them over (moderate.go), some clients have tokens (users.go), and
// who is kept out knocks.
//
// What must never happen is judged with each event that a client hears (hear.go, shown.go, answers.go, rights.go, signals.go, resumed.go) and
// each change of a room (returns.go, orders.go). What must hold in the end is
// judged when the faults have stopped and the checks between services have run (settle.go).
//
//	PARLEY_SIM_SEED=17 go test ./sim -run TestRuns   one run, with its trace (-v: also if it holds)
//	... -run TestRunsWithSessions                    the same, of those with sessions; or TestRunsWithModeration
//	PARLEY_SIM_RUNS=5000 go test ./sim -run TestRuns so many runs, from seeds of their own
//
// What is made up here and not taken from the services: how a gateway makes attempts (attempt.go, after gateway/ask), what it does
// for sessions and moderators (session.go, keeping.go, inquiry.go, after gateway and gateway/session), who looks at passwords
// (passwords.go, after roomsvc), who
// is alive (peers.go, after roomsvc/replicas), until when a leader is believed (store.go, after roomsvc/journal), and the
// stream (stream.go, after what nats-server does).
package sim
