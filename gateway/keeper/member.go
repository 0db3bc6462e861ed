package keeper

import (
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// client is one of our clients, over all its rooms.
type client struct {
	id      proto.ClientID
	at      []*sender // its rooms
	signals int       // that are kept of it
	bytes   int
	address *address // nil: it has not been told
}

// holds reports whether anything is kept or awaited that another gateway may come for.
func (c *client) holds() bool {
	return c.signals > 0 || slices.ContainsFunc(c.at, func(s *sender) bool {
		return s.takeover != nil && !s.takeover.late || s.gone != nil && s.gone.pages != nil
	})
}

// sender is a client in a room. It is present, or waits for what the gateway before keeps of it (takeover), or has gone on to another
// gateway (gone).
type sender struct {
	client *client
	at     int // its place in client.at
	room   proto.Room
	id     proto.ClientID
	peer   any // its connection; nil: it has none
	turn   int64
	since  uint64
	pairs  []*pair

	// What a gateway before kept for targets that joined before seq may be lost, up to floor.
	floor int64
	seq   uint64

	takeover *takeover
	gone     *departure
	wait     alarm[sender] // of asking, or of moved
	copied   alarm[sender] // of copies
}

// sure returns the number above which everything is kept for a target for which there is no pair yet.
func (s *sender) sure(since uint64) int64 {
	if since < s.seq {
		return s.floor
	}
	return 0
}

// newSender makes a sender that is present.
func (k *Keeper) newSender(room proto.Room, id proto.ClientID) *sender {
	c := k.clients[id]
	if c == nil {
		c = &client{id: id}
		k.clients[id] = c
	}
	s := &sender{client: c, at: len(c.at), room: room, id: id}
	c.at = append(c.at, s)
	k.senders[memberKey{room, id}] = s
	return s
}

// forget forgets a sender that keeps nothing, and its client if that is in no other room.
func (k *Keeper) forget(s *sender) {
	k.isAsked(s)
	k.dropCopy(s)
	s.wait.stop()
	delete(k.senders, memberKey{s.room, s.id})
	c := s.client
	end := len(c.at) - 1
	c.at[s.at] = c.at[end]
	c.at[s.at].at = s.at
	c.at = slices.Delete(c.at, end, end+1)
	if len(c.at) == 0 {
		k.leaveAddress(c)
		delete(k.clients, c.id)
	}
}

// isAsked takes a sender out of those that were handed over unasked.
func (k *Keeper) isAsked(s *sender) {
	if i := slices.Index(k.unasked, s); i >= 0 {
		k.unasked = slices.Delete(k.unasked, i, i+1)
	}
}
