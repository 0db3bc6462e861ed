package sim

import (
	"iter"
	"strconv"
	"time"

	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/gateway/turns"
	"github.com/parley-rtc/parley/proto"
)

// maxRooms is in how many rooms a client may be: in all that there are.
const maxRooms = 8

// client is a connection of a client to a gateway. What it asks for goes through its order of requests, which blocks: so that is a
// coroutine, resumed when a request has come or been answered. Its many fields are four things that share a life: what its
// gateway's session has, its coroutine, its connection, and what the judges know of it.
type client struct {
	rooms.Client
	cable
	page      *page
	w         *world
	g         *gateway
	num       uint64
	began     int64
	in        map[proto.Room]proto.RequestID // as the core says
	inbox     []item
	turns     turns.Turns
	n         int64 // of the last signal
	asking    *ask
	closed    bool // the connection has ended: nothing is heard any more
	forgotten bool // by the core

	next    func() (*ask, bool)
	stop    func()
	yield   func(*ask) bool
	busy    bool // the coroutine waits for an answer
	stopped bool

	asked    []*asked
	answered int
	held     map[string]bool // refs of signals of which later word is due
}

// item is something in a client's inbox: a request, a leave that its gateway makes, or the end.
type item struct {
	frame proto.Frame
	at    int64
	leave bool
	ghost proto.RequestID
	room  proto.Room
	end   bool
	late  bool // the end, of a session whose time is up
}

// connect connects a page to a gateway.
func (p *page) connect(g *gateway) *client {
	w := p.w
	w.made++
	c := &client{
		w: w, g: g, page: p, num: uint64(w.made), began: w.now, in: make(map[proto.Room]proto.RequestID), held: make(map[string]bool),
	}
	c.ID, c.Turn, c.Keep = p.id, p.turn, int64(p.keep)*int64(time.Second)
	c.Peer = c
	c.resumed = make(map[proto.Room]int64)
	c.next, c.stop = iter.Pull(c.pump)
	p.conn = c
	w.clients = append(w.clients, c)
	w.note("%s connects to %s", c, g.name)
	g.step(&rooms.In{Kind: rooms.Open, Client: &c.Client})
	c.next() // it waits for requests
	return c
}

// String names a client in a trace: its id, and the turn if it has a key.
func (c *client) String() string {
	if c.Turn == 0 {
		return string(c.ID)
	}
	return string(c.ID) + "/" + strconv.FormatInt(c.Turn, 10)
}

// pump carries out what is in the inbox, one at a time.
func (c *client) pump(yield func(*ask) bool) {
	c.yield = yield
	for !c.stopped {
		if len(c.inbox) == 0 {
			if !yield(nil) {
				return
			}
			continue
		}
		x := c.inbox[0]
		c.inbox = c.inbox[1:]
		deadline := x.at + int64(proto.RequestTimeout)
		switch {
		case x.end && !x.late && c.keeps():
			c.beAway()
		case x.end:
			c.depart()
		case x.leave && x.ghost == "":
			c.turns.LeaveDoubted(c, x.room, deadline)
		case x.leave:
			c.turns.LeaveGhost(c, x.room, x.ghost, c.w.now+int64(proto.RequestTimeout))
		case x.frame.Name == proto.SignalSend:
			c.signal(&x)
		case inquiries[x.frame.Name] != "":
			c.inquire(&x, deadline)
		default:
			c.change(&x, deadline)
		}
	}
}

// ops are the operations of requests that change a room.
var ops = map[proto.Name]proto.Op{
	proto.RoomCreate: proto.OpCreate, proto.RoomJoin: proto.OpJoin, proto.RoomLeave: proto.OpLeave,
	proto.RoomEnter: proto.OpEnter, proto.RoomClose: proto.OpClose, proto.Resume: proto.OpResume,
}

// change carries out a request that changes a room.
func (c *client) change(x *item, deadline int64) {
	op := ops[x.frame.Name]
	c.frame = &x.frame
	f := &x.frame
	var verdict turns.Verdict
	if op == proto.OpResume {
		resume := rooms.Ask{Room: f.Room, Ref: f.Ref, Seq: f.Seq, Heard: f.Heard, Fresh: f.Fresh}
		verdict = c.turns.Resume(c, &resume, deadline)
	} else {
		verdict = c.turns.Change(c, op, f.Room, f.Ref, deadline)
	}
	switch verdict {
	case turns.Asked:
	case turns.ResumeFirst:
		c.queue(packet{event: proto.Errorf(proto.CodeResumeFirst, f.Room, c.ID, "in doubt"), ref: f.Ref})
	case turns.Unavailable:
		c.queue(packet{event: proto.Errorf(proto.CodeUnavailable, x.frame.Room, c.ID, "in doubt"), ref: x.frame.Ref})
	case turns.TooMany:
		c.queue(packet{event: proto.Errorf(proto.CodeTooManyRooms, x.frame.Room, c.ID, "too many"), ref: x.frame.Ref})
	}
}

