package keeper

// Remembered returns how many things a keeper remembers: clients, senders, targets, pairs, addresses and alarms.
func (k *Keeper) Remembered() int {
	n := len(k.clients) + len(k.senders) + len(k.targets) + len(k.pairs) + len(k.addresses) + len(k.astray)
	for _, l := range []*timeline[pair]{&k.again, &k.soon, &k.later} {
		if l.first != nil {
			n++
		}
	}
	for _, l := range []*timeline[sender]{&k.asking, &k.askingLate, &k.moved, &k.copies} {
		if l.first != nil {
			n++
		}
	}
	if k.unanswered.first != nil {
		n++
	}
	return n
}

// Copied returns the bytes of copies of what was handed over.
func (k *Keeper) Copied() int { return k.copied }
