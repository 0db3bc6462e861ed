// Package rooms is what a gateway knows of its rooms, as pure code: which of its clients are in which rooms, what each of
// them has been told, and what each is to be told next. It has no goroutine, lock, clock, NATS, log or metric. One
// goroutine owns a [Core] and steps it: in goes one thing that has happened ([In]), out comes, in order, what is to be
// done about it ([Out]). What the rules of rooms are is the room service's; this package keeps clients level with them.
//
// # The states of a client in a room
//
//	           answer               begin of its leave
//	(joining) ────────▶  present ──────────────────────▶ leaving
//	    │                   │  ▲    the leave fails         │
//	    │ refused           │  └────────────────────────────┤
//	    ▼                   │ an event, a roster or a leave │ answer: the client is told room-left
//	 (nothing)              │ of the gateway's own takes    ▼
//	                        │ the client out             (nothing)
//	                        ▼
//	                      taken ──▶ (nothing): the answer to its request tells it
//
// A client whose create or join is under way is joining: what comes for the room meanwhile is kept for it alone. A member
// that is present or leaving hears what happens. One that is taken is out of the room and has not been told so yet. Who has
// no request under way in the room when it is taken out is told at once (room-left, kicked), and needs no such state. A client
// whose connection has ended is taken out of all its rooms, and told nothing.
//
// # The states of a room
//
//	level ── something was missed, or may have been ──▶ asked, or queued while 32 rosters are under way
//	  ▲                                                   │
//	  ├── the roster has come; or an answer that counts ──┤
//	  │   as one, or nobody is here any more              │
//	  │                                                   ▼
//	  └───────────────────────────────────────────── unanswered: asked again with the next tick
//
// A roster below what the room has reached is asked for once more.
//
// A room that is level tells its members each event as it comes. In the other states what comes is kept; the roster is told
// as a difference, and then what was kept above it. Example: A and B are here at seq 4. The event client-joined D (7, prev 6)
// comes: it is kept, and the roster asked for. The roster (7) lacks A and has C and D. A hears room-left. B hears client-left A
// (5), client-joined C (6), client-joined D (7). The kept event is dropped: it is not above 7.
//
// # Joining again
//
// A member may send join again, to see who is there. It then is present and joining at once. Example: bob is in at seq 4 and joins
// again. client-left bob (5) comes first: bob hears room-left. The answer (seq 4) comes after it and is out of date, which
// joining.removed remembers: bob hears unavailable, and asks once more.
package rooms