// signal sends a signal on, unless the gateway itself knows better.
func (c *client) signal(x *item) {
	f := &x.frame
	if _, in := c.in[f.Room]; !in {
		c.queue(packet{event: proto.Event{Name: proto.NotInRoom, Room: f.Room}, ref: f.Ref})
		return
	}
	c.n++
	n := c.number(f)
	num := c.turns.Number()
	a := &ask{
		Ask: rooms.Ask{Op: proto.OpSignal, Room: f.Room, Num: num, ID: c.Request(num), Ref: f.Ref},
		req: proto.Request{
			Room: f.Room, ClientID: c.ID, Gateway: c.g.id, TargetID: f.TargetID, N: n, Data: f.Data,
		},
		deadline: x.at + int64(proto.SignalTimeout),
	}
	c.page.stamp(&a.req, a.Op)
	a.stay = c.g.stay(f.Room, f.TargetID)
	c.carryOut(a)
}

// carryOut asks, and waits until that is resolved.
func (c *client) carryOut(a *ask) rooms.Outcome {
	if c.stopped {
		return rooms.Unavailable
	}
	a.g, a.c = c.g, c
	c.asking = a
	c.noteRequest(a)
	if a.Op != proto.OpSignal && !a.inquiry {
		c.g.step(&rooms.In{Kind: rooms.Begin, Client: &c.Client, Ask: a.Ask})
	}
	if a.stay != nil {
		c.g.soon(a.keep)
	} else {
		c.g.soon(a.try)
	}
	c.busy = true
	if !c.yield(a) {
		c.stopped = true
		return rooms.Unavailable
	}
	return a.outcome
}

// resolve ends the request under way; the coroutine goes on a moment later.
func (c *client) resolve(outcome rooms.Outcome) {
	c.asking.done, c.asking.outcome = true, outcome
	c.asking = nil
	c.g.soon(func() {
		c.busy = false
		c.resume()
	})
}

// push puts something into the inbox.
func (c *client) push(x item) {
	c.inbox = append(c.inbox, x)
	c.g.soon(c.resume)
}

func (c *client) resume() {
	if !c.busy && !c.stopped && c.g.alive {
		c.next()
	}
}

// end ends the connection: the client says that it goes.
func (c *client) end() {
	c.w.note("%s ends", c)
	c.closed, c.goes = true, true
	c.shut, c.ended = true, c.w.now
	c.push(item{end: true, at: c.w.now})
}

// Now implements [turns.Client].
func (c *client) Now() int64 { return c.w.now }

// Request implements [turns.Client].
func (c *client) Request(num uint64) proto.RequestID {
	return proto.RequestID(c.g.name + "-" + strconv.FormatUint(c.num, 36) + "-" + strconv.FormatUint(num, 36))
}

// Joined implements [turns.Client].
func (c *client) Joined(room proto.Room) (proto.RequestID, bool) {
	by, in := c.in[room]
	return by, in
}

// Full implements [turns.Client].
func (c *client) Full() bool { return len(c.in) >= maxRooms }

// Ask implements [turns.Client].
func (c *client) Ask(a *turns.Ask) rooms.Outcome {
	q := &ask{Ask: a.Ask, deadline: c.soonIf(a.Deadline), req: proto.Request{
		Room: a.Room, ClientID: c.ID, Gateway: c.g.id, Joined: a.Joined, Lost: a.Lost, Turn: c.Turn,
	}}
	c.fill(q)
	c.page.stamp(&q.req, q.Op)
	q.Policy, q.Shows = q.req.Policy, q.req.Who().Shows()
	outcome := c.carryOut(q)
	c.failed = c.failed || outcome == rooms.Unavailable
	return outcome
}

// request has the client ask for something.
func (c *client) request(f proto.Frame) {
	f.Ref = strconv.Itoa(len(c.asked))
	c.asked = append(c.asked, &asked{Frame: f, at: c.w.now, knew: c.view(f.Room).since[f.TargetID]})
	c.w.note("%s asks %s %q (ref %s) %s %s", c, f.Name, f.Room, f.Ref, f.TargetID, f.Data)
	if !c.dead && !c.shut {
		c.push(item{frame: f, at: c.w.now + int64(time.Millisecond)})
	}
}
