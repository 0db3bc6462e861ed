package worker

import (
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// leftoverAfter is how long a banned user's clients may still be in a room before any replica but the one that was asked removes them:
// that one has died between two of its records.
const leftoverAfter = 2 * time.Second

// noteBanned remembers a room in which a banned user still has clients.
func (w *Worker) noteBanned(token proto.Token, st *room.State) {
	if st.Open() && st.Record.About != nil && len(st.Record.About.Bans) > 0 {
		if sub := bannedIn(w.unpack(token, st), w.now.UnixMilli()); sub != "" {
			if _, known := w.leftover[token]; !known {
				w.leftover[token] = w.now
			}
			return
		}
	}
	delete(w.leftover, token)
}

// bannedIn returns a user that is banned and has a client in the room; empty: there is none.
func bannedIn(st *room.State, now int64) string {
	if !st.Open() {
		return ""
	}
	for _, b := range st.Record.About.At(now).BanList() {
		for i := range st.Record.Members {
			if st.Record.Members[i].Sub() == b.Sub {
				return b.Sub
			}
		}
	}
	return ""
}

// removeBanned goes on where another replica has died, in the rooms that this one ranks first for.
func (w *Worker) removeBanned() {
	for _, token := range slices.Sorted(maps.Keys(w.leftover)) { // in an order that a run repeats
		since := w.leftover[token]
		st := w.unpack(token, w.rooms.State(token))
		if st == nil || w.now.Sub(since) < leftoverAfter || !w.Peers.First(token, st.Form) {
			continue
		}
		w.leftover[token] = w.now
		sub := bannedIn(st, w.now.UnixMilli())
		if sub == "" {
			delete(w.leftover, token)
			continue
		}
		w.admit(&Ask{
			Request: room.Request{
				Request: proto.Request{Room: st.Record.Room, Banned: sub, Admin: true},
				Op:      proto.OpBan, ID: leftoverID(token, sub), Leftover: true,
			},
			Token: token, Arrived: w.now, Deadline: w.now.Add(proto.RequestTimeout),
		})
	}
}

// leftoverID is the same at every replica, so that to go on with a ban is one request, whoever does.
func leftoverID(token proto.Token, sub string) proto.RequestID {
	h := fnv.New64a()
	_, _ = h.Write([]byte(token)) // it cannot fail
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(sub))
	return proto.RequestID("banned-" + strconv.FormatUint(h.Sum64(), 16))
}
