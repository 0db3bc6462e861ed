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
// no request under way in the room when it is taken out is told at once (room-left, kicked), and needs no such state.
//
// # The states of a room
//
//	        something was missed, or may have been      32 rosters are under way
//	level ──────────────────────────────────────▶ asked ◀──────────────▶ queued
//	  ▲                                            │  ▲
//	  │ the roster has come, or an answer that      │  │ the next tick
//	  └──────────── counts as one ─────────────────┤  │
//	                                 no roster      ▼  │
//	                                             unanswered
//
// A room that is level tells its members each event as it comes. In the other states what comes is kept; the roster is told
// as a difference, and then what was kept above it. Example: A and B are here at seq 4. An event with seq 7, prev 6 comes:
// it is kept and the roster asked for. The roster (seq 6) lacks A and has C. B hears client-left A (5), client-joined C (6),
// client-joined (7).
package rooms
