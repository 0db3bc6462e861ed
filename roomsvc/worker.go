package roomsvc

import (
	"context"
	"sync"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/journal"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// tickEvery is how often a worker looks for what was not answered in time.
const tickEvery = 50 * time.Millisecond

// worker owns a share of the rooms: its goroutine is the only one that changes them. Others read what is committed
// under mu, which signals and lists do.
type worker struct {
	// Set by newWorker.
	s     *Service
	rules room.Rules
	// box holds what the worker has to do. Requests are turned away when it is full; what the journal brings waits.
	box chan mail

	mu    sync.RWMutex // guards rooms, and state and targets of each entry; only run takes it for writing
	rooms map[proto.Token]*entry
	// byGateway holds the rooms in which a gateway has members.
	byGateway map[proto.GatewayID]map[*entry]struct{}

	// Owned by run.
	active   map[*ask]struct{}        // asks that are not answered yet
	byID     map[proto.RequestID]*ask // those of them that another attempt can join
	removing int                      // active asks that remove members of gone gateways
	more     bool                     // there may be more members to remove than were allowed at a time
	reads    int                      // reads of asks that the leader has not answered
	backlog  []*ask                   // asks that wait until there are fewer
	brought  uint64                   // the highest sequence that the feed has brought
	anew     bool                     // everything is read again, after a reset: what was told before is not told again
	past     past
	untold   map[change]*untold  // committed changes that the leader was not seen to have
	looking  int                 // so many of them are read
	decoder  proto.RecordDecoder // of what the feed brings
}

// entry is a room in memory.
type entry struct {
	token    proto.Token
	state    *room.State                        // as committed; nil when the journal is not known to have a record
	targets  map[proto.ClientID]proto.GatewayID // the members of a large room; nil in a small one
	gateways []proto.GatewayID                  // those that have members

	op    *operation // the append under way
	queue []*ask     // requests that wait for it
	fed   bool       // the feed has brought the closing
}

// mail is one thing for a worker to do. One of ask, op, call and token is set.
type mail struct {
	ask    *ask       // admit it, or, with id set, what came of its read
	op     *operation // what came of its append or of the read that settles it
	id     uint64
	result journal.Result
	call   func(*worker)

	token proto.Token // a record from the feed
	seq   uint64
	data  []byte
	at    time.Time
}

func newWorker(s *Service) *worker {
	return &worker{
		s:         s,
		rules:     room.Rules{Replica: s.id, MaxMembers: s.cfg.MaxMembers},
		box:       make(chan mail, mailboxSize),
		rooms:     make(map[proto.Token]*entry),
		byGateway: make(map[proto.GatewayID]map[*entry]struct{}),
		active:    make(map[*ask]struct{}),
		byID:      make(map[proto.RequestID]*ask),
		untold:    make(map[change]*untold),
	}
}

// run works until ctx ends.
func (w *worker) run(ctx context.Context) error {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-w.box:
			w.handle(&m)
			if w.more && w.removing <= removals/2 {
				w.sweep()
			}
		case <-tick.C:
			w.tick(time.Now()) // the tick's own time is that of before when the process has slept
		}
	}
}

func (w *worker) handle(m *mail) {
	defer w.s.contain("worker")
	switch {
	case m.call != nil:
		m.call(w)
	case m.op != nil:
		w.onOperation(m.op, m.id, m.result)
	case m.ask != nil && m.id != 0:
		w.onRead(m.ask, m.id, m.result)
	case m.ask != nil:
		w.admit(m.ask)
	default:
		w.feed(m.token, m.seq, m.data, m.at)
	}
}

// postAsk gives the worker a request, unless it has too much to do.
func (w *worker) postAsk(a *ask) bool {
	select {
	case w.box <- mail{ask: a}:
		return true
	default:
		return false
	}
}

// post gives the worker something that must not be lost, and waits for room in its box.
func (w *worker) post(m mail) {
	select {
	case w.box <- m:
	case <-w.s.done:
	}
}

// entry returns the room's entry, making one when there is none.
func (w *worker) entry(token proto.Token) *entry {
	e := w.rooms[token]
	if e == nil {
		e = &entry{token: token}
		w.mu.Lock()
		w.rooms[token] = e
		w.mu.Unlock()
	}
	return e
}

// tidy forgets a room that the journal has nothing of, or that was closed and whose closing the feed has brought.
func (w *worker) tidy(e *entry) {
	if e.op != nil || len(e.queue) > 0 {
		return
	}
	if e.state != nil && !(e.state.Record.Closed && (e.fed || e.state.Seq <= w.brought)) {
		return
	}
	w.mu.Lock()
	if w.rooms[e.token] == e {
		delete(w.rooms, e.token)
	}
	w.mu.Unlock()
}
