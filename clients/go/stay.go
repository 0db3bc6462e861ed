package parley

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// stay is a room that [Client.Enter] keeps the client in until the app leaves it.
type stay struct {
	room  *Room
	entry Entry
	since time.Time // when this client came into it last
	tries int       // to come back, since it was last in it for long
	timer *time.Timer
}

// meant is why this client is out where somebody meant it: it does not come back by itself.
var meant = []string{"closed", "kicked", "banned", "forbidden"}

// Entry is what comes into a room with this client, and how the room is made where there is none.
type Entry struct {
	Meta        any    // what this client says of itself, such as a name: a JSON object of 256 bytes at most. All members see it
	Password    string // the room's, if it has one
	OnOwnerGone Policy // of a room that is made; [CloseIt] unless said otherwise
}

// admit makes this client a member, as an answer says. The lock is held.
func (c *Client) admit(e *proto.Event, r *request) *Room {
	name := string(e.Room)
	delete(c.unasked, name)
	room, s := c.rooms[name], c.stays[name]
	switch {
	case room != nil:
		room.level(e)
	case s != nil:
		room = s.room
		s.stop()
		s.since = time.Now()
		c.rooms[name] = room
		room.back(e)
	default:
		room = newRoom(c, e)
		c.rooms[name] = room
	}
	if r != nil && r.kept && room.ended == nil {
		c.keepIn(room, r.entry)
	}
	return room
}

func (c *Client) keepIn(room *Room, entry Entry) {
	if s := c.stays[room.name]; s != nil && s.room == room {
		s.entry = entry
		return
	}
	c.stays[room.name] = &stay{room: room, entry: entry, since: time.Now()}
}

func (s *stay) stop() {
	if s.timer != nil {
		s.timer.Stop()
	}
}

// wanted is false of a request that was made to come back to a room which the app has left since.
func (c *Client) wanted(r *request) bool {
	return r.stay == nil || c.stays[string(r.frame.Room)] == r.stay
}

// out takes one room that this client did not leave and is in no longer. One that is kept comes back.
func (c *Client) out(room *Room, end End) {
	s := c.stays[room.name]
	if s == nil || s.room != room || c.state == Over || slices.Contains(meant, end.Reason) {
		c.forget(room, end)
		return
	}
	delete(c.rooms, room.name)
	c.dropSignals(room.name, nil)
	s.tries++
	if time.Since(s.since) >= steadyAfter {
		s.tries = 0
	}
	others := len(room.members)
	room.putOut(end.Reason)
	if c.stays[room.name] == s && c.state == Open {
		// Everybody is put out at once. Not all should create the room: the more they are, the longer they spread.
		spread := rand.N(min(2*time.Second, 200*time.Millisecond+time.Duration(others)*20*time.Millisecond))
		if s.tries > 0 {
			spread += c.delay(0, s.tries)
		}
		c.comeBackAfter(s, spread)
	}
}

// forget ends a room for good.
func (c *Client) forget(room *Room, end End) {
	if c.rooms[room.name] == room {
		delete(c.rooms, room.name)
	}
	if s := c.stays[room.name]; s != nil && s.room == room {
		s.stop()
		delete(c.stays, room.name)
	}
	c.dropSignals(room.name, nil)
	room.finish(end)
}

// tooSlow puts this client out of a room whose events the app does not take.
func (c *Client) tooSlow(room *Room) {
	c.forget(room, End{How: Slow})
	c.tellLeft(room.name)
}

func (c *Client) pauseStays() {
	clear(c.unasked)
	for _, s := range c.stays {
		s.stop()
	}
}

// comeBack comes back to the rooms out of which this client was put.
func (c *Client) comeBack() {
	for _, s := range c.stays {
		if s.room.away && c.resuming[s.room.name] == nil && c.firstAbout(s.room.name, changes) == nil {
			c.comeBackAfter(s, 0)
		}
	}
}

// lookAfter comes back to a kept room where a request of the app's, which would have done so, has failed or was given up.
func (c *Client) lookAfter(r *request) {
	name := string(r.frame.Room)
	s := c.stays[name]
	if s == nil || r.stay != nil || !r.isEntering() || !s.room.away || c.state != Open || c.resuming[name] != nil || c.firstAbout(name, changes) != nil {
		return
	}
	s.tries++
	c.comeBackAfter(s, c.delay(0, s.tries))
}

// comeBackAfter enters a kept room again after a delay, and again until this client is in, or may not be. The lock is held.
func (c *Client) comeBackAfter(s *stay, delay time.Duration) {
	s.stop()
	s.timer = time.AfterFunc(delay, func() {
		if !c.begin() {
			return
		}
		defer c.all.Done()
		_, err := c.enter(c.ctx, s.room.name, s.entry, s)
		if err == nil {
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		// Left meanwhile, or in again by another request; or the connection is lost, and the next one tries.
		if c.stays[s.room.name] != s || !s.room.away || c.state != Open {
			return
		}
		var e *Error
		switch {
		case !errors.As(err, &e):
		case e.Temporary(), e.Code == RoomExists, e.Code == RoomNotExists:
			s.tries++
			c.comeBackAfter(s, c.delay(0, s.tries))
		default:
			c.forget(s.room, End{How: Denied, Reason: string(e.Code), Message: e.Message})
		}
	})
}

// begin counts a goroutine for which Close waits. False: the client is closed.
func (c *Client) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == Over {
		return false
	}
	c.all.Add(1)
	return true
}

// Enter joins a room, or creates it where there is none, and keeps the client in it until the app leaves it: whatever puts it out, or ends
// the connection, it comes back by itself and the [Room] is the same. Entering a room that the client is in gives that one.
//
// An error says that it cannot be entered now: "forbidden", "locked", "bad-password", "banned", "room-full". Once it was, only [Room.Ended]
// says that it cannot be any more.
func (c *Client) Enter(ctx context.Context, name string, entry Entry) (*Room, error) {
	c.mu.Lock()
	room := c.rooms[name]
	leaving := c.firstAbout(name, func(r *request) bool { return r.frame.Name == proto.RoomLeave }) != nil
	if room != nil && !leaving {
		c.keepIn(room, entry)
		c.mu.Unlock()
		return room, nil
	}
	c.mu.Unlock()
	return c.enter(ctx, name, entry, nil)
}

func (c *Client) enter(ctx context.Context, name string, entry Entry, s *stay) (*Room, error) {
	room, err := c.come(ctx, proto.RoomEnter, name, entry, s)
	c.mu.Lock()
	older := !c.knows
	c.mu.Unlock()
	if CodeOf(err) != Code(proto.CodeBadRequest) || !older {
		return room, err
	}
	for tries := range 6 { // an older server. Between a refusal and the next request another client may create the room, or close it
		kind := proto.RoomJoin
		if tries%2 == 1 {
			kind = proto.RoomCreate
		}
		room, err = c.come(ctx, kind, name, entry, s)
		if code := CodeOf(err); code != RoomExists && code != RoomNotExists {
			break
		}
	}
	return room, err
}

// come makes a request that makes this client a member and keeps it there.
func (c *Client) come(ctx context.Context, kind proto.Name, name string, entry Entry, s *stay) (*Room, error) {
	f, err := entering(kind, name, entry)
	if err != nil {
		return nil, err
	}
	a, err := c.ask(ctx, &request{frame: f, kept: true, entry: entry, stay: s})
	return a.room, err
}
