package keeper

import "github.com/parley-rtc/parley/proto"

// confirm takes what targets' ends have confirmed. What names another stay or turn of a target than the last that is known counts for
// nothing: the end of an earlier turn may have had what its page has never read.
func (k *Keeper) confirm(m *proto.Peer) {
	for i := range m.Pairs {
		c := &m.Pairs[i]
		p := k.pairs[pairKey{c.Room, c.SenderID, c.TargetID}]
		if p != nil && p.target.by(c.Turn, c.Since) {
			k.confirmed(p, c.N)
		}
	}
}

// confirmed drops what the target has for good: all up to a number. Above it all is kept.
func (k *Keeper) confirmed(p *pair, n int64) {
	k.took(p, n)
	for p.head != nil && p.head.n <= n {
		k.pop(p)
	}
	p.sure = max(p.sure, min(n, p.last))
	if p.next() == nil && p.unkept == nil {
		k.rest(p)
	}
}
