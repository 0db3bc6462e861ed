// Package rooms is what a gateway knows of its rooms, as pure code: which of its clients are in which rooms, what each of
// them has been told, and what each is to be told next. It has no goroutine, lock, clock, NATS, log or metric. One
// goroutine owns a [Core] and steps it: in goes one thing that has happened ([In]), out comes, in order, what is to be
// done about it ([Out]). What the rules of rooms are is the room service's; this package keeps clients level with them.
//
// # The states of a client in a room
//
//	           answer               begin of its leave
//	(joining) ────────▶  present ──────────────────────▶ leaving
//	    │                 ▲ │  ▲    the leave fails         │
//	    │ refused         ┆ │  └────────────────────────────┤
//	    ▼                 ┆ │ an event, a roster or a leave │ answer: the client is told room-left
//	 (nothing)            ┆ │ of the gateway's own takes    ▼
//	                      ┆ │ the client out             (nothing)
//	                      ┆ ▼
//	                      ┆ taken ──▶ (nothing): the answer to its request tells it
//	                      ┆
//	                     away: the same without a connection, of a session that is kept
//
// A client whose create, join, enter or resume is under way is joining: what comes for the room meanwhile is kept for it alone. A member
// that is present or leaving hears what happens. One that is taken is out of the room and has not been told so yet. Who has
// no request under way in the room when it is taken out is told at once (room-left, kicked), and needs no such state. A client
// whose connection has ended is taken out of all its rooms, and told nothing; but when its session is kept it is away: it goes on being
// a member, is told nothing, and what is pushed to it is answered so.
//
// # Sessions
//
// A client that shows a key has several turns, one for each connection. Each is a [Client] of its own, and several may be here at once: the
// newest, and older ones that are away or whose connections are still believed to stand. A room has one of them.
//
//	turn 1 is present ── its connection ends ──▶ away ── the driver says when the time is over ──▶ it leaves
//	        │                                     │
//	        └───────────────┬─────────────────────┘
//	                        │ turn 2 resumes the room, here or at another gateway: an answer, an event, a roster
//	                        ▼ or another gateway says so
//	              (nothing): no leave is sent; an open connection of turn 1 is closed
//
// What is known of members whose sessions are resumable (their stays) came beside answers and events. It says which turn is in a room, and
// where; a later one counts at once, in whatever order things come.
//
// A resume in doubt is never met with a leave. The room is unresumed:
//
//	resume ── not answered in time ──▶ unresumed: away there ── answered when asked again ──▶ present
//	                                     │      ▲
//	                     the time is over│      │15 s without an answer
//	                                     ▼      │
//	                                   it is left ──▶ (nothing)
//
// # From resumed to live
//
//	resumed ──▶ asking ── each keeper has answered, and all that they have named is written; or 1.75 s are over ──▶ live
//
// Signals to a resumable client are kept by the gateways of their senders (package keeper), which push them. While a membership asks, it is
// given of a sender only what that sender's present keeper pushes, up to the number that it has named; the rest waits. Example: bob comes
// back and has heard ann's signals up to 3. ann's keeper names 5 and pushes 4, 5 and 6. bob hears 4 and 5, live, and 6. Had the keeper been
// sure only above 4, bob would have heard live first, which says that signals of ann's up to 4 may be lost, and then 5 and 6.
//
// What a live member was given is confirmed by the pong to a ping that was queued behind it.
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
