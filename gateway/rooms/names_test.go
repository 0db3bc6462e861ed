package rooms_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// told is a room as somebody has it: the room service, or a client that takes note of what it is told.
type told struct {
	in     bool
	owner  proto.ClientID
	locked bool
	users  map[proto.ClientID]string // of each member
	order  []proto.ClientID          // in which they joined; the room service's
	seq    uint64
}

// more returns what an event says beside who is there.
func (r *told) more() *proto.More {
	m := &proto.More{Locked: r.locked}
	for _, id := range r.order {
		if user := r.users[id]; user != "" {
			m.Members = append(m.Members, proto.MemberInfo{ID: id, Who: proto.Who{User: user}})
		}
	}
	if !m.Locked && m.Members == nil {
		return nil
	}
	return m
}

// hear takes note of an event, as a client does.
func (r *told) hear(self proto.ClientID, e *proto.Event) {
	user := ""
	if e.More != nil {
		user = e.More.User
	}
	switch e.Name {
	case proto.RoomJoined:
		r.in, r.owner, r.locked, r.users = true, e.OwnerID, e.More != nil && e.More.Locked, make(map[proto.ClientID]string)
		for _, id := range e.Unpack() {
			r.users[id] = ""
		}
		if e.More != nil {
			for _, m := range e.More.Members {
				r.users[m.ID] = m.User
			}
		}
	case proto.RoomLeft:
		r.in = false
	case proto.ClientLeft:
		delete(r.users, e.ID)
		if e.OwnerID != "" {
			r.owner = e.OwnerID
		}
	case proto.ClientJoined, proto.MemberUpdated:
		r.users[e.ID] = user
	case proto.RoomUpdated:
		r.owner, r.locked = e.OwnerID, e.More != nil && e.More.Locked
	default:
	}
	delete(r.users, self)
}

// lossy is a room service with one room, and a gateway to which its events are lost at times.
type lossy struct {
	*rapid.T
	core    *rooms.Core
	truth   told
	clients map[proto.ClientID]*rooms.Client
	heard   map[proto.ClientID]*told
	joined  map[proto.ClientID]proto.RequestID
	num     uint64
	answers []rooms.In // on their way
	rosters []uint64   // asked for
	trace   []string
}

func (w *lossy) chance(percent int, of string) bool {
	return rapid.IntRange(0, 99).Draw(w.T, of) < percent
}

// step steps the core, and lets its clients hear.
func (w *lossy) step(in rooms.In) {
	for _, o := range w.core.Step(&in) {
		switch o.Kind {
		case rooms.AskRoster:
			w.rosters = append(w.rosters, o.Num)
			w.trace = append(w.trace, show(&o))
		case rooms.Tell:
			w.trace = append(w.trace, show(&o))
			for _, c := range o.To {
				w.heard[c.ID].hear(c.ID, o.Event)
			}
		default:
		}
	}
}

// change commits a change, and tells it unless that is lost.
func (w *lossy) change(e proto.Event) {
	e.Room, e.Prev, e.Seq = "r", w.truth.seq, w.truth.seq+1
	w.truth.seq++
	lost := w.chance(30, "lost")
	w.trace = append(w.trace, fmt.Sprintf("%s (lost: %t)", proto.AppendEvent(nil, &e), lost))
	if !lost {
		w.step(rooms.In{Kind: rooms.Event, Event: &e, Payload: proto.AppendEvent(nil, &e)})
	}
}

// user returns what others are to see of somebody: often nothing.
func (w *lossy) user() string {
	return rapid.SampledFrom([]string{"", "", "Ann", "Bob"}).Draw(w.T, "user")
}

func shows(user string) *proto.More {
	if user == "" {
		return nil
	}
	return &proto.More{User: user}
}

// enter makes somebody a member.
func (w *lossy) enter(id proto.ClientID, user string) {
	w.truth.users[id], w.truth.order = user, append(w.truth.order, id)
	w.change(proto.Event{Name: proto.ClientJoined, ID: id, More: shows(user)})
}

// join has one of the gateway's clients join, and its answer come later.
func (w *lossy) join(id proto.ClientID) {
	cl := w.clients[id]
	if slices.ContainsFunc(w.answers, func(in rooms.In) bool { return in.Client == cl }) {
		return
	}
	w.num++
	user := w.user()
	ask := rooms.Ask{Op: proto.OpJoin, Room: "r", Num: w.num, ID: proto.RequestID(fmt.Sprint(w.num)), Shows: shows(user)}
	w.step(rooms.In{Kind: rooms.Begin, Client: cl, Ask: ask})
	bears := w.joined[id]
	if _, in := w.truth.users[id]; !in {
		bears, w.joined[id] = "", ask.ID
		w.enter(id, user)
	}
	more := w.truth.more()
	others := slices.DeleteFunc(slices.Clone(w.truth.order), func(other proto.ClientID) bool { return other == id })
	if more != nil {
		more.Members = slices.DeleteFunc(more.Members, func(m proto.MemberInfo) bool { return m.ID == id })
	}
	w.answers = append(w.answers, rooms.In{Kind: rooms.Answer, Client: cl, Ask: rooms.Ask{Num: w.num}, Bears: bears, Event: &proto.Event{
		Name: proto.RoomJoined, Room: "r", OwnerID: w.truth.owner, Clients: others, Seq: w.truth.seq, More: more,
	}})
}

