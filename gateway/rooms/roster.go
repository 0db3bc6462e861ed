package rooms

import "github.com/parley-rtc/parley/proto"

// roster is one that is under way.
type roster struct {
	num      uint64
	room     proto.Room
	repeated bool // one below what the room had reached came, and it is asked for once more
}

// askRoster compares a room with its roster; until that has come, what comes for the room is kept. Example: a roster is under way,
// then NATS drops messages. That roster may be older than what was dropped, so another is asked for after it.
func (c *Core) askRoster(r *room, why Reason) {
	switch {
	case len(r.local) == 0:
	case r.sync == level:
		r.compareNext = why
		c.askOrQueue(r)
	case r.sync == asked && (why == Reconnect || why == Overflow || why == Defect):
		r.compareNext = why
	}
}

// askOrQueue asks for a room's roster, now or when there are fewer under way.
func (c *Core) askOrQueue(r *room) {
	if len(c.rosters) >= c.cfg.MaxRosters {
		if r.sync != queued {
			r.sync = queued
			c.queue = append(c.queue, r)
		}
		return
	}
	c.sendRoster(r, false)
}

// sendRoster asks for a room's roster. The answer shows all that was missed before this moment, so compareNext is cleared.
func (c *Core) sendRoster(r *room, repeated bool) {
	why := r.compareNext
	if repeated {
		why = ""
	} else {
		r.compareNext = ""
	}
	c.num++
	r.sync, r.asked = asked, roster{num: c.num, room: r.name, repeated: repeated}
	c.rosters[c.num] = r.asked
	c.emit(Out{Kind: AskRoster, Room: r.name, Num: c.num, Why: why})
}

// rosterOver ends a request for a roster, lets the next room have its turn, and returns the room that waits for just this
// roster, or nil: an earlier one may be of a room that was closed since.
func (c *Core) rosterOver(num uint64) (*room, roster) {
	q, ok := c.rosters[num]
	if !ok {
		return nil, roster{}
	}
	delete(c.rosters, num)
	for len(c.queue) > 0 && len(c.rosters) < c.cfg.MaxRosters {
		r := c.queue[0]
		c.queue[0] = nil
		c.queue = c.queue[1:]
		if r.sync == queued && c.rooms[r.name] == r {
			c.sendRoster(r, false)
		}
	}
	if r := c.rooms[q.room]; r != nil && r.sync == asked && r.asked.num == num {
		return r, q
	}
	return nil, roster{}
}

// rosterCame handles the answer to a request for a roster.
func (c *Core) rosterCame(num uint64, e *proto.Event, stays *proto.Stays) {
	r, q := c.rosterOver(num)
	if r == nil {
		return
	}
	switch e.Name {
	case proto.Roster:
		if e.Seq < r.seq && !q.repeated {
			c.sendRoster(r, true)
			return
		}
		r.level(&whole{seq: e.Seq, owner: e.OwnerID, clients: e.Unpack(), stays: staysOf(stays, e.Seq), more: e.More, policy: e.Policy})
	case proto.RoomNotExists:
		r.level(&whole{seq: r.seq})
	default:
		r.sync = unanswered
		return
	}
	next := r.compareNext
	r.compareNext = ""
	r.replay()
	if next != "" {
		c.askRoster(r, next)
	}
	c.dropIfEmpty(r)
}

// compareRoom has a room compared with its roster; one in which nobody here is, for the keeper alone.
func (c *Core) compareRoom(name proto.Room) {
	if r := c.rooms[name]; r != nil {
		c.askRoster(r, Moved)
		return
	}
	c.num++
	c.emit(Out{Kind: AskRoster, Room: name, Num: c.num, Why: Moved})
}

// noRoster has a room wait for the next tick: nobody answered in time.
func (c *Core) noRoster(num uint64) {
	if r, _ := c.rosterOver(num); r != nil {
		r.sync = unanswered
	}
}
