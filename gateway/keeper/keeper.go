package keeper

import "github.com/parley-rtc/parley/proto"

// Config bounds a keeper. 0 or less of a bound is none.
type Config struct {
	Self         proto.GatewayID
	MaxPair      int // signals of a pair; the contract's 1,024
	MaxPairBytes int // bytes of a pair; 256 KiB
	MaxSender    int // bytes of a sender, over all its pairs; 1 MiB
	MaxAddress   int // bytes of all senders of an address; an eighth of MaxKept
	MaxKept      int // bytes in all; 64 MiB
}

// How long things wait, in nanoseconds. Those of the contract are proto's.
const (
	second      = 1_000_000_000
	againAfter  = second      // a push that is not answered, or that found no room, is made again
	soonAfter   = second / 4  // the same, while a target waits for live
	silentAfter = 10 * second // a gateway that does not answer for so long may be gone: the target's room is compared
	laterAfter  = 5 * second  // a target that is away is tried again, should it have come back unnoticed
	sureAfter   = 10 * second // what is taken and not confirmed for so long is asked after: the word of it may have been lost
	askingEvery = second / 4  // between two questions to the gateway before
	copyEvery   = second / 2  // between two postings of what is handed over, until it has arrived
	copyPosts   = 6           // so often, at most
	pushSignals = 64          // of a push, at most
	pushBytes   = 256 << 10   // of a push and of a page, at most, but one signal or one pair is always in it
	recentMost  = 64          // numbers that a pair remembers
	idleSignals = 4096        // signals' memory that is kept for the next ones
	giveUpAfter = 6 * second  // a gateway before that has not answered is asked no more
)

// Keeper is what a gateway keeps for others' clients. One goroutine owns it.
//
// Its methods are one for each thing that happens and one for each thing that follows from it, one file for each job.
type Keeper struct {
	cfg Config
	now int64

	clients   map[proto.ClientID]*client
	senders   map[memberKey]*sender
	targets   map[memberKey]*target
	pairs     map[pairKey]*pair
	addresses map[string]*address

	signals, bytes int // that are kept
	copied         int // bytes of copies of what was handed over
	idle           *signal
	idles          int

	astray  []*target // whose rooms are being compared
	unasked []*sender // that were handed over unasked, and are not known to be here: they may have left since

	// What is due, by how long it waits.
	unanswered timeline[signal] // said to be held when it rings
	again      timeline[pair]   // pushed again
	soon       timeline[pair]   // pushed again, where the target is not live yet
	later      timeline[pair]   // away targets, tried again
	taken      timeline[pair]   // nothing is to be pushed, and not everything is confirmed
	asking     timeline[sender] // the gateway before is asked again
	askingLate timeline[sender] // the same, where nobody waits for it any more
	moved      timeline[sender] // forgotten
	copies     timeline[sender] // copies that have not arrived are posted again, and dropped in the end

	outs   []Out
	pushes []proto.Push // the memory of Out.Push, and of its signals
	values []jsonValue
	says   []proto.Peer // the memory of Out.Say
}

// memberKey names a member of a room.
type memberKey struct {
	room proto.Room
	id   proto.ClientID
}

// New returns an empty keeper.
func New(cfg Config) *Keeper {
	k := &Keeper{
		cfg: cfg, clients: make(map[proto.ClientID]*client), senders: make(map[memberKey]*sender),
		targets: make(map[memberKey]*target), pairs: make(map[pairKey]*pair), addresses: make(map[string]*address),
	}
	k.unanswered.wait, k.again.wait, k.later.wait = int64(proto.HeldAfter), againAfter, laterAfter
	k.soon.wait, k.askingLate.wait = soonAfter, second
	k.taken.wait = sureAfter
	k.asking.wait, k.moved.wait, k.copies.wait = askingEvery, int64(proto.MovedFor), copyEvery
	return k
}

// Step takes one thing that has happened and returns what is to be done about it, in order. The result is valid until the next
// Step.
func (k *Keeper) Step(in *In) []Out {
	clear(k.outs)
	clear(k.pushes)
	clear(k.values)
	clear(k.says)
	k.outs, k.pushes, k.values, k.says, k.now = k.outs[:0], k.pushes[:0], k.values[:0], k.says[:0], in.Now
	switch in.Kind {
	case Send:
		k.send(in)
	case Pushed:
		k.pushed(in.Say)
	case Confirm:
		k.confirm(in.Say)
	case Asked:
		k.asked(in.Say)
	case HandOver:
		k.handOver(in.Say)
	case HandedOver:
		k.handedOver(in.Say)
	case StayIs:
		k.stayIs(in)
	case Compared:
		k.compared(in)
	case Here:
		k.here(in)
	case NotHere:
		k.notHere(in)
	case Closed:
		k.closed(in.ID, in.Turn)
	case Pulse:
		k.pulse()
	}
	return k.outs
}

// pulse does what is due.
func (k *Keeper) pulse() {
	for s := k.unanswered.due(k.now); s != nil; s = k.unanswered.due(k.now) {
		k.unheard(s)
	}
	for p := k.soon.due(k.now); p != nil; p = k.soon.due(k.now) {
		k.pushAgain(p)
	}
	for p := k.again.due(k.now); p != nil; p = k.again.due(k.now) {
		k.pushAgain(p)
	}
	for p := k.later.due(k.now); p != nil; p = k.later.due(k.now) {
		k.push(p, 1)
	}
	for p := k.taken.due(k.now); p != nil; p = k.taken.due(k.now) {
		k.pushTaken(p)
	}
	for s := k.asking.due(k.now); s != nil; s = k.asking.due(k.now) {
		k.askAgain(s)
	}
	for s := k.askingLate.due(k.now); s != nil; s = k.askingLate.due(k.now) {
		k.askAgain(s)
	}
	for s := k.copies.due(k.now); s != nil; s = k.copies.due(k.now) {
		k.postAgain(s)
	}
	for s := k.moved.due(k.now); s != nil; s = k.moved.due(k.now) {
		k.forget(s)
	}
}

// Kept returns how many signals are kept, and their bytes.
func (k *Keeper) Kept() (signals, bytes int) { return k.signals, k.bytes }

// Holds reports whether anything is kept of a client's, or awaited for it: a gateway that drains goes on until nothing is.
func (k *Keeper) Holds(id proto.ClientID) bool {
	c := k.clients[id]
	return c != nil && c.holds()
}

// emit appends what is to be done.
func (k *Keeper) emit(o Out) { k.outs = append(k.outs, o) }

// post has a gateway told something.
func (k *Keeper) post(to proto.GatewayID, say proto.Peer) {
	say.From = k.cfg.Self
	k.says = append(k.says, say)
	k.emit(Out{Kind: Post, Gateway: to, Say: &k.says[len(k.says)-1]})
}
