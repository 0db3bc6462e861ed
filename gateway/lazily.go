package gateway

import (
	"time"

	"github.com/parley-rtc/parley/gateway/session"
)

// In a room with many members, events are written a moment after they were told: as long as writing one of them to all of them
// takes, on whatever gateways they are, at most a blink. Whatever else is sent to a member meanwhile takes them along, in order.
// It goes by the whole room, so that the events of a busy moment share as few writes on several gateways as on one.
const (
	perMember = 20 * time.Microsecond
	blink     = 20 * time.Millisecond
)

// lazily has what was told lazily be written a moment later. The dispatcher owns it.
type lazily struct {
	flush func()             // has the dispatcher call write; called by a timer
	told  []*session.Session // those with something that waits to be written
	due   bool               // the moment is about to come
}

// add notes that something for a client waits to be written.
func (l *lazily) add(s *session.Session) { l.told = append(l.told, s) }

// soon has what waits be written, a moment that is as long as the room is large.
func (l *lazily) soon(members int) {
	if l.due {
		return
	}
	l.due = true
	time.AfterFunc(min(blink, time.Duration(members)*perMember), l.flush)
}

// write lets what waits be written.
func (l *lazily) write() {
	l.due = false
	for i, s := range l.told {
		s.Out.Flush()
		l.told[i] = nil
	}
	l.told = l.told[:0]
}
