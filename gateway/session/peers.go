package session

import (
	"sync"

	"github.com/parley-rtc/parley/proto"
)

// Peers are those members of a room whose sessions are resumable, as far as the gateway knows: signals to them are kept until they
// are confirmed. All members of a room here share one. The dispatcher writes, pumps read.
type Peers struct {
	mu    sync.RWMutex                   // guards stays
	stays map[proto.ClientID]*proto.Stay // none of which is changed
}

// Set notes the stay of a member, or with nil that it has left.
func (p *Peers) Set(id proto.ClientID, stay *proto.Stay) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if stay == nil {
		delete(p.stays, id)
		return
	}
	if p.stays == nil {
		p.stays = make(map[proto.ClientID]*proto.Stay)
	}
	p.stays[id] = stay
}

// Of returns the stay of a member whose session is resumable; nil of any other.
func (p *Peers) Of(id proto.ClientID) *proto.Stay {
	if p == nil {
		return nil
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.stays[id]
}
