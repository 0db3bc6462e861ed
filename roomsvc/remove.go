package roomsvc

import (
	"hash/fnv"
	"strconv"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// sweep removes the members of gateways that are gone, in the rooms that this replica ranks first for: as many at a time
// as are allowed, the rest when half of those have been removed.
func (w *worker) sweep() {
	w.more = false
	if !w.s.inTouch() {
		return // looked at again soon
	}
	for gateway := range w.byGateway {
		w.s.watch.Know(proto.RoleGateway, string(gateway)) // one that was gone long enough to be forgotten
		if !w.s.watch.Gone(gateway) {
			continue
		}
		for e := range w.byGateway[gateway] {
			if w.removing >= removals {
				w.more = true
				return
			}
			if w.s.watch.First(e.token) {
				w.removeFrom(e, gateway)
			}
		}
	}
}

// removeFrom removes a gateway's members from a room as if they had lost their connection. With the owner the room is
// closed, and nobody else has to be removed.
func (w *worker) removeFrom(e *entry, gateway proto.GatewayID) {
	members := e.state.Record.Members
	for i := range members {
		m := &members[i]
		if m.Gateway != gateway {
			continue
		}
		now := time.Now()
		w.admit(&ask{
			Request: room.Request{
				Request: proto.Request{
					Room: e.state.Record.Room, ClientID: m.ID, Gateway: gateway, Joined: m.Request, Lost: true,
				},
				Op: proto.OpLeave,
				ID: removalID(m),
			},
			token: e.token, arrived: now, deadline: now.Add(proto.RequestTimeout), removal: true,
		})
		if m.ID == e.state.Record.OwnerID {
			return
		}
		if w.removing >= removals {
			w.more = true
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
