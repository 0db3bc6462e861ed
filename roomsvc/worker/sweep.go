package worker

import (
	"hash/fnv"
	"strconv"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// maxRemovals is how many members of gateways that are gone a worker removes at a time.
const maxRemovals = 512

// lookAgain is how long after a look a room is looked at again that another replica ranks first for, and whose members may have to
// wait there: that replica may have died meanwhile.
const lookAgain = 2 * time.Second

// removals are the members of gateways that are gone and are being removed.
type removals struct {
	underway int  // asks that remove
	more     bool // there may be more members than were allowed at a time
	// turn is how many rooms were looked at. A look begins where the last one ended, so that rooms whose members cannot be
	// removed, because a record cannot be read, do not keep the others from their turn.
	turn int
	// pending says of gateways that are gone when to look at their rooms again: none of their members is due before. One that is
	// missing is looked at at once.
	pending map[proto.GatewayID]pending
}

// pending is when to look again at the rooms of a gateway that is gone.
type pending struct {
	since time.Time // it is gone
	next  time.Time // before that, none of its members is due
}

// goOn goes on when half of the members that are allowed at a time have been removed.
func (r *removals) goOn(w *Worker) {
	if r.more && r.underway <= maxRemovals/2 {
		r.sweep(w)
	}
}

// sweep begins to remove members of gateways that are gone, as many at a time as are allowed.
func (r *removals) sweep(w *Worker) {
	r.more = false
	if !w.Peers.InTouch() {
		return // looked at again soon
	}
	first := r.turn
	gateways := w.rooms.Gateways()
	for i := range gateways {
		gateway := gateways[(i+first)%len(gateways)]
		w.Peers.Know(proto.RoleGateway, string(gateway)) // one that was gone long enough to be forgotten
		since, gone := w.Peers.Gone(gateway)
		if p, ok := r.pending[gateway]; ok && gone && p.since.Equal(since) && w.now.Before(p.next) {
			continue
		}
		delete(r.pending, gateway)
		if !gone {
			continue
		}
		next, whole := r.look(w, gateway, since, first)
		if !whole {
			r.more = true
			return
		}
		if next.After(w.now) {
			r.pending[gateway] = pending{since, next}
		}
	}
}

// look begins to remove a gateway's members whose time is up. It returns when to look again (zero: there is nobody), and whether it
// has gone through all rooms. It begins with the first-th.
func (r *removals) look(w *Worker, gateway proto.GatewayID, since time.Time, first int) (next time.Time, whole bool) {
	for j := 0; j < w.rooms.Count(gateway); j++ { // fewer, once one was forgotten whose members cannot be read
		if r.underway >= maxRemovals {
			return next, false
		}
		r.turn++
		token, st := w.rooms.At(gateway, (j+first)%w.rooms.Count(gateway))
		again := w.now
		switch {
		case w.Peers.First(token, st.Form):
			again = r.removeFrom(w, token, st, gateway, since)
		case st.Form >= proto.SessionForm:
			again = w.now.Add(lookAgain)
		}
		next = sooner(next, again)
	}
	return next, true
}

// removeFrom removes a gateway's members from a room as if they had lost their connection, those of resumable sessions once they
// were kept for as long as they asked for. With the owner the room is closed, unless its policy is another, and then nobody else has
// to be removed. It returns when to look again; zero: there is nobody.
func (r *removals) removeFrom(w *Worker, token proto.Token, st *room.State, gateway proto.GatewayID, since time.Time) time.Time {
	if st = w.unpack(token, st); st == nil {
		return time.Time{}
	}
	var next time.Time
	members := st.Record.Members
	for i := range members {
		m := &members[i]
		if m.Gateway != gateway {
			continue
		}
		if due := since.Add(time.Duration(m.Keep) * time.Second); w.now.Before(due) {
			next = sooner(next, due)
			continue
		}
		next = w.now
		w.admit(removal(token, st, m, w.now))
		if m.ID == st.Record.OwnerID && st.OwnersOwn() {
			return next
		}
		if r.underway >= maxRemovals {
			r.more = true
			return next
		}
	}
	return next
}

// changed has a gateway's rooms looked at again whose new member may be due before the others: who asked through it as it died.
func (r *removals) changed(old, st *room.State) {
	if len(r.pending) == 0 || !st.Open() {
		return
	}
	gateways := st.Gateways()
	if c := &st.Record.Change; st.Record.Prev == old.Sequence() {
		if c.Event == proto.ClientLeft {
			return
		}
		if m, ok := st.Find(c.ID); ok {
			gateways = []proto.GatewayID{m.Gateway}
		}
	}
	for _, g := range gateways {
		delete(r.pending, g)
	}
}

// sooner returns the first of two times; a zero one is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// removal is the request by which a member is removed.
func removal(token proto.Token, st *room.State, m *proto.Member, now time.Time) *Ask {
	return &Ask{
		Request: room.Request{
			Request: proto.Request{
				Room: st.Record.Room, ClientID: m.ID, Gateway: m.Gateway, Joined: m.Request, Lost: true,
			},
			Op: proto.OpLeave,
			ID: removalID(m),
		},
		Token: token, Arrived: now, Deadline: now.Add(proto.RequestTimeout), Removal: true,
	}
}

// removalID is the same at every replica and each time that the same membership is ended, so that this is repeated
// safely.
func removalID(m *proto.Member) proto.RequestID {
	h := fnv.New64a()
	_, _ = h.Write([]byte(m.ID)) // it cannot fail
	_, _ = h.Write([]byte{'.'})
	_, _ = h.Write([]byte(m.Request))
	return proto.RequestID("lost-" + strconv.FormatUint(h.Sum64(), 16))
}
