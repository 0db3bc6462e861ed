package worker

import (
	"hash/fnv"
	"strconv"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// maxRemovals is how many members of gateways that are gone a worker removes at a time.
const maxRemovals = 512

// removals are the members of gateways that are gone and are being removed.
type removals struct {
	underway int  // asks that remove
	more     bool // there may be more members than were allowed at a time
	// turn is how many rooms were looked at. A look begins where the last one ended, so that rooms whose members cannot be
	// removed, because a record cannot be read, do not keep the others from their turn.
	turn int
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
		if !w.Peers.Gone(gateway) {
			continue
		}
		for j := 0; j < w.rooms.Count(gateway); j++ { // fewer, once one was forgotten whose members cannot be read
			if r.underway >= maxRemovals {
				r.more = true
				return
			}
			r.turn++
			token, st := w.rooms.At(gateway, (j+first)%w.rooms.Count(gateway))
			if w.Peers.First(token, st.Form) {
				r.removeFrom(w, token, st, gateway)
			}
		}
	}
}

// removeFrom removes a gateway's members from a room as if they had lost their connection. With the owner the room is
// closed, and nobody else has to be removed.
func (r *removals) removeFrom(w *Worker, token proto.Token, st *room.State, gateway proto.GatewayID) {
	if st = w.unpack(token, st); st == nil {
		return
	}
	members := st.Record.Members
	for i := range members {
		m := &members[i]
		if m.Gateway != gateway {
			continue
		}
		w.admit(&Ask{
			Request: room.Request{
				Request: proto.Request{
					Room: st.Record.Room, ClientID: m.ID, Gateway: gateway, Joined: m.Request, Lost: true,
				},
				Op: proto.OpLeave,
				ID: removalID(m),
			},
			Token: token, Arrived: w.now, Deadline: w.now.Add(proto.RequestTimeout), Removal: true,
		})
		if m.ID == st.Record.OwnerID {
			return
		}
		if r.underway >= maxRemovals {
			r.more = true
			return
		}
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
