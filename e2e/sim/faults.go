package sim

import (
	"slices"
	"strconv"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// Bounds of a run.
const (
	maxReplicas = 3
	maxGateways = 3
	maxClients  = 7 // connected at a time
)

// step has something happen at random, and the next step.
func (w *world) step() {
	if w.Steps--; w.Steps < 0 {
		return
	}
	w.after(w.span(0, 60*time.Millisecond), w.step)
	live := w.connected()
	switch p := w.rnd.IntN(1000); {
	case p < 60 && len(live) < maxClients && len(w.gateways) > 0:
		w.dial(pick(w, w.gateways))
	case p < 75 && len(live) > 0:
		pick(w, live).end()
	case p < 100 && w.Kills:
		w.harm()
	case p < 106 && w.Elections:
		if w.chance(60) {
			node := w.rnd.IntN(nodes)
			if w.chance(50) {
				node = w.stream.leader
			}
			w.cutOff(node, w.span(200*time.Millisecond, 18*time.Second))
		} else {
			w.resign()
		}
	case len(live) > 0:
		if c := pick(w, live); len(c.asked)-c.answered < 4 {
			w.request(c)
		}
	}
}

// harm kills or stops a process, or starts one.
func (w *world) harm() {
	switch p := w.rnd.IntN(100); {
	case p < 20 && len(w.replicas) > 1:
		w.killReplica(w.rnd.IntN(len(w.replicas)))
	case p < 45 && len(w.replicas) < maxReplicas:
		w.startReplica()
	case p < 55 && len(w.gateways) > 1:
		w.killGateway(w.rnd.IntN(len(w.gateways)))
	case p < 70 && len(w.gateways) < maxGateways:
		w.startGateway()
	case p < 90:
		pick(w, w.replicas).sleep(w.span(50*time.Millisecond, 4*time.Second))
	case len(w.gateways) > 0:
		pick(w, w.gateways).sleep(w.span(50*time.Millisecond, 1500*time.Millisecond))
	}
}

func (w *world) killReplica(i int) {
	w.replicas[i].die()
	w.replicas = append(w.replicas[:i:i], w.replicas[i+1:]...)
}

// killGateway kills a gateway, or has it leave. Its clients' connections end with it.
func (w *world) killGateway(i int) {
	g := w.gateways[i]
	if w.chance(30) {
		w.leaving(g)
	}
	g.die()
	w.gateways = append(w.gateways[:i:i], w.gateways[i+1:]...)
	for _, c := range w.clients {
		if c.g == g {
			c.closed = true
		}
	}
}

// request has a client ask for something, whether or not its last request was answered.
func (w *world) request(c *client) {
	f := proto.Frame{Room: pick(w, roomNames)}
	v := c.view(f.Room)
	switch p := w.rnd.IntN(100); {
	case p < 12:
		f.Name = proto.RoomCreate
	case p < 40:
		f.Name = proto.RoomJoin
	case p < 48:
		f.Name = proto.RoomLeave
	default:
		f.Name = proto.SignalSend
		f.TargetID = pick(w, w.connected()).ID
		if len(v.members) > 0 && w.chance(80) {
			f.TargetID = pick(w, v.members)
		}
		if f.TargetID == c.ID || !v.in && w.chance(80) {
			return
		}
		f.Data = []byte(strconv.Itoa(len(c.asked) + 1))
	}
	if q := c.lastIn(f.Room); q != nil && q.unavailable && w.chance(60) { // asking again is safe
		f = proto.Frame{Name: q.Name, Room: q.Room}
	}
	c.request(f)
}

// lastIn returns the last create, join or leave that a client has asked for in a room, or nil.
func (c *client) lastIn(room proto.Room) *asked {
	for _, q := range slices.Backward(c.asked) {
		if q.Room == room && q.Name != proto.SignalSend {
			return q
		}
	}
	return nil
}

// connected returns the clients whose connections stand.
func (w *world) connected() []*client {
	var live []*client
	for _, c := range w.clients {
		if !c.closed {
			live = append(live, c)
		}
	}
	return live
}
