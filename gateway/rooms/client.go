package rooms

import (
	"maps"
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// Client is one client of this gateway: one connection of its session. It is made for [Open] with its exported fields set; the rest
// is the core's.
type Client struct {
	ID   proto.ClientID
	Turn int64 // of the connection; 0: its session is not resumable
	Keep int64 // nanoseconds that its session outlives it
	Peer any   // the driver's own: a core never looks at it

	stage   stage
	asking  bool // ask is under way
	ask     Ask
	rooms   map[proto.Room]*membership
	parted  map[proto.Room]parted // rooms left lately
	endedAt int64                 // when it departed with a question open
	session *session              // nil: it shows no key
}

// stage says how far a client has come.
type stage uint8

const (
	connected stage = iota
	away            // its connection has ended, and its session is kept
	ended           // its connection has ended, it leaves its rooms
	departed        // it has left them, but an answer was missing: what still comes of it is left again
)

// busyIn reports whether a request of the client's is under way in a room.
func (cl *Client) busyIn(room proto.Room) bool { return cl.asking && cl.ask.Room == room }

// isLeave reports whether a request ends a membership: a leave does, and the owner's closing of its room.
func isLeave(op proto.Op) bool { return op == proto.OpLeave || op == proto.OpClose }

// begin takes note of a request that is about to be sent.
func (c *Core) begin(cl *Client, a *Ask) {
	cl.asking, cl.ask = true, *a
	if isLeave(a.Op) {
		if m := cl.leaves(a); m != nil && m.state == present {
			m.state = leaving
		}
		return
	}
	r := c.room(a.Room)
	r.joining = append(r.joining, &joining{c: cl, num: a.Num})
}

// resolve ends the client's request. The client may ask the next from then on.
func (c *Core) resolve(cl *Client, outcome Outcome) {
	num := cl.ask.Num
	cl.asking, cl.ask = false, Ask{}
	c.emit(Out{Kind: Resolve, To: c.one(cl), Num: num, Outcome: outcome})
}

// ended takes a client out of every room here, so that nothing more is queued for it. It is about to ask for its leaves.
func (c *Core) ended(cl *Client) {
	cl.stage = ended
	for _, name := range slices.Sorted(maps.Keys(cl.rooms)) {
		m := cl.rooms[name]
		m.take()
		c.dropIfEmpty(m.room)
	}
}

// departed forgets a client that has left everything: at once or, where an answer is missing, after a while.
func (c *Core) departed(cl *Client, settled bool) {
	if !cl.parts() && settled {
		c.forget(cl)
		return
	}
	cl.stage = departed
	cl.rooms = nil // what it could not leave, checks name, and late answers
	cl.endedAt = c.now
	c.remembered = append(c.remembered, cl)
}

func (c *Core) forget(cl *Client) {
	c.unlink(cl)
	if cl.session != nil {
		for _, name := range cl.session.parting {
			c.notHere(cl, name)
		}
	}
	c.emit(Out{Kind: Forget, To: c.one(cl)})
}
