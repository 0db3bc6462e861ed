package roomsvc

import (
	"sync"

	"github.com/parley-rtc/parley/proto"
)

// maxNames bounds how many process ids are remembered; beyond it all are learned anew.
const maxNames = 10_000

// names lets all rooms share the memory of process ids, of which there are few.
type names struct {
	mu    sync.Mutex // guards known
	known map[string]string
}

func (n *names) gateway(id proto.GatewayID) proto.GatewayID {
	return proto.GatewayID(n.intern(string(id)))
}

func (n *names) replica(id proto.ReplicaID) proto.ReplicaID {
	return proto.ReplicaID(n.intern(string(id)))
}

func (n *names) intern(id string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if known, ok := n.known[id]; ok {
		return known
	}
	if n.known == nil || len(n.known) >= maxNames {
		n.known = make(map[string]string)
	}
	n.known[id] = id
	return id
}
