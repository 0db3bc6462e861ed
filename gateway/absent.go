package gateway

import (
	"container/heap"
	"slices"
	"time"

	"github.com/parley-rtc/parley/gateway/keeper"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/proto"
)

// absent are the sessions whose connection has ended, and which are kept. None of them has a goroutine or a timer: those whose time
// is up are found at a tick. The dispatcher owns them.
type absent struct {
	by  map[uint64]*absence // by the session's number
	due dues
}

// absence is one of them.
type absence struct {
	s       *session.Session
	at      time.Time // when its time is up, or its leaves are made again
	index   int       // in dues; less than 0: it is not in there
	leaving bool      // its time is up
}

// away keeps a session whose connection has ended.
func (d *dispatcher) away(s *session.Session) {
	if d.absent.by[s.Num] != nil {
		return
	}
	a := &absence{s: s, at: time.Now().Add(s.Keep())}
	d.absent.by[s.Num] = a
	heap.Push(&d.absent.due, a)
	d.step(&rooms.In{Kind: rooms.Away, Client: &s.Client})
	d.unheard(s)
	d.knocksEnd(s)
	if d.g.trust.isOut(s) {
		d.outcast(func(of *session.Session) bool { return of == s })
		return
	}
	d.lessen(s)
}

// outcast ends the sessions that are kept and for which it is so.
func (d *dispatcher) outcast(is func(s *session.Session) bool) {
	for _, a := range d.absent.by {
		if !a.leaving && is(a.s) {
			heap.Remove(&d.absent.due, a.index)
			a.leaving = true
			a.s.Depart()
		}
	}
}

// unheard tells the keeper that nothing can be said to a session's client any more.
func (d *dispatcher) unheard(s *session.Session) {
	d.keep(&keeper.In{Kind: keeper.Closed, ID: s.ID(), Peer: s, Turn: s.About.Turn})
}

// lessen looks at a session that is kept and has lost a room: with the last one it is over.
func (d *dispatcher) lessen(s *session.Session) {
	if a := d.absent.by[s.Num]; a != nil && !a.leaving && s.Rooms.Count() == 0 {
		s.Reconsider()
	}
}

// expire has those leave whose time is up.
func (d *dispatcher) expire(now time.Time) {
	for len(d.absent.due) > 0 && !d.absent.due[0].at.After(now) {
		a, _ := heap.Pop(&d.absent.due).(*absence)
		a.leaving = true
		a.s.Depart()
	}
}

// keepAnew keeps a session as if its connection had ended now.
func (d *dispatcher) keepAnew(s *session.Session) {
	if a := d.absent.by[s.Num]; a != nil && !a.leaving {
		a.at = time.Now().Add(s.Keep())
		heap.Fix(&d.absent.due, a.index)
	}
}

// putOff has a session make its leaves again later.
func (d *dispatcher) putOff(s *session.Session) {
	if a := d.absent.by[s.Num]; a != nil && a.index < 0 {
		a.at = time.Now().Add(d.g.timing.PutOff)
		heap.Push(&d.absent.due, a)
	}
}

// present ends a session's absence: it has departed.
func (d *dispatcher) present(s *session.Session) {
	a := d.absent.by[s.Num]
	if a == nil {
		return
	}
	delete(d.absent.by, s.Num)
	if a.index >= 0 {
		heap.Remove(&d.absent.due, a.index)
	}
}

// absentFrom lists the members of a room here who are away.
func (d *dispatcher) absentFrom(room proto.Room) []proto.ClientID {
	list := []proto.ClientID{}
	for _, a := range d.absent.by {
		if _, in := a.s.Rooms.Joined(room); in {
			list = append(list, a.s.ID())
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// dues are absences in the order of their times: a heap.
type dues []*absence

// Len implements [heap.Interface].
func (h dues) Len() int { return len(h) }

// Less implements [heap.Interface].
func (h dues) Less(i, j int) bool { return h[i].at.Before(h[j].at) }

// Swap implements [heap.Interface].
func (h dues) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements [heap.Interface].
func (h *dues) Push(x any) {
	a, _ := x.(*absence)
	a.index = len(*h)
	*h = append(*h, a)
}

// Pop implements [heap.Interface].
func (h *dues) Pop() any {
	last := len(*h) - 1
	a := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	a.index = -1
	return a
}
