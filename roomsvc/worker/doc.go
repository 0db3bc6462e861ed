// Package worker decides what a replica of the room service does with its rooms. It is stepped: something happened, and a
// method of [Worker] says so; what follows goes out through [Store], [Wire] and [Peers] before the method returns. It has no
// goroutine, no lock, no clock and no NATS, and the same steps have the same effects each time, so that a simulation can
// repeat them. Around it, roomsvc has a goroutine and a mailbox for each worker.
//
// A request's way:
//
//	Take ─▶ decide on memory ─┬─ a change ──▶ append ──▶ Answer ──▶ commit: memory, tell, reply
//	                          ├─ a signal between members ──▶ forward to the target's gateway; to a session: reply push-it
//	                          └─ anything else ──▶ read the leader ──▶ Answer ──▶ decide on that ──▶ reply
//
// Both kinds of question to the stream's leader, appends and reads, are an [inquiry]: asked again when no answer comes, and
// forgotten when none is needed any more. What a refused append comes to stands in settle.go, one name for each case.
package worker
