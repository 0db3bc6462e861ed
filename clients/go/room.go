package parley

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// MaxEvents is how many events of a room wait for the app. One that takes none of them is put out of the room, with [Slow], rather than
// being told a part.
const MaxEvents = 4096

// Room is a room that a client is in. It stays the same over losses of the connection, and one that was entered ([Client.Enter]) over
// closings of the room too.
type Room struct {
	client *Client
	name   string

	// What follows is guarded by the client's lock.
	self     string
	owner    string
	members  []string // the others, in the order in which they joined
	seq      uint64
	about    About
	infos    map[string]Info
	absent   map[string]bool   // members that are away
	returns  map[string]uint64 // by member, the number of the change by which it joined or came back last
	heard    map[string]int64  // by member, the number of its last signal
	knocking map[string]Info
	away     bool
	caughtUp bool
	ended    *End
	events   []Event
	wake     chan struct{} // has a token when there is an event or an end
}

// Policy is what becomes of a room when its owner leaves, or was away for too long.
type Policy string

// The policies.
const (
	CloseIt    Policy = "close"    // unless said otherwise
	TransferIt Policy = "transfer" // the member that has been in longest owns it
	Stay       Policy = "stay"     // nobody owns it
)

// Info is what others see of a member.
type Info struct {
	User   string          // who it is, by the app's word; empty without a token
	Claims json.RawMessage // the app's word on it: a JSON object, or nil
	Meta   json.RawMessage // its own word: a JSON object, or nil
	Mod    bool            // it moderates the room
}

// About is what stands about a room.
type About struct {
	Locked      bool
	Password    bool // there is one
	MaxMembers  int  // 0: no limit of its own
	Knock       bool // who meets the lock, or lacks the password, may knock
	OnOwnerGone Policy
	Meta        json.RawMessage
}

func newRoom(c *Client, e *proto.Event) *Room {
	r := &Room{client: c, name: string(e.Room), wake: make(chan struct{}, 1)}
	r.begin(e)
	r.members = texts(e.Clients)
	for _, id := range e.Away {
		r.absent[string(id)] = true
	}
	return r
}

// begin takes a room-created or room-joined as the beginning of a stay.
func (r *Room) begin(e *proto.Event) {
	r.self, r.owner = r.client.id, string(e.OwnerID)
	if e.Name == proto.RoomCreated && r.owner == "" {
		r.owner = r.self
	}
	r.seq, r.caughtUp = e.Seq, true
	r.absent, r.returns, r.heard, r.knocking = map[string]bool{}, map[string]uint64{}, map[string]int64{}, map[string]Info{}
	r.describe(e)
}

// describe takes what a frame says of the members and of the room.
func (r *Room) describe(e *proto.Event) {
	r.infos = map[string]Info{}
	if e.More != nil {
		for _, m := range e.More.Members {
			r.infos[string(m.ID)] = Info{User: m.User, Claims: json.RawMessage(m.Claims), Meta: json.RawMessage(m.Meta), Mod: m.Mod}
		}
	}
	r.about = aboutOf(e)
}

func aboutOf(e *proto.Event) About {
	a := About{OnOwnerGone: cmp.Or(Policy(e.Policy), CloseIt)}
	if m := e.More; m != nil {
		a.Locked, a.Password, a.MaxMembers, a.Knock, a.Meta = m.Locked, m.Password, m.MaxMembers, m.Knock, json.RawMessage(m.Meta)
	}
	return a
}

func infoOf(e *proto.Event) Info {
	if m := e.More; m != nil {
		return Info{User: m.User, Claims: json.RawMessage(m.Claims), Meta: json.RawMessage(m.Meta), Mod: m.Mod}
	}
	return Info{}
}

// Name is the room's.
func (r *Room) Name() string { return r.name }

// Self is the id that this client has in the room.
func (r *Room) Self() string { return see(r, func() string { return r.self }) }

