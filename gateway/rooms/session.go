package rooms

import (
	"maps"
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// session is what a client has more that shows a key.
type session struct {
	older     *Client // of the same session, by an earlier turn, as long as anything is left of it
	ousted    bool    // its connection is being closed: the session goes on with another
	awayAt    int64   // when its connection ended
	unresumed map[proto.Room]unresumed
	confirms  confirms
	parting   []proto.Room // departed: rooms that it may be in still, by an answer that was missing
}

// receiving is what a membership has more whose record says that it is resumable.
type receiving struct {
	stay   proto.Stay
	pairs  map[proto.ClientID]*pair // by sender
	asking *asking                  // from resumed to live; nil: it is live
}

// open takes in a connection. Those of one session stand behind one another, the newest first.
func (c *Core) open(cl *Client) {
	if cl.Turn == 0 {
		c.clients[cl.ID] = cl
		return
	}
	cl.session = &session{}
	newer, older := (*Client)(nil), c.clients[cl.ID]
	for older != nil && older.Turn > cl.Turn {
		newer, older = older, older.before()
	}
	cl.session.older = older
	if newer == nil {
		c.clients[cl.ID] = cl
	} else {
		newer.session.older = cl
	}
}

// before returns the client of the session's turn before this one's, of which something is left here, or nil.
func (cl *Client) before() *Client {
	if cl.session == nil {
		return nil
	}
	return cl.session.older
}

// turn returns a session's client of one turn, or nil.
func (c *Core) turn(id proto.ClientID, turn int64) *Client {
	cl := c.clients[id]
	for cl != nil && cl.Turn != turn {
		cl = cl.before()
	}
	return cl
}

// unlink takes a client that is forgotten out of its session.
func (c *Core) unlink(cl *Client) {
	at := c.clients[cl.ID]
	if at == cl {
		if older := cl.before(); older != nil {
			c.clients[cl.ID] = older
		} else {
			delete(c.clients, cl.ID)
		}
		return
	}
	for at != nil && at.before() != cl {
		at = at.before()
	}
	if at != nil {
		at.session.older = cl.before()
	}
}

// memberOf returns the membership by which a client is in the room here while it is told things, by whichever connection of its
// session, or nil.
func (r *room) memberOf(id proto.ClientID) *membership {
	for cl := r.core.clients[id]; cl != nil; cl = cl.before() {
		if m := r.member(cl); m != nil {
			return m
		}
	}
	return nil
}

// resumable notes that the member's record is that of a resumable session. back says how it came back, if it did.
func (m *membership) resumable(stay *proto.Stay, back Out) {
	m.own = &receiving{stay: *stay}
	m.room.core.here(m.c, m.room.name, &m.own.stay, back)
}

// here has the keeper know that a client is in a room.
func (c *Core) here(cl *Client, name proto.Room, stay *proto.Stay, back Out) {
	back.Kind, back.To, back.Room, back.Stay = Here, c.one(cl), name, stay
	c.emit(back)
}

// notHere has the keeper drop what it keeps of a client in a room.
func (c *Core) notHere(cl *Client, name proto.Room) {
	c.emit(Out{Kind: NotHere, To: c.one(cl), Room: name})
}

// elsewhere has the keeper hand over what it keeps of a client in a room to the gateway where it has come back, unless that is this one:
// then it stays where it is.
func (c *Core) elsewhere(cl *Client, name proto.Room, at *place) {
	if at.gateway == c.cfg.Self {
		return
	}
	c.emit(Out{Kind: NotHere, To: c.one(cl), Room: name, Gateway: at.gateway, Stay: at.stay})
}

// place is where the session of a client of ours goes on.
type place struct {
	gateway proto.GatewayID
	stay    *proto.Stay // nil: not known
}

// parts remembers in which rooms a client that departs may be still. Its keeper goes on keeping there for as long as the client is
// remembered: it may have come back elsewhere, from where what is kept of it is asked for.
func (cl *Client) parts() bool {
	s := cl.session
	if s == nil {
		return false
	}
	s.parting = append(s.parting, slices.Sorted(maps.Keys(cl.rooms))...)
	return len(s.parting) > 0 || len(s.unresumed) > 0
}
