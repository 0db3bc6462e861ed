package operate

import (
	"time"

	"github.com/parley-rtc/parley/proto"
)

// remember is how long a closed room is remembered: longer than changes are told again after a failover.
const remember = 6 * proto.RetellWindow

// levels is what has been heard of each room: which event is new, and what was missed before it.
type levels struct {
	rooms map[proto.Room]level
	swept time.Time
}

// level is how far a room has been heard of.
type level struct {
	seq    uint64
	closed time.Time // zero while the room is open
}

// missed says that something between two sequences was not heard.
type missed struct {
	from, to uint64 // neither included
}

// take takes a room's event. It reports whether the event is new, and what was missed, if anything was.
func (l *levels) take(e *proto.Event, now time.Time) (fresh bool, gap *missed) {
	last, known := l.rooms[e.Room]
	if known && e.Seq <= last.seq {
		return false, nil
	}
	switch {
	case !known: // what was before is not missed: nobody listened
	case e.Name == proto.RoomCreated:
		if last.closed.IsZero() { // its prev is 0; that the old room was closed has to have been told
			gap = &missed{last.seq, e.Seq}
		}
	case e.Prev > last.seq:
		gap = &missed{last.seq, e.Seq}
	}
	next := level{seq: e.Seq}
	if e.Name == proto.RoomClosed {
		next.closed = now
	}
	if l.rooms == nil {
		l.rooms, l.swept = map[proto.Room]level{}, now
	}
	l.rooms[e.Room] = next
	l.sweep(now)
	return true, gap
}

// sweep forgets rooms that were closed long ago, now and then.
func (l *levels) sweep(now time.Time) {
	if now.Sub(l.swept) < remember {
		return
	}
	l.swept = now
	for room, at := range l.rooms {
		if !at.closed.IsZero() && now.Sub(at.closed) >= remember {
			delete(l.rooms, room)
		}
	}
}
