package worker

import (
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/memory"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// Config is how a worker is set up. All of it is required but MaxMembers and Large.
type Config struct {
	Self       proto.ReplicaID
	MaxMembers int           // of a room; 0 or less: no limit
	Large      int           // members from which a room's are kept encoded too; 0: [room.Large]
	Retell     time.Duration // how old a change may be to be told again
	Unanswered time.Duration // after which an append or a read is made again

	Store Store
	Peers Peers
	Wire  Wire
	Meter Meter
	// Passwords may be nil: then no room's password is the right one.
	Passwords Passwords
}

// Worker owns a share of the rooms. One goroutine at a time may call its methods, each of which is a step: it says what has
// happened, and when, and returns when everything that follows is done or sent. Times must not go back.
//
// Its unexported methods are the ways from one step to the next: an ask is stepped on memory, then on a read, then behind
// another's append. They stand together because each may lead to any other; what has a life of its own is a type of its own
// (Ask, operation, inquiry, teller, removals).
type Worker struct {
	Config
	now   time.Time // of this step
	rules room.Rules
	rooms *memory.Rooms // as committed
	busy  map[proto.Token]*busy
	asks  asks
	tells teller
	gone  removals
	// knocks are who waits before rooms; leftover, since when rooms have clients of banned users.
	knocks   knocks
	leftover map[proto.Token]time.Time

	brought uint64              // the highest sequence that the feed has brought
	anew    bool                // everything is read again, after a reset: what was told before is not told again
	decoder proto.RecordDecoder // of what the feed brings

	reading bool // the step is in code that changes nothing: rules, decoders, encoders
	stalled bool // a defect was contained: requests may wait for an append that is not under way
}

// busy is a room with an append under way, or with requests that waited for one.
type busy struct {
	token proto.Token
	op    *operation
	queue []*Ask // at most roomQueue
	// outdated is where the feed has brought a record of an unknown form during an append.
	outdated uint64
}

// New returns a worker whose committed rooms others may read in rooms.
func New(c Config, rooms *memory.Rooms) *Worker {
	if c.Large == 0 {
		c.Large = room.Large
	}
	w := &Worker{
		Config: c,
		rules:  room.Rules{Replica: c.Self, MaxMembers: c.MaxMembers, Form: c.Peers.Form},
		rooms:  rooms,
		busy:   make(map[proto.Token]*busy),

		knocks: make(knocks), leftover: make(map[proto.Token]time.Time),
	}
	w.rules.Gone = func(g proto.GatewayID) bool { _, gone := c.Peers.Gone(g); return gone }
	w.asks.byID = make(map[proto.RequestID]*Ask)
	w.gone.pending = make(map[proto.GatewayID]pending)
	w.tells.w, w.tells.untold = w, make(map[change]*untold)
	return w
}

// at begins a step.
func (w *Worker) at(now time.Time) {
	w.now, w.reading = now, false
}

// Take takes a request.
func (w *Worker) Take(now time.Time, a *Ask) {
	w.at(now)
	w.admit(a)
	w.gone.goOn(w)
}

// Answer takes the leader's answer to a question. One that nobody waits for any more changes nothing.
func (w *Worker) Answer(now time.Time, q Question, id uint64, r Result) {
	w.at(now)
	q.answered(w, id, r)
	w.gone.goOn(w)
}

// TellAgain tells again what a replica changed since a time. Whoever has heard it drops it by its sequence. Another's changes
// are told by the replica that now ranks first for the room.
func (w *Worker) TellAgain(now time.Time, replica proto.ReplicaID, since time.Time) {
	w.at(now)
	w.tells.retell(replica, since)
}

// Forget forgets the changes that were told before a time.
func (w *Worker) Forget(now, before time.Time) {
	w.at(now)
	w.tells.past.forget(before)
}

// Sweep removes the members of gateways that are gone, in the rooms that this replica ranks first for; or, with remove
// false, begins to remove no more of them.
func (w *Worker) Sweep(now time.Time, remove bool) {
	w.at(now)
	w.gone.more = false
	if remove {
		w.removeBanned()
		w.gone.sweep(w)
	}
}

// Unharmed reports, after a step that panicked, whether the worker may go on: whether the defect was in code that only reads
// (rules, decoders, encoders), so that nothing is half changed. The request of that step is given up after its time.
func (w *Worker) Unharmed() bool {
	w.stalled = w.stalled || w.reading
	return w.reading
}
