package sim

import (
	"slices"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// Who counts as what, as roomsvc/replicas has it.
const (
	missed       = 2 * time.Second
	noResponders = 3 * time.Second
	silence      = 8 * time.Second
	grace        = 6 * time.Second
)

// peers is whom a replica has heard of.
type peers struct {
	r     *replica
	known map[string]*peer
	order []*peer
	since int64 // of its start, or of the last time when silence meant nothing
	last  int64 // when it looked last
}

type peer struct {
	name    string
	gateway bool
	heard   int64
	beat    bool // it has beaten
	gone    bool
	since   int64 // it is gone,
	until   int64 // and was so until then
}

func newPeers(r *replica) peers {
	return peers{r: r, known: make(map[string]*peer), since: r.w.now, last: r.w.now}
}

func (p *peers) know(name string, gateway bool) *peer {
	x := p.known[name]
	if x == nil {
		x = &peer{name: name, gateway: gateway, heard: p.r.w.now}
		p.known[name] = x
		p.order = append(p.order, x)
	}
	return x
}

// look counts as gone who has not been heard of for long.
func (p *peers) look() {
	w := p.r.w
	now := w.now
	if now-p.last > int64(missed) { // it slept
		p.since = now
	}
	p.last = now
	if !p.InTouch() {
		p.since = now
		return
	}
	if now-p.since < int64(grace) {
		return
	}
	for _, x := range p.order {
		after := silence
		if proc := w.process(x.name); proc == nil {
			after = noResponders
		}
		if x.gone || now-max(x.heard, p.since) < int64(after) {
			continue
		}
		x.gone, x.since = true, now
		w.note("%s counts %s as gone", p.r.name, x.name)
		if x.gateway {
			p.r.worker.Sweep(w.time(), p.r.ready)
		} else {
			p.r.worker.TellAgain(w.time(), proto.ReplicaID(x.name), began.Add(time.Duration(x.heard)-retell))
		}
	}
}

// Form implements [worker.Peers]. An older replica comes and goes every few seconds.
func (p *peers) Form() int {
	if !p.r.w.Older {
		return proto.RecordForm
	}
	const turn = 3 * time.Second
	return 1 + int(p.r.w.now/int64(turn)%proto.RecordForm)
}

// First implements [worker.Peers].
func (p *peers) First(token proto.Token, _ int) bool {
	var live []proto.ReplicaID
	if p.r.ready {
		live = append(live, p.r.id)
	}
	for _, x := range p.order {
		if !x.gateway && x.beat && !x.gone && p.r.w.now-max(x.heard, p.since) <= int64(missed) {
			live = append(live, proto.ReplicaID(x.name))
		}
	}
	slices.Sort(live)
	return proto.First(live, token) == p.r.id
}

// Early implements [worker.Peers].
func (p *peers) Early() bool { return false }

// Gone implements [worker.Peers].
func (p *peers) Gone(gateway proto.GatewayID) (since time.Time, gone bool) {
	x := p.known[string(gateway)]
	if x == nil || !x.gone {
		return time.Time{}, false
	}
	return began.Add(time.Duration(x.since)), true
}

// Know implements [worker.Peers].
func (p *peers) Know(role proto.Role, id string) {
	if id != p.r.name {
		p.know(id, role == proto.RoleGateway)
	}
}

// InTouch implements [worker.Peers].
func (p *peers) InTouch() bool { return p.r.w.now+int64(800*time.Millisecond) < p.r.store.until }

// fresh reports whether a gateway has beaten lately.
func (p *peers) fresh(gateway proto.GatewayID) bool {
	x := p.known[string(gateway)]
	return x != nil && !x.gone && p.r.w.now-max(x.heard, p.since) <= int64(missed)
}

// beat has everybody in reach hear of a process. It is sent as one event: who hears it when matters little.
func (w *world) beat(name string, from *process) {
	gateway := w.gateway(proto.GatewayID(name)) != nil
	for _, r := range w.replicas {
		if &r.process != from && !r.asleep && w.net.reach(from.node, r.node) && !w.ill(w.Loss/2) {
			x := r.peers.know(name, gateway)
			if x.gone {
				x.until = w.now
			}
			x.heard, x.beat, x.gone = w.now, true, false
		}
	}
	if gateway {
		return
	}
	for _, g := range w.gateways {
		if !g.asleep && w.net.reach(from.node, g.node) && !w.ill(w.Loss/2) {
			g.ranking.beat(proto.ReplicaID(name), w.now)
		}
	}
}

// leaving has everybody in reach hear that a gateway leaves.
func (w *world) leaving(g *gateway) {
	for _, r := range w.replicas {
		if w.net.reach(g.node, r.node) && !r.asleep {
			x := r.peers.know(g.name, true)
			if !x.gone {
				x.gone, x.since = true, w.now
			}
			r.soon(func() { r.worker.Sweep(w.time(), r.ready) })
		}
	}
}

// process returns one that lives.
func (w *world) process(name string) *process {
	for _, r := range w.replicas {
		if r.name == name {
			return &r.process
		}
	}
	if g := w.gateway(proto.GatewayID(name)); g != nil {
		return &g.process
	}
	return nil
}

func (w *world) gateway(id proto.GatewayID) *gateway {
	for _, g := range w.gateways {
		if g.id == id {
			return g
		}
	}
	return nil
}