// leave takes a member out; the owner hands over to the first.
func (w *lossy) leave(id proto.ClientID) {
	if _, in := w.truth.users[id]; !in || len(w.truth.order) == 1 {
		return
	}
	delete(w.truth.users, id)
	w.truth.order = slices.DeleteFunc(w.truth.order, func(other proto.ClientID) bool { return other == id })
	e := proto.Event{Name: proto.ClientLeft, ID: id, Reason: proto.Kicked}
	if w.truth.owner == id {
		w.truth.owner = w.truth.order[0]
		e.OwnerID = w.truth.owner
	}
	w.change(e)
}

// roster answers one that was asked for.
func (w *lossy) roster() {
	if len(w.rosters) == 0 {
		return
	}
	num := w.rosters[0]
	w.rosters = w.rosters[1:]
	w.step(rooms.In{Kind: rooms.Roster, Num: num, Event: &proto.Event{
		Name: proto.Roster, Room: "r", OwnerID: w.truth.owner, Clients: slices.Clone(w.truth.order), Seq: w.truth.seq, More: w.truth.more(),
	}})
}

// act lets something happen.
func (w *lossy) act() {
	id := rapid.SampledFrom([]proto.ClientID{"a", "b", "c", "x", "y"}).Draw(w.T, "who")
	_, in := w.truth.users[id]
	switch rapid.IntRange(0, 9).Draw(w.T, "what") {
	case 0, 1:
		if w.clients[id] != nil {
			w.join(id)
		} else if !in {
			w.enter(id, w.user())
		}
	case 2:
		w.leave(id)
	case 3, 4:
		if in {
			w.truth.users[id] = w.user()
			w.change(proto.Event{Name: proto.MemberUpdated, ID: id, More: shows(w.truth.users[id])})
		}
	case 5:
		w.truth.locked = !w.truth.locked
		w.change(proto.Event{Name: proto.RoomUpdated, OwnerID: w.truth.owner, More: &proto.More{Locked: w.truth.locked}})
	case 6:
		w.truth.owner = rapid.SampledFrom(w.truth.order).Draw(w.T, "owner")
		w.change(proto.Event{Name: proto.RoomUpdated, OwnerID: w.truth.owner, More: &proto.More{Locked: w.truth.locked}})
	case 7, 8:
		if len(w.answers) > 0 {
			answer := w.answers[0]
			w.answers = w.answers[1:]
			w.step(answer)
		}
	default:
		w.roster()
	}
}

// settle lets everything arrive that is on its way, and the rooms be compared.
func (w *lossy) settle() {
	for len(w.answers) > 0 {
		answer := w.answers[0]
		w.answers = w.answers[1:]
		w.step(answer)
	}
	for range 2 {
		w.step(rooms.In{Kind: rooms.CompareAll, Why: rooms.Reconnect})
		for len(w.rosters) > 0 {
			w.roster()
		}
	}
}

func TestWhateverWasLostMembersKnowInTheEndWhoIsThereWhatEachBearsAndWhatStandsAboutTheRoom(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := &lossy{
			T: t, clients: make(map[proto.ClientID]*rooms.Client), heard: make(map[proto.ClientID]*told),
			joined: make(map[proto.ClientID]proto.RequestID),
			core:   rooms.New(rooms.Config{Self: "g1", Many: 50, MaxRosters: 2, MaxKept: 1 << 16, MaxKeptOne: 1 << 16, Missed: 1 << 40, Remember: 1 << 32}),
			truth:  told{owner: "x", users: map[proto.ClientID]string{"x": ""}, order: []proto.ClientID{"x"}, seq: 1},
		}
		for _, id := range []proto.ClientID{"a", "b", "c"} {
			w.clients[id], w.heard[id] = &rooms.Client{ID: id}, &told{users: make(map[proto.ClientID]string)}
			w.step(rooms.In{Kind: rooms.Open, Client: w.clients[id]})
		}
		for range rapid.IntRange(5, 60).Draw(t, "steps") {
			w.act()
		}
		w.settle()
		for id, have := range w.heard {
			users := maps.Clone(w.truth.users)
			delete(users, id)
			_, in := w.truth.users[id]
			if have.in != in {
				t.Fatalf("%s is in: %t, and was told %t\n%s", id, in, have.in, strings.Join(w.trace, "\n"))
			}
			if in && (have.owner != w.truth.owner || have.locked != w.truth.locked || !maps.Equal(have.users, users)) {
				t.Fatalf("%s has %+v, and it is %+v\n%s", id, *have, w.truth, strings.Join(w.trace, "\n"))
			}
		}
	})
}
