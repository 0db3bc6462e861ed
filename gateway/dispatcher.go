package gateway

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/bus"
	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/keeper"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/proto"
)

// dispatcher takes everything that NATS brings for this gateway in order, on one goroutine. It feeds the core, which says
// what is to be done (feed.go), and does that (carryout.go). It appends references to queues; it does no I/O.
//
// It has a method for each thing that comes in and for each that goes out, and the fields that these share: they are the two
// sides of one core, and nothing else happens here. A defect in it ends the gateway, since the core may be half changed.
type dispatcher struct {
	// Set by newDispatcher.
	g        *Gateway
	began    time.Time
	acks     *acks
	decode   func([]byte) (proto.Event, error)
	messages chan *nats.Msg // filled by NATS; when it is full NATS drops, and rosters mend what was missed

	// Owned by run.
	core      *rooms.Core
	in        rooms.In
	sessions  map[uint64]*session.Session
	own       ownAsks
	keeper    *keeper.Keeper
	loop      loop
	absent    absent
	peers     resumables
	lazy      lazily
	knocks    map[knockAt]*knocking
	answered  bool          // something was, since the last tick or request that was not
	departed  int           // sessions that have left everything and are remembered
	whenEmpty chan struct{} // closed, if made, when every session has departed
	refused   []refused     // signals of this step that a queue did not take

	inRooms atomic.Uint64 // rooms at the last tick, for beats
	isAway  atomic.Uint64 // sessions that are kept, the same

	commands *bus.Queue[command] // not bounded, but each poster has only few under way
}

// command is what another goroutine asks of the dispatcher; one group of fields is set.
type command struct {
	session  *session.Session
	register bool                          // a new session
	begin    *ask.Ask                      // a create, join or leave of session is about to be sent
	giveUp   *ask.Ask                      // time is up for this ask of session, or of the gateway's own
	ended    bool                          // the session is about to leave its rooms
	departed *session.Session              // and everything has been left,
	settled  bool                          // with answers to everything that it ever asked
	ponged   *session.Session              // whose client's end has answered the ping with
	count    uint64                        // this count
	empty    chan struct{}                 // to be closed once every session has departed
	away     *session.Session              // whose connection has ended, and which is kept
	putOff   *session.Session              // whose leaves are to be made again later
	kept     *session.Kept                 // a signal of session is to be kept
	loop     bool                          // what waits in the loop is to be handled
	flush    bool                          // what was told lazily is to be written
	outcast  func(s *session.Session) bool // sessions that are kept and for which it is so are over
	renewed  *session.Session              // it has another token
	revoked  bool                          // it is to be asked which tokens count no more
	compare  rooms.Reason                  // every room is to be compared with its roster
}

// queueOfNATS is how many messages may wait for the dispatcher: a tenth of a second at full load.
const queueOfNATS = 16 << 10

// Bounds of what the core keeps and has under way.
const (
	maxRosters  = 32
	maxKept     = 64 << 20
	maxKeptRoom = 8 << 20
	manyMembers = 50 // of a room, from which on its events are written a moment later
)

func newDispatcher(g *Gateway) *dispatcher {
	d := &dispatcher{
		g:        g,
		acks:     newAcks(g),
		decode:   proto.DecodeEvent,
		began:    time.Now(),
		messages: make(chan *nats.Msg, queueOfNATS),
		sessions: make(map[uint64]*session.Session),
		absent:   absent{by: make(map[uint64]*absence)},
		peers:    resumables{by: make(map[proto.Room]*resumable)},
		knocks:   make(map[knockAt]*knocking),
		commands: bus.NewQueue[command](),
	}
	d.own = ownAsks{d: d, by: make(map[uint64]*ownAsk)}
	d.lazy.flush = func() { d.post(command{flush: true}) }
	return d
}

// post hands a command to the dispatcher. It does not block. What is posted before a request is published is handled
// before anything that the request brings.
func (d *dispatcher) post(c command) { d.commands.Put(c) }

// Begin implements [session.Dispatcher].
func (d *dispatcher) Begin(s *session.Session, a *ask.Ask) { d.post(command{begin: a, session: s}) }

// GiveUp implements [session.Dispatcher].
func (d *dispatcher) GiveUp(s *session.Session, a *ask.Ask) { d.post(command{giveUp: a, session: s}) }

// Ended implements [session.Dispatcher].
func (d *dispatcher) Ended(s *session.Session) { d.post(command{ended: true, session: s}) }

// Departed implements [session.Dispatcher].
func (d *dispatcher) Departed(s *session.Session, settled bool) {
	d.post(command{departed: s, settled: settled})
}

// Away implements [session.Dispatcher].
func (d *dispatcher) Away(s *session.Session) { d.post(command{away: s}) }

// Renewed implements [session.Dispatcher].
func (d *dispatcher) Renewed(s *session.Session) { d.post(command{renewed: s}) }

// PutOff implements [session.Dispatcher].
func (d *dispatcher) PutOff(s *session.Session) { d.post(command{putOff: s}) }

