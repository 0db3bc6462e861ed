package gateway

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// settle lets everything that is under way come to its end with nothing lost, and checks have their say.
func (x *sim) settle() {
	x.t.Helper()
	x.t.Cleanup(func() {
		if !x.answered() || !x.level() {
			x.explain()
		}
	})
	testkit.WaitFor(x.t, "everything to be level", func() bool {
		for _, room := range simRoomNames {
			x.check(room)
		}
		for busy := true; busy; {
			busy = x.serve(0)
			for _, r := range x.w.replicas {
				for x.publish(r) {
					busy = true
				}
			}
			x.w.sync()
		}
		return x.answered() && x.level()
	})
}

// explain logs what is not level.
func (x *sim) explain() {
	for _, c := range x.clients {
		heard := c.All()
		x.t.Logf("%s asked %d times; the last that it heard is %s", c.ID(), len(c.asked), heard[len(heard)-1].Raw)
		for _, room := range simRoomNames {
			v := x.view(c, room)
			x.t.Logf("  %q: in %v at %d with %v", room, v.in, v.seq, v.members)
			if v.in != (x.truth.state(room).index(c.ID()) >= 0) {
				x.dump(c, room)
			}
		}
	}
	for _, room := range simRoomNames {
		s := x.truth.state(room)
		x.t.Logf("%q is at %d with %v", room, s.seq, s.members)
	}
}

// answered reports whether every request has its answer.
func (x *sim) answered() bool {
	for _, c := range x.clients {
		n := 0
		for _, h := range c.All() {
			if h.Ref != "" {
				n++
			}
		}
		if n != len(c.asked) {
			return false
		}
	}
	return true
}

// level reports whether what the clients believe is so, and nobody is a member that has gone.
func (x *sim) level() bool {
	for _, room := range simRoomNames {
		s := x.truth.state(room)
		for _, c := range x.clients {
			v := x.view(c, room)
			want := s.others("")
			slices.Sort(want)
			if in := s.index(c.ID()) >= 0; in != v.in || in && !slices.Equal(v.list(), want) {
				return false
			}
		}
		for _, c := range x.all {
			if c.ended && s.index(c.ID()) >= 0 {
				return false
			}
		}
	}
	return true
}

// heardOf is a room as one client has heard it.
type heardOf struct {
	in      bool
	seq     uint64
	members []proto.ClientID
	faults  []string
	truth   func(seq uint64) *simState
}

// was reports whether the room was as this client has heard it when it had a number.
func (v *heardOf) was(seq uint64) bool {
	s := v.truth(seq)
	if s == nil {
		return false
	}
	want := s.others("")
	slices.Sort(want)
	return slices.Equal(v.list(), want)
}

func (v *heardOf) list() []proto.ClientID {
	list := slices.Clone(v.members)
	slices.Sort(list)
	return list
}

func (x *sim) view(c *simClient, room proto.Room) *heardOf {
	v := &heardOf{truth: func(seq uint64) *simState { return x.truth.at(room, seq) }}
	for _, h := range c.All() {
		if h.Room == room {
			v.hear(c.ID(), &h)
		}
	}
	return v
}

// hear takes an event into account, and notes what should not be.
func (v *heardOf) hear(self proto.ClientID, h *testkit.Received) {
	fault := func(what string) { v.faults = append(v.faults, what+": "+string(h.Raw)) }
	switch h.Name {
	case proto.RoomCreated, proto.RoomJoined:
		if h.Seq < v.seq && (v.in || h.Name == proto.RoomJoined) { // a roster may have told of the new room before its answer
			fault("a number that falls")
		}
		v.in, v.seq, v.members = true, h.Seq, append(slices.Clone(h.Clients), self)
	case proto.RoomLeft:
		if !v.in && h.Kicked {
			fault("room-left, kicked, of one who is not in")
		}
		v.in = false
	case proto.ClientJoined, proto.ClientLeft:
		at := slices.Index(v.members, h.ID)
		switch {
		case !v.in:
			fault("a push to one who is not in")
		case h.ID == self:
			fault("of itself")
		case h.Seq <= v.seq && (h.Prev != v.seq || h.Seq != v.seq): // a room that replaced another takes but one number
			fault("after " + strconv.FormatUint(v.seq, 10))
		case h.Prev > v.seq && !v.was(h.Prev): // joins and leaves that cancel each other out may be left out
			fault("something is missing after " + strconv.FormatUint(v.seq, 10))
		case (at >= 0) == (h.Name == proto.ClientJoined):
			fault("twice, or never before")
		}
		v.seq = max(v.seq, h.Seq)
		if h.Name == proto.ClientJoined {
			v.members = append(v.members, h.ID)
		} else if at >= 0 {
			v.members = slices.Delete(v.members, at, at+1)
		}
	case proto.SignalReceive:
		if !v.in {
			fault("a signal to one who is not in")
		}
	default:
	}
}

