package rooms

import "github.com/parley-rtc/parley/proto"

// Config bounds a core. Times are in nanoseconds.
type Config struct {
	Self       proto.GatewayID // the gateway's own
	Missed     int64           // a room that no check has named for this long is compared with its roster
	Remember   int64           // how long an ended client with an open question is remembered
	Repeats    int64           // how long after a client left a room a signal of that time may still be asked again
	Many       int             // members of a room, on whatever gateway, from which on its events are told lazily
	MaxRosters int             // rosters under way at once, so that a reconnection does not become a storm
	MaxKept    int             // bytes kept for all rooms: those of their events and signals, and 512 for each
	MaxKeptOne int             // the same for one room
}

// Core is what a gateway knows of its rooms and clients. One goroutine owns it.
//
// Its methods are one for each thing that happens and one for each thing that follows from it, one file for each noun: they stand
// together because each may lead to any other (an answer to a roster, a roster to a removal), and all end in the same list.
type Core struct {
	cfg     Config
	now     int64
	clients map[proto.ClientID]*Client
	rooms   map[proto.Room]*room
	order   []*room // the same, in an order that a run repeats

	rosters map[uint64]roster // under way, by number
	num     uint64            // of the last one
	queue   []*room           // rooms that wait for their turn to ask

	remembered []*Client // ended with a question open, the first to be forgotten first

	// Of resumable sessions: what a pulse or a tick walks.
	hints     []*Client     // away, and the others have not been told; the first is told first
	unpinged  []*Client     // with signals that no ping covers; the first is pinged first
	asking    []*membership // from resumed to live
	unresumed []*Client     // with a resume in doubt
	deferred  []*pushed     // for the next step

	keptBytes int
	dropped   uint64

	outs   []Out
	to     []*Client // the memory of Out.To
	signal kept      // the one of this step
	steps  uint64
	push   pushed     // the one of this step
	said   proto.Peer // the answer to it,
	saidIn uint64     // in use since this step
}

// New returns a core without rooms.
func New(cfg Config) *Core {
	return &Core{
		cfg: cfg, clients: make(map[proto.ClientID]*Client), rooms: make(map[proto.Room]*room),
		rosters: make(map[uint64]roster),
	}
}

// Rooms returns in how many rooms clients are, or are about to be.
func (c *Core) Rooms() int { return len(c.order) }

// Step takes one thing that has happened and returns what is to be done about it, in order. The result is valid until the
// next Step.
func (c *Core) Step(in *In) []Out {
	clear(c.outs)
	clear(c.to)
	c.outs, c.to, c.now = c.outs[:0], c.to[:0], in.Now
	c.steps++
	if len(c.deferred) > 0 && in.Kind != PushRefused && in.Kind != Refused {
		c.retake()
	}
	switch in.Kind {
	case Open:
		c.open(in.Client)
	case Begin:
		c.begin(in.Client, &in.Ask)
	case Answer:
		c.answer(in)
	case GiveUp:
		c.giveUp(in.Client, in.Ask.Num)
	case Ended:
		c.ended(in.Client)
	case Departed:
		c.departed(in.Client, in.Settled)
	case Event:
		c.event(in)
	case Signal:
		c.signal = kept{e: *in.Event, payload: in.Payload, reply: in.Reply, to: in.To}
		c.deliver(&c.signal)
	case Check:
		c.check(in.Check)
	case Roster:
		c.rosterCame(in.Num, in.Event, in.Stays)
	case NoRoster:
		c.noRoster(in.Num)
	case Refused:
		c.refused(in.Client, in.Event)
	case Notice:
		if cl := c.clients[in.To]; cl != nil {
			c.tellOne(cl, in.Event, in.Payload)
		}
	case Dismissed:
		c.dismissed(in.Client, &in.Ask)
	case Fenced:
		c.overtaken(in.Client, in.Ask.Room)
	case CompareAll:
		for _, r := range c.order {
			c.askRoster(r, in.Why)
		}
	case Tick:
		c.tick()
	default:
		c.stepSession(in)
	}
	if c.dropped > 0 {
		c.emit(Out{Kind: Dropped, Num: c.dropped})
		c.dropped = 0
	}
	return c.outs
}

// stepSession takes what happens to resumable sessions alone.
func (c *Core) stepSession(in *In) {
	switch in.Kind {
	case Away:
		c.wentAway(in.Client)
	case Push:
		c.pushCame(in.Push)
	case PushRefused:
		c.pushRefused(in.Client, in.Event)
	case Told:
		c.told(in.Say)
	case Hint:
		c.hinted(in.Say)
	case Elsewhere:
		c.meetBack(in.Say.Room, in.Say.ID, in.Say.Turn, &place{gateway: in.Say.From})
	case Pong:
		c.pong(in.Client, in.Num)
	case CompareRoom:
		c.compareRoom(in.Say.Room)
	case Pulse:
		c.hintAway()
		c.pulseAsking()
		c.pulsePings()
	default:
	}
}

// tick does what is due each second.
func (c *Core) tick() {
	for _, r := range c.order {
		switch {
		case len(r.local) > 0 && c.now-r.named > c.cfg.Missed:
			r.named = c.now
			c.askRoster(r, Unchecked)
		case r.sync == unanswered:
			c.askOrQueue(r)
		}
	}
	c.leaveUnresumed()
	for len(c.remembered) > 0 && c.now-c.remembered[0].endedAt > c.cfg.Remember {
		cl := c.remembered[0]
		c.remembered = c.remembered[1:]
		if cl.session != nil && len(cl.session.unresumed) > 0 {
			cl.endedAt = c.now
			c.remembered = append(c.remembered, cl)
			continue
		}
		c.forget(cl)
	}
}
