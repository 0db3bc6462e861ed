package sim

import (
	"maps"
	"slices"
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
	case p < 60 && len(live) < maxClients && len(w.open()) > 0 && w.sessionsKept() < maxClients:
		w.dial(pick(w, w.open()))
	case p < 75 && len(live) > 0:
		w.part(pick(w, live))
	case p < 100 && w.Kills:
		w.harm()
	case p < 103 && w.Drains && len(w.open()) > 1:
		w.replaceGateway(pick(w, w.open()))
		w.startGateway()
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
		c := pick(w, live)
		switch {
		case w.Wrong && c.Turn > 0 && w.chance(3):
			c.frozen = w.now + int64(w.span(0, 3*time.Second))
		case c.Turn > 0 && w.chance(4):
			w.part(c)
		case len(c.asked)-c.answered < 4:
			w.request(c)
		}
	}
}

// sessionsKept returns how many sessions are there, or will be again.
func (w *world) sessionsKept() int {
	n := 0
	for _, p := range w.sessions {
		if !p.gone {
			n++
		}
	}
	return n
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
	const long = 3 * time.Second
	w.hurts = append(w.hurts, hurt{w.now, w.now + int64(long)})
	w.replicas[i].die()
	w.replicas = append(w.replicas[:i:i], w.replicas[i+1:]...)
}

// killGateway kills a gateway, or has it leave. Its clients' connections end with it.
func (w *world) killGateway(i int) {
	g := w.gateways[i]
	if w.chance(30) {
		w.leaving(g)
	}
	w.stopGateway(g)
}

// stopGateway ends a gateway. Sessions come back, sooner or later.
func (w *world) stopGateway(g *gateway) {
	g.die()
	w.gateways = slices.DeleteFunc(slices.Clone(w.gateways), func(x *gateway) bool { return x == g })
	for _, c := range w.clients {
		if c.g != g {
			continue
		}
		if c.page.keep == 0 {
			c.closed = true
			continue
		}
		if !c.shut {
			c.shut, c.ended, c.dead, c.inThen = true, w.now, c.dead || w.chance(50), maps.Clone(c.in)
			if c.page.conn == c && !c.closed {
				c.page.comeBack(w.span(0, 2*time.Second))
			}
		}
	}
}

// replaceGateway has a gateway go, as one that is replaced does: it closes its connections, hands over what it keeps to where its
// sessions come back, and says that it leaves.
func (w *world) replaceGateway(g *gateway) {
	const within = 6 * time.Second
	w.note("%s drains", g.name)
	g.draining = true
	for _, c := range w.clients {
		if c.g != g || c.shut {
			continue
		}
		w.after(w.span(0, within/2), func() {
			switch {
			case !g.alive || c.shut:
			case c.page.keep == 0:
				c.end()
			default:
				g.take(c.close)
				if c.page.conn == c {
					c.page.comeBack(w.span(0, time.Second))
				}
			}
		})
	}
	w.after(within, func() {
		if g.alive {
			w.leaving(g)
			w.stopGateway(g)
		}
	})
}

// open returns the gateways to which one may connect.
func (w *world) open() []*gateway {
	return slices.DeleteFunc(slices.Clone(w.gateways), func(g *gateway) bool { return g.draining })
}

// request has a client ask for something, whether or not its last request was answered.
func (w *world) request(c *client) {
	room := pick(w, roomNames)
	v := c.view(room)
	if v.old && w.chance(60) {
		c.page.resume(room)
		return
	}
	if w.chance(w.Moderation) {
		w.moderate(c, room, v)
		return
	}
	f := proto.Frame{Room: room}
	switch p := w.rnd.IntN(100); {
	case p < 12:
		f.Name = proto.RoomCreate
		w.choosePolicy(&f)
	case p < 40:
		f.Name = proto.RoomJoin
		if w.Sessions > 0 && w.chance(40) {
			f.Name = proto.RoomEnter
			w.choosePolicy(&f)
		}
	case p < 48:
		f.Name = proto.RoomLeave
		if w.Sessions > 0 && w.chance(20) {
			f.Name = proto.RoomClose
		}
	default:
		if !w.sendSignal(c, v, &f) {
			return
		}
	}
	w.shows(&f)
	if q := c.lastIn(f.Room); q != nil && q.unavailable && (w.Moderation > 0 || w.chance(60)) { // asking again is safe
		f = q.Frame
	}
	c.request(f)
	if f.Name == proto.RoomLeave && c.Turn > 0 && w.chance(50) { // and joins anew, by the same connection
		c.request(proto.Frame{Name: proto.RoomEnter, Room: f.Room})
	}
}

// choosePolicy chooses what becomes of a room without its owner.
func (w *world) choosePolicy(f *proto.Frame) {
	if w.Sessions > 0 {
		f.Policy = pick(w, []proto.Policy{"", proto.PolicyClose, proto.PolicyTransfer, proto.PolicyStay})
	}
}

// sendSignal makes a signal to a member, mostly.
func (w *world) sendSignal(c *client, v *view, f *proto.Frame) bool {
	to := pick(w, w.connected()).ID
	if len(v.members) > 0 && w.chance(80) {
		to = pick(w, v.members)
	}
	if to == c.ID || !v.in && w.chance(80) {
		return false
	}
	s := w.newSignal(pair{f.Room, c.ID, to})
	if c.page.numbers {
		c.page.count++
		s.own = proto.Number(c.Turn, c.page.count)
		s.n = s.own
	}
	*f = s.frame()
	return true
}

// lastIn returns the last create, join or leave that a client has asked for in a room, or nil.
func (c *client) lastIn(room proto.Room) *asked {
	for _, q := range slices.Backward(c.asked) {
		if q.Room == room && q.moves() {
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
