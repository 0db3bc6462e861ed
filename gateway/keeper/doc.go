// Package keeper keeps the signals of a gateway's clients to members whose sessions are resumable, until the end of each target's
// connection has confirmed them. It is pure, like gateway/rooms: no goroutine, lock, clock, NATS, log or metric. One goroutine owns
// a [Keeper] and steps it: in goes one thing that has happened ([In]), out comes, in order, what is to be done about it ([Out]). The
// receiving end is in gateway/rooms, of whatever gateway the target is on: a keeper pushes to it and is answered.
//
// # The states of a pair
//
// A pair is one sender and one target in one room. Its signals stand in one queue:
//
//	confirmed (dropped) │ taken by the target's present turn │ not taken
//	                    └── head                     taken ──┘ next ... tail
//
// A turn of the target that is new takes from the beginning: all that is kept is not taken then. What the pair waits for is its state:
//
//	            a signal, or all are due again
//	resting ──────────────────────────────────▶ pushed ──┬─ gap: goes back, and pushes again
//	   ▲                                         ▲  │    ├─ waits ──▶ waiting
//	   │        taken, and there is no more      │  │    ├─ full ───▶ full
//	   └─────────────────────────────────────────│──┤    ├─ away ───▶ away
//	                                             │  │    └─ moved, none ▶ astray: the room is compared
//	     taken, and there is more;               │  │                       │
//	     a second of silence: the oldest only    └──┴───────────────────────┘
//	                                               a second; of away: the target's next turn, or five seconds
//
// A confirmation may be lost. So what has been taken and is not confirmed for ten seconds is asked after by pushing the oldest once more: who
// has confirmed it says so again.
//
// One push of a pair is under way at a time. A signal's request ends with the first of these: its target has taken it (sent); it is known
// to be away, or half a second has passed, or one before it is held (held); it cannot be kept (unavailable); the target has left (not
// found). One that is held with a ref is told of once more in the end.
//
// # Being sure
//
// A target that comes back asks ([Asked]) and hears for each pair the last signal that is kept, and the number above which everything was
// kept: sure. It misses nothing if it has heard as much. sure is 0 until something is confirmed (and so kept no more), goes unkept (there
// was no room for it), or may have been lost with the gateway that the sender was on before.
//
// # The states of a sender
//
//	            joined, or came back fresh
//	(nothing) ───────────────────────────────────▶ present ──────┐ goes on elsewhere: a copy is handed over
//	    │ came back; or somebody                    ▲  ▲ │       ▼
//	    │ hands over, unasked                       │  │ │     gone ──▶ (nothing), a minute later
//	    └────────────▶ waiting ─────────────────────┘  │ │       │
//	                   │  ▲   the copy has come, or    │ │ left  │ came back
//	                   │  │   a second has passed      │ ▼       │
//	                   │  └────────────────────────────│─────────┘
//	                   └─ goes on elsewhere: passes on what has come, and whom to ask
//
// Who waits asks the gateway that the record named before, and every gateway that one of the answers names. The copy of the latest turn
// counts. Example: ann is on G1. She comes back to G2, and goes on to G3 before G2 is told. G3 asks G2, which has nothing. G1 hears of
// G2 and hands over to it, unasked; G2 is gone already and ignores that. G1 hears of G3 and hands over to it: G3 has all.
package keeper
