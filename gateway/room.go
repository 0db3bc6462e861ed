package gateway

import (
	"slices"
	"time"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

// room is a room in which this gateway has members, or in which a request of one of its clients is under way. Owned by
// the dispatcher.
type room struct {
	h       *hub
	name    proto.Room
	seq     uint64        // reached: what has been told
	members members       // all of them at seq, on whatever gateway
	local   []*membership // those here
	joining []*joining    // creates and joins under way
	named   time.Time     // when a check last named it, or its first member came

	flushing bool // what was told to many is about to be written

	// While a roster is asked for, what comes is kept.
	waiting bool
	roster  *ask // the request for it that counts, once sent
	retry   bool // the roster could not be had: ask again soon
	queued  bool // it waits for its turn to be asked for
	kept    []kept
}

// membership is a client of this gateway in a room. Owned by the dispatcher; joined is guarded by the session's mu.
type membership struct {
	s       *session
	room    *room
	joined  proto.RequestID          // the request that the record bears
	index   int                      // in room.local; -1 once out: an event has removed it, or its connection has ended
	leaving bool                     // its own leave is under way
	heard   map[proto.ClientID]int64 // the last n of each sender
}

// joining is a create or join under way: what comes for the room meanwhile is kept for that client alone.
type joining struct {
	s       *session
	a       *ask
	kept    []*kept // events, shared by all that join at once
	signals []kept
	removed uint64 // the event that removed the client, when it was a member and joined again; 0: none
	closed  bool   // that event was the room's closing
}

// kept is a room event, or a signal for to, that could not be told yet.
type kept struct {
	e       proto.Event
	payload []byte
	reply   string // signals
	to      proto.ClientID
	asked   bool // a signal for whose sender a roster has been asked for
}

// maxKept bounds what is kept for a room or a joining client. What does not fit is missed, and shows as a gap.
const maxKept = 4096

// room returns the room of that name, made if need be.
func (h *hub) room(name proto.Room) *room {
	r := h.rooms[name]
	if r == nil {
		r = &room{h: h, name: name}
		h.rooms[name] = r
	}
	return r
}

// dropIfEmpty forgets a room in which nobody here is or is about to be.
func (h *hub) dropIfEmpty(r *room) {
	if len(r.local) == 0 {
		r.members, r.seq, r.waiting, r.retry, r.roster = members{}, 0, false, false, nil
		r.refuseKept()
		if len(r.joining) == 0 && h.rooms[r.name] == r {
			delete(h.rooms, r.name)
		}
	}
}

// refuseKept answers the signals that were kept for somebody who is not here.
func (r *room) refuseKept() {
	for i := range r.kept {
		if k := &r.kept[i]; k.reply != "" {
			r.h.g.acks.notFound(k.reply, r.name, k.to)
		}
	}
	r.kept = nil
}

// add makes a client a member here.
func (r *room) add(s *session, joined proto.RequestID) *membership {
	m := &membership{s: s, room: r, joined: joined, index: len(r.local)}
	if len(r.local) == 0 {
		r.named = time.Now()
	}
	r.local = append(r.local, m)
	m.heard = s.parted[r.name].heard
	delete(s.parted, r.name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms == nil {
		s.rooms = make(map[proto.Room]*membership)
	}
	s.rooms[r.name] = m
	return m
}

// leave takes a member out of what is told, leaving its session to know that it has not heard the end yet.
func (m *membership) leave() {
	if m.index < 0 {
		return
	}
	r := m.room
	last := len(r.local) - 1
	r.local[m.index] = r.local[last]
	r.local[m.index].index = m.index
	r.local[last] = nil
	r.local = r.local[:last]
	m.index = -1
}

// remove ends a membership.
func (m *membership) remove() {
	m.leave()
	m.part()
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	if m.s.rooms[m.room.name] == m {
		delete(m.s.rooms, m.room.name)
	}
}

// kick tells a member that it was removed, and why.
func (m *membership) kick(why proto.Reason) {
	m.remove()
	m.s.Send(out(kicked(m.room.name, why), nil))
}

// kicked is what a client is told that is in a room no longer and did not ask for that.
func kicked(room proto.Room, why proto.Reason) proto.Event {
	return proto.Event{Name: proto.RoomLeft, Room: room, Kicked: true, Reason: why}
}

// member returns the client's membership here while it is told things, or nil.
func (r *room) member(s *session) *membership {
	if s == nil {
		return nil
	}
	if m := s.rooms[r.name]; m != nil && m.index >= 0 {
		return m
	}
	return nil
}

// In a room with many members here, events are written a moment after they were told: as long as writing one of them to
// everybody takes, at most a blink. Whatever else is sent to a member meanwhile takes them along, in order.
const (
	manyMembers = 50
	perMember   = 20 * time.Microsecond
	blink       = 20 * time.Millisecond
)

// tell gives every member here an event, but for the client that it is about.
func (r *room) tell(o link.Out, about proto.ClientID) {
	many := len(r.local) >= manyMembers
	for _, m := range r.local {
		if m.s.id != about {
			m.s.put(o, !many)
		}
	}
	if many && !r.flushing {
		r.flushing = true
		time.AfterFunc(min(blink, time.Duration(len(r.local))*perMember), func() { r.h.post(command{flush: r}) })
	}
}

// flush lets what was told be written.
func (r *room) flush() {
	r.flushing = false
	for _, m := range r.local {
		m.s.flush()
	}
}

// begin notes that a create, join or leave is about to be sent.
func (h *hub) begin(s *session, a *ask) {
	if a.op == proto.OpLeave {
		if m := s.leaves(a); m != nil {
			m.leaving = true
		}
		return
	}
	r := h.room(a.room)
	r.joining = append(r.joining, &joining{s: s, a: a})
}

// endJoining takes a create or join out of those under way.
func (r *room) endJoining(a *ask) *joining {
	i := slices.IndexFunc(r.joining, func(j *joining) bool { return j.a == a })
	if i < 0 {
		return nil
	}
	j := r.joining[i]
	r.joining = slices.Delete(r.joining, i, i+1)
	return j
}

// joiningOf returns the client's create or join under way, or nil.
func (r *room) joiningOf(s *session) *joining {
	for _, j := range r.joining {
		if j.s == s {
			return j
		}
	}
	return nil
}

// joinedBy notes which request the member's record bears.
func (m *membership) joinedBy(id proto.RequestID) {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	m.joined = id
}
