// Package memory holds the rooms as they were committed, for whoever reads them. One worker writes; signals, lists and
// checks read from other goroutines. The lock is held for moments, never across I/O.
package memory

import (
	"maps"
	"slices"
	"sync"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// Rooms are a worker's rooms. The worker alone calls [Rooms.Put], [Rooms.Remove] and [Rooms.Grow], and, without a lock,
// [Rooms.State], [Rooms.Tokens], [Rooms.Gateways] and [Rooms.At]; every other method may be called from any goroutine.
type Rooms struct {
	mu    sync.RWMutex // guards the fields below and what is in each Room; only the worker takes it for writing
	rooms map[proto.Token]*Room
	// byGateway holds the rooms in which a gateway has members. Lists, since the order of a map is another each time.
	byGateway map[proto.GatewayID][]*Room
}

// Room is a room in memory.
type Room struct {
	Token proto.Token
	state *room.State
	// targets has the members of a large room, and where signals to each are sent: see routed. It is nil in a small one.
	targets map[proto.ClientID]proto.GatewayID
	places  []place // one for each gateway that has members
}

// place says where a room stands in a gateway's list.
type place struct {
	gateway proto.GatewayID
	at      int
}

// New returns an empty memory.
func New() *Rooms {
	return &Rooms{rooms: make(map[proto.Token]*Room), byGateway: make(map[proto.GatewayID][]*Room)}
}

// Grow makes memory for many rooms at once, if there are none yet.
func (r *Rooms) Grow(rooms int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.rooms) == 0 {
		r.rooms = make(map[proto.Token]*Room, rooms)
	}
}

// State returns a room as it was committed; nil when memory has nothing of it.
func (r *Rooms) State(token proto.Token) *room.State {
	if e := r.rooms[token]; e != nil {
		return e.state
	}
	return nil
}

// Put makes a state the room's. It returns the gateways that had no members in any of these rooms before. st must not be
// nil: see [Rooms.Remove].
func (r *Rooms) Put(token proto.Token, st *room.State) (fresh []proto.GatewayID) {
	gateways := st.Gateways()
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.rooms[token]
	if e == nil {
		e = &Room{Token: token}
		r.rooms[token] = e
	}
	old := e.state
	fresh = r.place(e, gateways)
	e.state = st
	e.index(old)
	return fresh
}

// Remove forgets a room.
func (r *Rooms) Remove(token proto.Token) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.rooms[token]; e != nil {
		r.place(e, nil)
		delete(r.rooms, token)
	}
}

// place lists a room under the gateways that have members in it, and under no other. It is called with the lock held.
func (r *Rooms) place(e *Room, gateways []proto.GatewayID) (fresh []proto.GatewayID) {
	if slices.EqualFunc(e.places, gateways, func(p place, g proto.GatewayID) bool { return p.gateway == g }) {
		return nil
	}
	for _, p := range e.places {
		if !slices.Contains(gateways, p.gateway) {
			r.unlist(p)
		}
	}
	places := make([]place, 0, len(gateways))
	for _, g := range gateways {
		if i := e.place(g); i >= 0 {
			places = append(places, e.places[i])
			continue
		}
		list := r.byGateway[g]
		if len(list) == 0 {
			fresh = append(fresh, g)
		}
		places = append(places, place{g, len(list)})
		r.byGateway[g] = append(list, e)
	}
	e.places = places
	return fresh
}

// unlist takes a room out of a gateway's list; the last in the list takes its place.
func (r *Rooms) unlist(p place) {
	list := r.byGateway[p.gateway]
	last := list[len(list)-1]
	list[p.at] = last
	last.places[last.place(p.gateway)].at = p.at
	list[len(list)-1] = nil
	if list = list[:len(list)-1]; len(list) == 0 {
		delete(r.byGateway, p.gateway)
		return
	}
	r.byGateway[p.gateway] = list
}

func (e *Room) place(g proto.GatewayID) int {
	return slices.IndexFunc(e.places, func(p place) bool { return p.gateway == g })
}

// Tokens returns all rooms, in order.
func (r *Rooms) Tokens() []proto.Token { return slices.Sorted(maps.Keys(r.rooms)) }

// Len returns how many rooms there are, those included whose closing is still remembered.
func (r *Rooms) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.rooms)
}

// Gateways returns the gateways that have members, in order.
func (r *Rooms) Gateways() []proto.GatewayID { return slices.Sorted(maps.Keys(r.byGateway)) }

// At returns the room at an index of a gateway's list, which has [Rooms.Count] rooms. Changes reorder the list.
func (r *Rooms) At(gateway proto.GatewayID, i int) (proto.Token, *room.State) {
	e := r.byGateway[gateway][i]
	return e.Token, e.state
}

// Count returns in how many rooms a gateway has members.
func (r *Rooms) Count(gateway proto.GatewayID) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.byGateway[gateway])
}

// Of returns the rooms in which a gateway has members.
func (r *Rooms) Of(gateway proto.GatewayID) []*Room {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.byGateway[gateway])
}

// Load returns a room's present state.
func (r *Rooms) Load(e *Room) *room.State {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return e.state
}

// Each calls do with every open room, in no order, while writers wait.
func (r *Rooms) Each(do func(*room.State)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, e := range r.rooms {
		if e.state.Open() {
			do(e.state)
		}
	}
}
