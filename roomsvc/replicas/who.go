package replicas

import (
	"time"

	"github.com/parley-rtc/parley/proto"
)

// First reports whether this replica ranks first for a room among those that are up and know the form of its record: others
// leave such a record alone.
func (w *Watch) First(token proto.Token, form int) bool {
	form = min(max(form, 1), proto.RecordForm)
	return proto.First(*w.able[form].Load(), token) == w.cfg.Self
}

// Form returns the newest form of journal records that every replica knows which is not gone; 1 as long as some may not have
// been heard.
func (w *Watch) Form() int { return int(w.form.Load()) }

// Early reports whether some replicas may not have been heard: then the form is 1 for a moment, whatever they know.
func (w *Watch) Early() bool { return w.early.Load() }

// Replicas returns who is up, this one included once it beats.
func (w *Watch) Replicas() []proto.ReplicaID { return *w.able[1].Load() }

// Fresh reports whether a gateway has beaten lately; one that is not known is not fresh. It does not wait for whoever goes
// through all processes.
func (w *Watch) Fresh(id proto.GatewayID) bool {
	w.gatewaysMu.RLock()
	p := w.gateways[id]
	w.gatewaysMu.RUnlock()
	return p != nil && p.fresh.Load()
}

// Gone returns since when a gateway is gone, or has said that it leaves, and whether that is so. One that is not known is not gone.
func (w *Watch) Gone(id proto.GatewayID) (since time.Time, gone bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.peers[string(id)]
	if p == nil || !p.gone {
		return time.Time{}, false
	}
	return p.ended, true
}

// Gateways returns the gateways that are not gone.
func (w *Watch) Gateways() []proto.GatewayID {
	w.mu.Lock()
	defer w.mu.Unlock()
	var ids []proto.GatewayID
	for id, p := range w.peers {
		if p.role == proto.RoleGateway && !p.gone {
			ids = append(ids, proto.GatewayID(id))
		}
	}
	return ids
}
