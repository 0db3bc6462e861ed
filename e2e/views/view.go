package views

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// View is a room as one client has it after all that it heard.
type View struct {
	In      bool
	Members []proto.ClientID // in join order, the client itself included; nil when not In
	Seq     uint64
	Changes []Change // the room's pushes and the client's own answers that bear a seq

	last []string // the last frames, for errors
}

// Change is one change of a room as somebody was told of it.
type Change struct {
	Name proto.Name
	ID   proto.ClientID // who joined or left
	Seq  uint64
	Prev uint64

	Members []proto.ClientID // after it, as the client has them
}

// Strictness says what a replay holds against a client's events.
type Strictness int

const (
	// Strict is for runs without faults through one replica: each change is told, once.
	Strict Strictness = iota
	// Level is for runs with faults or replicas that take turns: a gateway may have brought its members level, so that
	// changes that cancel each other out are missing and several bear one seq.
	Level
)

// Replay goes through what a client heard, in order, and returns its views of all rooms, with an error for each promise
// that was broken.
func Replay(self proto.ClientID, heard []testkit.Received, how Strictness) (map[proto.Room]*View, []error) {
	p := &player{self: self, how: how, rooms: map[proto.Room]*View{}}
	for i := range heard {
		p.event(&heard[i])
	}
	return p.rooms, p.errs
}

// maxErrors is how many broken promises of one client are told: what follows the first is seldom news.
const maxErrors = 3

type player struct {
	self  proto.ClientID
	how   Strictness
	rooms map[proto.Room]*View
	errs  []error
}

func (p *player) event(r *testkit.Received) {
	v := p.rooms[r.Room]
	if v == nil {
		v = &View{}
		p.rooms[r.Room] = v
	}
	wrong := func(format string, args ...any) {
		if len(p.errs) >= maxErrors {
			return
		}
		p.errs = append(p.errs, fmt.Errorf("client %s: %s: %s (members %v, seq %d; before: %s)",
			p.self, r.Raw, fmt.Sprintf(format, args...), v.Members, v.Seq, strings.Join(v.last, " ")))
	}
	defer func() { v.last = append(v.last[max(0, len(v.last)-5):], r.At.Format(".000000 ")+string(r.Raw)) }()
	switch r.Name {
	case proto.RoomCreated:
		if v.In && p.how == Strict { // the closing before it may have been lost
			wrong("created a room that it is in")
		}
		p.enter(v, &r.Event, []proto.ClientID{p.self}, wrong)
	case proto.RoomJoined:
		if slices.Contains(r.Clients, p.self) {
			wrong("the list has the client itself")
		}
		if len(r.Clients) > 0 && r.OwnerID != p.self && r.Clients[0] != r.OwnerID {
			wrong("the owner is not the first")
		}
		members := append(slices.Clone(r.Clients), p.self)
		if v.In || r.OwnerID == p.self { // where it stands among the others is known from before
			members = keepPlace(v.Members, r.Clients, p.self)
		}
		p.enter(v, &r.Event, members, wrong)
	case proto.Resumed: // what the room is now, whatever was known of it
		if slices.Contains(r.Clients, p.self) {
			wrong("the list has the client itself")
		}
		v.Seq = min(v.Seq, r.Seq) // where nothing has changed it is the same
		p.enter(v, &r.Event, keepPlace(v.Members, r.Clients, p.self), wrong)
	case proto.ClientBack:
		if !v.In || !slices.Contains(v.Members, r.ID) {
			wrong("it came back and was no member")
		}
		p.back(v, &r.Event, wrong)
	case proto.ClientJoined, proto.ClientLeft:
		p.change(v, &r.Event, wrong)
	case proto.RoomLeft:
		if !v.In && (p.how == Strict || r.Kicked) { // a leave may end what an overtaken attempt of a join has made
			wrong("it is not in the room")
		}
		v.In, v.Members = false, nil
	case proto.SignalReceive:
		switch {
		case !v.In:
			wrong("a signal outside of the room")
		case p.how == Strict && !slices.Contains(v.Members, r.SenderID):
			wrong("a signal from one who is no member")
		}
	default: // answers that change nothing
	}
}

// enter takes over an answer that makes the client a member, or finds it one.
func (p *player) enter(v *View, e *proto.Event, members []proto.ClientID, wrong func(string, ...any)) {
	if e.Seq == 0 {
		wrong("it has no seq")
	}
	if e.Seq < v.Seq || !v.In && e.Seq == v.Seq {
		wrong("the seq does not grow")
	}
	v.In, v.Members, v.Seq = true, members, e.Seq
	v.Changes = append(v.Changes, Change{Name: e.Name, ID: p.self, Seq: e.Seq, Members: slices.Clone(members)})
}

func (p *player) change(v *View, e *proto.Event, wrong func(string, ...any)) {
	at := slices.Index(v.Members, e.ID)
	switch {
	case !v.In:
		wrong("a push outside of the room")
		return
	case e.ID == p.self:
		wrong("a push about the client itself")
	case e.Name == proto.ClientJoined && at >= 0:
		wrong("it joined twice")
	case e.Name == proto.ClientLeft && at < 0:
		wrong("it left and was no member")
	case p.how == Strict && at == 0: // a roster's difference may lead from one room of that name to the next
		wrong("the owner left and the room is open")
	case p.how == Strict && e.Prev != v.Seq:
		wrong("prev is not the change before")
	case e.Seq < v.Seq || p.how == Strict && e.Seq == v.Seq:
		wrong("the seq does not grow")
	}
	switch {
	case e.Name == proto.ClientJoined && at < 0:
		v.Members = append(v.Members, e.ID)
	case e.Name == proto.ClientLeft && at >= 0:
		v.Members = slices.Delete(slices.Clone(v.Members), at, at+1)
	}
	v.Seq = max(v.Seq, e.Seq)
	v.Changes = append(v.Changes, Change{Name: e.Name, ID: e.ID, Seq: e.Seq, Prev: e.Prev, Members: slices.Clone(v.Members)})
}

// back takes a member's coming back: a change of the room that changes nobody's membership.
func (p *player) back(v *View, e *proto.Event, wrong func(string, ...any)) {
	if e.Seq < v.Seq || p.how == Strict && (e.Seq == v.Seq || e.Prev != v.Seq) {
		wrong("the seq does not grow")
	}
	v.Seq = max(v.Seq, e.Seq)
	v.Changes = append(v.Changes, Change{Name: e.Name, ID: e.ID, Seq: e.Seq, Prev: e.Prev, Members: slices.Clone(v.Members)})
}

// keepPlace puts the client among the others of a list where it stood among those that it knew before.
func keepPlace(before, others []proto.ClientID, self proto.ClientID) []proto.ClientID {
	at := 0
	for _, id := range before {
		if id == self {
			break
		}
		if i := slices.Index(others, id); i >= 0 {
			at = i + 1
		}
	}
	return slices.Insert(slices.Clone(others), at, self)
}
