package worker

import (
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
		if sub, _ := bannedIn(w.unpack(token, st), w.now.UnixMilli()); sub != "" {
			if _, known := w.leftover[token]; !known {
				w.leftover[token] = w.now
			}
			return
		}
	}
	delete(w.leftover, token)
}

// bannedIn returns a user that is banned and has a client in the room, and for how many seconds it will be; empty: there is none.
func bannedIn(st *room.State, now int64) (sub string, seconds int64) {
	if !st.Open() {
		return "", 0
	}
	for _, b := range st.Record.About.At(now).BanList() {
		for i := range st.Record.Members {
			if st.Record.Members[i].Sub() == b.Sub {
				return b.Sub, (b.Until-now)/1000 + 1
			}
		}
	}
	return "", 0
}

// removeBanned goes on where another replica has died, in the rooms that this one ranks first for.
func (w *Worker) removeBanned() {
	for token, since := range w.leftover {
		st := w.unpack(token, w.rooms.State(token))
		if st == nil || w.now.Sub(since) < leftoverAfter || !w.Peers.First(token, st.Form) {
			continue
		}
		w.leftover[token] = w.now
		sub, seconds := bannedIn(st, w.now.UnixMilli())
		if sub == "" {
			delete(w.leftover, token)
			continue
		}
		w.admit(&Ask{
			Request: room.Request{
				Request: proto.Request{Room: st.Record.Room, Banned: sub, Seconds: min(seconds, proto.MaxBan), Admin: true},
				Op:      proto.OpBan, ID: proto.NewRequestID(),
			},
			Token: token, Arrived: w.now, Deadline: w.now.Add(proto.RequestTimeout),
		})
	}
}