// judge fails the test for everything that a client should not have heard.
func (x *sim) judge() {
	x.t.Helper()
	for _, c := range x.all {
		for _, room := range simRoomNames {
			if v := x.view(c, room); len(v.faults) > 0 {
				x.t.Errorf("%s heard of %q:\n  %s", c.ID(), room, strings.Join(v.faults, "\n  "))
				x.dump(c, room)
			}
		}
		x.judgeAnswers(c)
		x.judgeSignals(c)
	}
	for _, q := range x.signals {
		x.judgeConfirmed(q)
	}
}

// dump logs what a client heard of a room.
func (x *sim) dump(c *simClient, room proto.Room) {
	for _, h := range c.All() {
		if h.Room == room {
			x.t.Logf("  %s", h.Raw)
		}
	}
}

// judgeAnswers holds answers against the requests and against what was true meanwhile.
func (x *sim) judgeAnswers(c *simClient) {
	n := 0
	for _, h := range c.All() {
		if h.Ref == "" {
			continue
		}
		if h.Ref != strconv.Itoa(n) {
			x.t.Errorf("%s heard the answer %s, expected that to %d", c.ID(), h.Raw, n)
			return
		}
		if q := c.asked[n]; !x.holds(c.ID(), &q, &h) {
			x.t.Errorf("%s asked %s for %q at %v and heard %s at %v", c.ID(), q.Name, q.Room, q.at, h.Raw, h.At)
			x.dump(c, q.Room)
		}
		n++
	}
}

// holds reports whether an answer was so at some moment between request and answer.
func (x *sim) holds(id proto.ClientID, q *simAsked, h *testkit.Received) bool {
	ever := func(so func(*simState) bool) bool { return x.truth.ever(q.Room, q.at, h.At, so) }
	switch h.Name {
	case proto.RoomJoined, proto.RoomCreated:
		return ever(func(s *simState) bool { return s.index(id) >= 0 }) && x.listed(id, h)
	case proto.RoomExists:
		return ever((*simState).open)
	case proto.RoomNotExists:
		return ever(func(s *simState) bool { return !s.open() })
	case proto.RoomLeft:
		return q.Name == proto.RoomLeave && !h.Kicked && ever(func(s *simState) bool { return s.index(id) < 0 })
	case proto.SignalSent:
		return x.received(id, q)
	case proto.Error:
		return h.Code == proto.CodeUnavailable
	default:
		return true
	}
}

// listed reports whether the list in an answer is the room's at that number.
func (x *sim) listed(id proto.ClientID, h *testkit.Received) bool {
	s := x.truth.at(h.Room, h.Seq)
	if s == nil {
		return h.Name == proto.RoomCreated // repeated: its number is made up
	}
	want, got := s.others(id), slices.Clone(h.Clients)
	slices.Sort(want) // one whose join was answered late, by a repetition, may stand in another place in what others are told
	slices.Sort(got)
	return h.Name == proto.RoomCreated || slices.Equal(want, got)
}

// received reports whether a signal that was confirmed has arrived, or its target has gone.
func (x *sim) received(from proto.ClientID, q *simAsked) bool {
	i := slices.IndexFunc(x.all, func(c *simClient) bool { return c.ID() == q.TargetID })
	return i < 0 || x.all[i].ended || slices.ContainsFunc(x.all[i].All(), func(h testkit.Received) bool {
		return h.Name == proto.SignalReceive && h.Room == q.Room && h.SenderID == from && string(h.Data) == string(q.Data)
	})
}

// judgeSignals fails the test for a signal that came twice or after a later one.
func (x *sim) judgeSignals(c *simClient) {
	type line struct {
		room proto.Room
		from proto.ClientID
	}
	last := make(map[line]int64)
	for _, h := range c.All() {
		if h.Name != proto.SignalReceive {
			continue
		}
		l := line{h.Room, h.SenderID}
		n, err := strconv.ParseInt(string(h.Data), 10, 64)
		if err != nil || n <= last[l] {
			x.t.Errorf("%s heard %s after %d", c.ID(), h.Raw, last[l])
		}
		last[l] = n
	}
}

// judgeConfirmed fails the test when a signal from elsewhere was confirmed and did not arrive.
func (x *sim) judgeConfirmed(q *simSignal) {
	for q.answer != nil {
		if n, _, err := q.answer.Pending(); err != nil || n == 0 {
			return
		}
		m, err := q.answer.NextMsg(time.Second)
		if err != nil {
			return
		}
		e, err := proto.DecodeEvent(m.Data)
		frame := proto.Frame{Room: q.room, TargetID: q.to, Data: []byte(strconv.FormatInt(q.n, 10))}
		if err != nil || e.Name == proto.SignalSent && !x.received(q.from, &simAsked{Frame: frame}) {
			x.t.Errorf("a signal was answered %s and did not arrive: %+v", m.Data, q)
		}
	}
}
