package main

import (
	"net/http"
	"slices"
	"sync"
)

// room is who is in a room, in join order; the first is the owner.
type room struct {
	name    string
	members []*client
	byID    map[string]*client
	seq     uint64
}

// hub holds the rooms and is the HTTP handler of the sockets.
type hub struct {
	mu    sync.RWMutex
	rooms map[string]*room
	seq   uint64
}

func newHub() *hub { return &hub{rooms: map[string]*room{}} }

// ServeHTTP is a client's life: it returns when the socket has ended.
func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := accept(w, r)
	if err != nil {
		return
	}
	defer func() { _ = c.conn.CloseNow() }()
	c.send(event{Event: "connected", ID: c.id, Version: 1}.encode())

	var writer sync.WaitGroup
	writer.Go(c.write)
	c.read(h)
	c.queue.end()
	_ = c.nc.Close() // ends a write that waits for the peer
	writer.Wait()
	h.drop(c)
}

// handle carries out one request.
func (h *hub) handle(c *client, r request) {
	switch r.Event {
	case "ping":
		c.send(event{Event: "pong", Ref: r.Ref}.encode())
	case "room-create":
		h.create(c, r)
	case "room-join":
		h.join(c, r)
	case "room-leave":
		h.leave(c, r)
	case "signal-send":
		h.signal(c, r)
	default:
		c.send(event{Event: "error", Message: "no such event", Code: "bad-request", Ref: r.Ref}.encode())
	}
}

func (h *hub) create(c *client, r request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rooms[r.Room] != nil {
		c.send(event{Event: "room-exists", Room: r.Room, Ref: r.Ref}.encode())
		return
	}
	h.seq++
	rm := &room{name: r.Room, members: []*client{c}, byID: map[string]*client{c.id: c}, seq: h.seq}
	h.rooms[r.Room], c.rooms[r.Room] = rm, rm
	c.send(event{Event: "room-created", Room: r.Room, Seq: rm.seq, Ref: r.Ref}.encode())
}

func (h *hub) join(c *client, r request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	rm := h.rooms[r.Room]
	if rm == nil {
		c.send(event{Event: "room-not-exists", Room: r.Room, Ref: r.Ref}.encode())
		return
	}
	others := make([]string, 0, len(rm.members))
	for _, m := range rm.members {
		if m != c {
			others = append(others, m.id)
		}
	}
	if rm.byID[c.id] == nil {
		prev := rm.seq
		h.seq++
		rm.seq = h.seq
		rm.tell(event{Event: "client-joined", Room: rm.name, ID: c.id, Seq: rm.seq, Prev: prev})
		rm.members = append(rm.members, c)
		rm.byID[c.id], c.rooms[rm.name] = c, rm
	}
	c.send(event{
		Event: "room-joined", Room: rm.name, OwnerID: rm.members[0].id, Clients: others, Seq: rm.seq, Ref: r.Ref,
	}.encode())
}

func (h *hub) leave(c *client, r request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	rm := c.rooms[r.Room]
	if rm == nil {
		c.send(event{Event: "not-in-room", Room: r.Room, Ref: r.Ref}.encode())
		return
	}
	h.remove(c, rm)
	c.send(event{Event: "room-left", Room: r.Room, Kicked: new(bool), Ref: r.Ref}.encode())
}

func (h *hub) signal(c *client, r request) {
	signal := encodeSignal(r.Room, c.id, r.Data)
	h.mu.RLock()
	defer h.mu.RUnlock()
	rm := c.rooms[r.Room]
	if rm == nil {
		c.send(event{Event: "not-in-room", Room: r.Room, Ref: r.Ref}.encode())
		return
	}
	target := rm.byID[r.TargetID]
	if target == nil {
		c.send(event{Event: "target-not-found", Room: r.Room, TargetID: r.TargetID, Ref: r.Ref}.encode())
		return
	}
	target.send(signal)
	if r.Ref != "" {
		c.send(event{Event: "signal-sent", Room: r.Room, TargetID: r.TargetID, Ref: r.Ref}.encode())
	}
}

// drop takes a client whose socket has ended out of its rooms.
func (h *hub) drop(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, rm := range c.rooms {
		h.remove(c, rm)
	}
}

// remove takes a member out of a room and tells the others; the owner's
// leaving closes the room. The caller holds mu.
func (h *hub) remove(c *client, rm *room) {
	delete(c.rooms, rm.name)
	delete(rm.byID, c.id)
	i := slices.Index(rm.members, c)
	rm.members = slices.Delete(rm.members, i, i+1)
	if i == 0 {
		delete(h.rooms, rm.name)
		kicked := true
		rm.tell(event{Event: "room-left", Room: rm.name, Kicked: &kicked})
		for _, m := range rm.members {
			delete(m.rooms, rm.name)
		}
		return
	}
	prev := rm.seq
	h.seq++
	rm.seq = h.seq
	rm.tell(event{Event: "client-left", Room: rm.name, ID: c.id, Seq: rm.seq, Prev: prev})
}

// tell sends an event to every member. The caller holds the hub's mu.
func (rm *room) tell(e event) {
	frame := e.encode()
	for _, m := range rm.members {
		m.send(frame)
	}
}
