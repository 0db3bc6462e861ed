package keeper

// address is where clients come from. All of them together may fill a part of the store.
type address struct {
	name    string
	clients int
	bytes   int
}

// fits reports whether there is room for one more signal of a pair. Copies of what was handed over make room for it.
func (k *Keeper) fits(p *pair, size int) bool {
	c := p.sender.client
	within := func(limit, n int) bool { return limit <= 0 || n <= limit }
	if !within(k.cfg.MaxPair, p.count+1) || !within(k.cfg.MaxPairBytes, p.bytes+size) ||
		!within(k.cfg.MaxSender, c.bytes+size) || !within(k.cfg.MaxKept, k.bytes+size) {
		return false
	}
	if c.address != nil && !within(k.cfg.MaxAddress, c.address.bytes+size) {
		return false
	}
	for !within(k.cfg.MaxKept, k.bytes+k.copied+size) {
		k.dropCopy(k.copies.first.of)
	}
	return true
}

// count counts what a pair keeps.
func (k *Keeper) count(p *pair, signals, bytes int) {
	c := p.sender.client
	p.count += signals
	c.signals += signals
	k.signals += signals
	p.bytes += bytes
	c.bytes += bytes
	k.bytes += bytes
	if c.address != nil {
		c.address.bytes += bytes
	}
}

// comesFrom takes note of a client's address, if it is said.
func (k *Keeper) comesFrom(c *client, name string) {
	if name == "" || c.address != nil && c.address.name == name {
		return
	}
	k.leaveAddress(c)
	a := k.addresses[name]
	if a == nil {
		a = &address{name: name}
		k.addresses[name] = a
	}
	c.address = a
	a.clients++
	a.bytes += c.bytes
}

// leaveAddress forgets a client's address.
func (k *Keeper) leaveAddress(c *client) {
	a := c.address
	if a == nil {
		return
	}
	c.address = nil
	a.bytes -= c.bytes
	if a.clients--; a.clients == 0 {
		delete(k.addresses, a.name)
	}
}
