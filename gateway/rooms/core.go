package rooms

import "github.com/parley-rtc/parley/proto"

// Config bounds a core. Times are in nanoseconds.
type Config struct {
	Missed     int64 // a room that no check has named for this long is compared with its roster
	Remember   int64 // how long an ended client with an open question is remembered
	Repeats    int64 // how long after a client left a room a signal of that time may still be asked again
	Many       int   // members of a room, on whatever gateway, from which on its events are told lazily
	MaxRosters int   // rosters under way at once, so that a reconnection does not become a storm
	MaxKept    int   // bytes kept for all rooms: those of their events and signals, and 512 for each
	MaxKeptOne int   // the same for one room
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
	keptBytes  int
	dropped    uint64

	outs   []Out
	to     []*Client // the memory of Out.To
	signal kept      // the one of this step
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
	switch in.Kind {
	case Open:
		c.clients[in.Client.ID] = in.Client
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
		c.event(in.Event, in.Payload)
	case Signal:
		c.signal = kept{e: *in.Event, payload: in.Payload, reply: in.Reply, to: in.To}
		c.deliver(&c.signal)
	case Check:
		c.check(in.Check)
	case Roster:
		c.rosterCame(in.Num, in.Event)
	case NoRoster:
		c.noRoster(in.Num)
	case Refused:
		c.refused(in.Client, in.Event)
	case CompareAll:
		for _, r := range c.order {
			c.askRoster(r, in.Why)
		}
	case Tick:
		c.tick()
	}
	if c.dropped > 0 {
		c.emit(Out{Kind: Dropped, Num: c.dropped})
		c.dropped = 0
	}
	return c.outs
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
	for len(c.remembered) > 0 && c.now-c.remembered[0].endedAt > c.cfg.Remember {
		cl := c.remembered[0]
		c.remembered = c.remembered[1:]
		c.forget(cl)
	}
}