// Keep implements [session.Dispatcher].
func (d *dispatcher) Keep(s *session.Session, k *session.Kept) { d.post(command{kept: k, session: s}) }

// Pong implements [session.Dispatcher].
func (d *dispatcher) Pong(s *session.Session, count uint64) { d.post(command{ponged: s, count: count}) }

// run dispatches until the context ends.
func (d *dispatcher) run(ctx context.Context) error {
	d.core = rooms.New(rooms.Config{
		Self: d.g.id, Missed: int64(d.g.timing.Missed), Remember: int64(d.g.timing.Gone), Repeats: int64(2 * d.g.timing.Signal),
		Many: manyMembers, MaxRosters: maxRosters, MaxKept: maxKept, MaxKeptOne: maxKeptRoom,
	})
	d.keeper = d.g.newKeeper()
	tick, pulse := time.NewTicker(d.g.timing.Tick), time.NewTicker(d.g.timing.Pulse)
	defer tick.Stop()
	defer pulse.Stop()
	for {
		select {
		case m := <-d.messages:
			d.runCommands() // what was posted before the message came about
			d.message(m)
		case <-d.commands.Bell():
			d.runCommands()
		case now := <-tick.C:
			d.tick(now)
		case <-pulse.C:
			d.keep(&keeper.In{Kind: keeper.Pulse})
			d.step(&rooms.In{Kind: rooms.Pulse})
		case <-ctx.Done():
			return nil
		}
		d.runLoop()
	}
}

// runCommands handles the commands posted so far.
func (d *dispatcher) runCommands() {
	commands := d.commands.Take(nil)
	for i := range commands {
		d.command(&commands[i])
		d.runLoop()
	}
}

func (d *dispatcher) command(c *command) {
	switch {
	case c.register:
		d.sessions[c.session.Num] = c.session
		d.step(&rooms.In{Kind: rooms.Open, Client: &c.session.Client})
	case c.begin != nil:
		d.step(&rooms.In{Kind: rooms.Begin, Client: &c.session.Client, Ask: c.begin.Ask})
	case c.giveUp != nil:
		d.giveUp(c.session, c.giveUp)
	case c.ended:
		d.step(&rooms.In{Kind: rooms.Ended, Client: &c.session.Client})
		d.unheard(c.session)
		d.knocksEnd(c.session)
	case c.departed != nil:
		d.g.trust.users.lostAll(c.departed)
		d.peers.leaveAll(c.departed)
		d.present(c.departed)
		d.g.over(c.departed)
		d.departed++
		d.step(&rooms.In{Kind: rooms.Departed, Client: &c.departed.Client, Settled: c.settled})
		d.checkEmpty()
	case c.away != nil:
		d.away(c.away)
	case c.putOff != nil:
		d.putOff(c.putOff)
	case c.kept != nil:
		d.hold(c.session, c.kept)
	case c.ponged != nil:
		d.ponged(c.ponged, c.count)
	case c.loop:
		d.loop.posted = false
	case c.outcast != nil:
		d.outcast(c.outcast)
	case c.renewed != nil:
		d.knockAnew(c.renewed)
	case c.revoked:
		d.own.askRevoked()
	case c.flush:
		d.lazy.write()
	case c.empty != nil:
		d.whenEmpty = c.empty
		d.checkEmpty()
	case c.compare != "":
		d.step(&rooms.In{Kind: rooms.CompareAll, Why: c.compare})
	}
}

// tick does what is due each second.
func (d *dispatcher) tick(now time.Time) {
	d.g.ranking.Tick(now)
	d.noteAnswers(now)
	d.step(&rooms.In{Kind: rooms.Tick})
	d.expire(now)
	d.knockAgain(now)
	d.peers.sweep()
	d.noteKept()
	n := d.core.Rooms()
	d.g.metrics.rooms.Set(float64(n))
	d.inRooms.Store(uint64(n)) // not negative
}

// noteAnswers notes for Ready that requests are answered.
func (d *dispatcher) noteAnswers(now time.Time) {
	if d.answered {
		d.answered = false
		d.g.answers.last.Store(now.UnixMilli())
	}
}

// noteOutcome notes for Ready whether a request was answered. One that was not, while others are, says nothing of the room
// service: its target's gateway may be gone.
func (d *dispatcher) noteOutcome(outcome rooms.Outcome) {
	if outcome != rooms.Unavailable {
		d.answered = true
		return
	}
	now := time.Now()
	if d.answered || now.UnixMilli()-d.g.answers.last.Load() < readyOthers.Milliseconds() {
		return
	}
	d.g.answers.gaveUp.Store(now.UnixMilli())
}

// checkEmpty lets the drain go on when every session has left its rooms.
func (d *dispatcher) checkEmpty() {
	if d.whenEmpty != nil && len(d.sessions) == d.departed {
		close(d.whenEmpty)
		d.whenEmpty = nil
	}
}
