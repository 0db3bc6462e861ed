package socketio

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

// rooms is the whole of Parley in memory, as far as a transport can see it.
type rooms struct {
	full error // when set, nobody gets in

	wg       sync.WaitGroup
	mu       sync.Mutex // guards the fields below
	sessions map[proto.ClientID]*fakeSession
	opened   []*fakeSession
	rooms    map[proto.Room][]proto.ClientID
	seq      uint64
}

func newRooms() *rooms {
	return &rooms{sessions: make(map[proto.ClientID]*fakeSession), rooms: make(map[proto.Room][]proto.ClientID)}
}

// fakeSession is a client's session.
type fakeSession struct {
	r     *rooms
	t     link.Transport
	about link.About
	ended chan struct{}

	// Guarded by rooms.mu.
	out     []link.Out
	writing bool
	cause   error
	failed  error // what Write returned
	blocked chan struct{}
}

func (r *rooms) open(t link.Transport, about link.About) (link.Session, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.full != nil {
		return nil, r.full
	}
	s := &fakeSession{r: r, t: t, about: about, ended: make(chan struct{})}
	r.sessions[about.ID] = s
	r.opened = append(r.opened, s)
	return s, nil
}

func (s *fakeSession) ID() proto.ClientID { return s.about.ID }

func (s *fakeSession) Send(out link.Out) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.send(out)
}

func (s *fakeSession) send(out link.Out) {
	if s.cause != nil {
		return
	}
	s.out = append(s.out, out)
	if !s.writing {
		s.writing = true
		s.r.wg.Go(s.write)
	}
}

func (s *fakeSession) write() {
	for {
		s.r.mu.Lock()
		batch := s.out
		s.out = nil
		if len(batch) == 0 || s.cause != nil {
			s.writing = false
			s.r.mu.Unlock()
			return
		}
		s.r.mu.Unlock()
		if err := s.t.Write(batch); err != nil {
			s.r.mu.Lock()
			s.failed, s.writing = err, false
			s.r.mu.Unlock()
			return
		}
	}
}

func (s *fakeSession) WaitIdle(time.Duration) {}

func (s *fakeSession) Pong(uint64) {}

func (s *fakeSession) End(cause error) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	if s.cause != nil {
		return
	}
	s.cause = cause
	close(s.ended)
	delete(s.r.sessions, s.about.ID)
	for room := range s.r.rooms {
		s.r.leave(room, s.about.ID)
	}
}

// causeOfEnd returns what End was called with, or nil.
func (s *fakeSession) causeOfEnd() error {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	return s.cause
}

func (s *fakeSession) Receive(f proto.Frame, err error, _ int) bool {
	s.r.mu.Lock()
	blocked := s.blocked
	s.r.mu.Unlock()
	if blocked != nil {
		<-blocked
	}
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	if s.cause != nil {
		return false
	}
	e, told := s.r.handle(s, f, err)
	if told || f.Ref != "" {
		s.send(link.Out{Message: link.NewMessage(e), Ref: f.Ref})
	}
	return true
}

// handle carries a request out. Signals that were delivered are answered by silence.
func (r *rooms) handle(s *fakeSession, f proto.Frame, err error) (proto.Event, bool) {
	me := s.about.ID
	members, exists := r.rooms[f.Room]
	member := slices.Contains(members, me)
	others := slices.DeleteFunc(slices.Clone(members), func(id proto.ClientID) bool { return id == me })
	r.seq++
	switch {
	case errors.Is(err, proto.ErrTooLarge):
		return proto.Errorf(proto.CodeTooLarge, f.Room, me, "%s", err), true
	case err != nil:
		return proto.Errorf(proto.CodeBadRequest, f.Room, me, "%s", err), true
	case f.Name == proto.RoomCreate && exists:
		return proto.Event{Name: proto.RoomExists, Room: f.Room}, true
	case f.Name == proto.RoomCreate:
		r.rooms[f.Room] = []proto.ClientID{me}
		return proto.Event{Name: proto.RoomCreated, Room: f.Room, Seq: r.seq}, true
	case f.Name == proto.RoomJoin && !exists:
		return proto.Event{Name: proto.RoomNotExists, Room: f.Room}, true
	case f.Name == proto.RoomJoin:
		if !member {
			r.rooms[f.Room] = append(members, me)
			r.tell(others, proto.Event{Name: proto.ClientJoined, Room: f.Room, ID: me, Seq: r.seq, Prev: r.seq - 1})
		}
		return proto.Event{
			Name: proto.RoomJoined, Room: f.Room, OwnerID: members[0], Clients: others, Seq: r.seq,
		}, true
	case !member:
		return proto.Event{Name: proto.NotInRoom, Room: f.Room}, true
	case f.Name == proto.RoomLeave:
		r.leave(f.Room, me)
		return proto.Event{Name: proto.RoomLeft, Room: f.Room}, true
	case !slices.Contains(others, f.TargetID):
		return proto.Event{Name: proto.TargetNotFound, Room: f.Room, TargetID: f.TargetID}, true
	}
	r.tell([]proto.ClientID{f.TargetID}, proto.Event{
		Name: proto.SignalReceive, Room: f.Room, SenderID: me, Data: f.Data,
	})
	return proto.Event{Name: proto.SignalSent, Room: f.Room, TargetID: f.TargetID}, false
}

func (r *rooms) leave(room proto.Room, id proto.ClientID) {
	members := r.rooms[room]
	i := slices.Index(members, id)
	if i < 0 {
		return
	}
	rest := slices.Delete(slices.Clone(members), i, i+1)
	if i == 0 {
		delete(r.rooms, room)
		r.tell(rest, proto.Event{Name: proto.RoomLeft, Room: room, Kicked: true, Reason: proto.OwnerLeft})
		return
	}
	r.rooms[room] = rest
	r.seq++
	r.tell(rest, proto.Event{Name: proto.ClientLeft, Room: room, ID: id, Seq: r.seq, Prev: r.seq - 1})
}

func (r *rooms) tell(to []proto.ClientID, e proto.Event) {
	m := link.NewMessage(e)
	for _, id := range to {
		if s := r.sessions[id]; s != nil {
			s.send(link.Out{Message: m})
		}
	}
}