// Owner is the owner's id; empty where there is none.
func (r *Room) Owner() string { return see(r, func() string { return r.owner }) }

// Members are the ids of the others, in the order in which they joined.
func (r *Room) Members() []string { return see(r, func() []string { return slices.Clone(r.members) }) }

// Away reports whether this client's own stay is interrupted.
func (r *Room) Away() bool { return see(r, func() bool { return r.away }) }

// IsAway reports whether a member is known to have no connection.
func (r *Room) IsAway(id string) bool { return see(r, func() bool { return r.absent[id] }) }

// About is what stands about the room.
func (r *Room) About() About { return see(r, func() About { return r.about }) }

// Owned reports whether this client is the owner.
func (r *Room) Owned() bool { return see(r, func() bool { return r.owner == r.self }) }

// Info is what others see of a member. Of this client itself only what was told since it is in.
func (r *Room) Info(id string) Info { return see(r, func() Info { return r.infos[id] }) }

// Knocking are those who knock, as far as this client is told: owner and moderators are.
func (r *Room) Knocking() map[string]Info {
	return see(r, func() map[string]Info { return maps.Clone(r.knocking) })
}

// Ended says how this client's stay has ended; nil while it lasts.
func (r *Room) Ended() *End { return see(r, func() *End { return r.ended }) }

func see[T any](r *Room, look func() T) T {
	r.client.mu.Lock()
	defer r.client.mu.Unlock()
	return look()
}

// Signal sends a signal to another member: data is anything that encoding/json takes. Between browsers it is {"description": ...} or
// {"candidate": ...}.
//
// It returns nil once the signal stands in the queue of the target's connection. While the target is away, or this client is, it waits,
// and the signal is sent again after a loss of the connection until its end is known; it arrives once. Signals to one member arrive in
// the order in which they were sent. A ctx that ends gives the signal up; one that has gone out may arrive all the same.
// [TargetNotFound]: the target has left, or came back without its past.
func (r *Room) Signal(ctx context.Context, target string, data any) error {
	request, err := r.signal(target, data)
	if err != nil {
		return err
	}
	_, err = r.client.ask(ctx, request)
	return err
}

// SignalAsync is [Room.Signal], and does not wait: the channel tells its end, once. So one goroutine may send one signal after the other, and
// they arrive in that order.
func (r *Room) SignalAsync(target string, data any) <-chan error {
	end := make(chan error, 1)
	request, err := r.signal(target, data)
	if err == nil {
		request.told = end
		c := r.client
		c.mu.Lock()
		err = c.accept(request)
		c.mu.Unlock()
		c.write()
	}
	if err != nil {
		end <- err
	}
	return end
}

func (r *Room) signal(target string, data any) (*request, error) {
	text, err := json.Marshal(data)
	if err != nil {
		return nil, &Error{Code: Code(proto.CodeBadRequest), Message: "the data is no JSON: " + err.Error(), Room: r.name}
	}
	// Away without members: they are not those that will be there.
	if !see(r, func() bool { return r.ended == nil && (!r.away || slices.Contains(r.members, target)) }) {
		return nil, refusal(NotInRoom, r.name)
	}
	return &request{frame: proto.Frame{Name: proto.SignalSend, Room: proto.Room(r.name), TargetID: proto.ClientID(target), Data: text}}, nil
}

// Leave leaves the room. Its owner's leaving may close it: see [Policy].
func (r *Room) Leave(ctx context.Context) error { return r.client.Leave(ctx, r.name) }

// Close ends the room for all. [Client.CloseRoom] says who may.
func (r *Room) Close(ctx context.Context) error { return r.client.CloseRoom(ctx, r.name) }

func texts(ids []proto.ClientID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id)
	}
	return out
}

func sortedRooms(rooms map[string]*Room) []*Room {
	return slices.SortedFunc(maps.Values(rooms), func(a, b *Room) int { return cmp.Compare(a.name, b.name) })
}
