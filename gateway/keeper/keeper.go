// Package keeper keeps the signals of a gateway's clients to members whose sessions are resumable, until the end of each target's
// connection has confirmed them. It is pure, like gateway/rooms: no goroutine, lock, clock, NATS, log or metric. One goroutine owns
// a [Keeper] and steps it.
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

// Keeper is what a gateway keeps for others' clients. One goroutine owns it.
type Keeper struct {
	cfg  Config
	now  int64
	outs []Out
}

// New returns an empty keeper.
func New(cfg Config) *Keeper { return &Keeper{cfg: cfg} }

// Step takes one thing that has happened and returns what is to be done about it, in order. The result is valid until the next
// Step.
func (k *Keeper) Step(in *In) []Out {
	clear(k.outs)
	k.outs, k.now = k.outs[:0], in.Now
	return k.outs
}

// Kept returns how many signals are kept, and their bytes.
func (k *Keeper) Kept() (signals, bytes int) { return 0, 0 }

// Holds reports whether anything is kept of a client's, or awaited for it: a gateway that drains goes on until nothing is.
func (k *Keeper) Holds(_ proto.ClientID) bool { return false }
