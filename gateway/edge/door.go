package edge

import (
	"fmt"
	"math"
	"sync"

	"github.com/parley-rtc/parley/gateway/link"
)

// None is a limit that is never reached.
const None = math.MaxInt32

// Limits bound how many connections there may be. [None] is no bound, but for IPv6Prefix.
type Limits struct {
	MaxConns           int // of all
	MaxConnsPerAddress int // from what counts as one address
	IPv6Prefix         int // bits of an IPv6 address that count as one address; 128 or more: all
}

// Door has a place for each connection: of a plain socket, of a Socket.IO session from its handshake on, and of a WebSocket
// that is carried for another gateway. One count holds them all, so both transports together stay within the limits. It
// implements [link.Door].
type Door struct {
	limits Limits

	mu        sync.Mutex // guards the fields below
	shut      bool
	in        int
	byAddress map[string]int // by what counts as one address
}

// NewDoor returns an open door.
func NewDoor(l Limits) *Door { return &Door{limits: l, byAddress: make(map[string]int)} }

// Enter implements [link.Door].
func (d *Door) Enter(address string) error {
	counted := d.limits.counted(address)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.shut:
		return link.ErrDraining
	case d.in >= d.limits.MaxConns:
		return fmt.Errorf("%w on this gateway", link.ErrFull)
	case d.byAddress[counted] >= d.limits.MaxConnsPerAddress:
		return fmt.Errorf("%w from %s", link.ErrFull, counted)
	}
	d.in++
	d.byAddress[counted]++
	return nil
}

// Leave implements [link.Door].
func (d *Door) Leave(address string) {
	counted := d.limits.counted(address)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.in--
	if d.byAddress[counted]--; d.byAddress[counted] <= 0 {
		delete(d.byAddress, counted)
	}
}

// Counted returns what an address counts as: that of one client, as far as can be told.
func (d *Door) Counted(address string) string { return d.limits.counted(address) }

// Shut lets nobody in any more.
func (d *Door) Shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = true
}

// IsShut reports whether nobody is let in any more.
func (d *Door) IsShut() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.shut
}

// Count returns how many are in.
func (d *Door) Count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.in
}
