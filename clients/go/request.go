package parley

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/parley-rtc/parley/proto"
)

// request is what the app asks, from then until its end is known.
type request struct {
	frame proto.Frame
	made  uint64 // its place among all
	done  chan answer
	told  chan error // in the place of done: see [Room.SignalAsync]
	sent  bool       // on the present connection
	doubt bool       // it was sent on one before, and nobody knows what became of it
	again bool       // it was made again because the room had to be resumed first
	kept  bool       // the room that the answer brings is kept: see [Client.Enter]
	entry Entry      // of the room's creation
	stay  *stay      // it is made to come back to a room
}

type answer struct {
	event *proto.Event
	room  *Room
	err   error
}

func (r *request) end(a answer) {
	select {
	case r.done <- a:
	case r.told <- a.err:
	default: // it has ended
	}
}

func (r *request) refuse(code Code) { r.end(answer{err: refusal(code, string(r.frame.Room))}) }

func (r *request) isSignal() bool { return r.frame.Name == proto.SignalSend }

func (r *request) isEntering() bool {
	return r.frame.Name == proto.RoomCreate || r.frame.Name == proto.RoomJoin || r.frame.Name == proto.RoomEnter
}

func (r *request) isLeaving() bool {
	return r.frame.Name == proto.RoomLeave || r.frame.Name == proto.RoomClose
}

// ask makes a request and waits for its end.
func (c *Client) ask(ctx context.Context, r *request) (answer, error) {
	r.done = make(chan answer, 1)
	c.mu.Lock()
	if err := c.accept(r); err != nil {
		c.mu.Unlock()
		return answer{}, err
	}
	c.mu.Unlock()
	c.write()
	select {
	case a := <-r.done:
		if a.err != nil {
			c.mu.Lock()
			c.lookAfter(r)
			c.mu.Unlock()
		}
		return a, a.err
	case <-ctx.Done():
		c.mu.Lock()
		c.take(r.frame.Ref)
		c.lookAfter(r)
		c.mu.Unlock()
		return answer{}, fmt.Errorf("parley: %s %q: %w", r.frame.Name, r.frame.Room, ctx.Err())
	}
}

// accept takes a request in, and sends it when it may go.
func (c *Client) accept(r *request) error {
	room := string(r.frame.Room)
	if c.state == Over {
		return refusal(Closed, room)
	}
	if r.isSignal() && c.state != Open && c.resuming[room] == nil {
		return refusal(Disconnected, room)
	}
	if err := r.frame.Check(); err != nil {
		return &Error{Code: Code(proto.CodeBadRequest), Message: err.Error(), Room: room}
	}
	c.refs++
	r.made = c.refs
	r.frame.Ref, r.frame.HasRef = strconv.FormatUint(c.refs, 36), true
	c.pending[r.frame.Ref] = r
	c.sendIfMayGo(r)
	return nil
}

// sendIfMayGo sends a request unless there is no connection, or its room has to be resumed first.
func (c *Client) sendIfMayGo(r *request) {
	if r.sent || c.state != Open || r.frame.Name != proto.Resume && c.resuming[string(r.frame.Room)] != nil {
		return
	}
	if r.isSignal() && r.frame.N == 0 && c.session != nil && c.knows {
		if r.frame.N = c.session.number(); r.frame.N == 0 { // the numbers of this connection are used up: the next turn has more
			conn := c.conn
			go func() { _ = conn.CloseNow() }()
			return
		}
	}
	text := proto.AppendFrame(nil, &r.frame)
	if most := c.limits.Frame; most > 0 && len(text) > most {
		c.take(r.frame.Ref)
		message := fmt.Sprintf("that is more than the %d bytes that the server takes at once", most)
		r.end(answer{err: &Error{Code: Code(proto.CodeTooLarge), Message: message, Room: string(r.frame.Room)}})
		return
	}
	r.sent = true
	c.unsent = append(c.unsent, text)
}

// tell sends what needs no answer.
func (c *Client) tell(f *proto.Frame) {
	if c.state == Open {
		c.unsent = append(c.unsent, proto.AppendFrame(nil, f))
	}
}

// flush sends all that may go now, in order; of one room, if one is named.
func (c *Client) flush(room string) {
	for _, r := range c.requests() {
		if room == "" || string(r.frame.Room) == room {
			c.sendIfMayGo(r)
		}
	}
}

// requests are those without an end, oldest first.
func (c *Client) requests() []*request {
	return slices.SortedFunc(maps.Values(c.pending), func(a, b *request) int { return int(a.made) - int(b.made) })
}

// take takes a request out; nil where it is not among them any more.
func (c *Client) take(ref string) *request {
	r := c.pending[ref]
	delete(c.pending, ref)
	return r
}

// rejectAll takes out and refuses those that which picks.
func (c *Client) rejectAll(which func(*request) bool, code Code) {
	for _, r := range c.requests() {
		if which(r) {
			c.take(r.frame.Ref)
			r.refuse(code)
		}
	}
}

// dropSignals gives the signals to a room's members up, or to those that whom picks: they are gone.
func (c *Client) dropSignals(room string, whom func(id string) bool) {
	code := NotInRoom
	if whom != nil {
		code = TargetNotFound
	}
	for _, r := range c.pending {
		if r.isSignal() && string(r.frame.Room) == room && (whom == nil || whom(string(r.frame.TargetID))) {
			c.take(r.frame.Ref)
			r.refuse(code)
		}
	}
}

// first is the first request that changes whether this client is in a room, or of one name.
func (c *Client) firstAbout(room string, which func(*request) bool) *request {
	var first *request
	for _, r := range c.pending {
		if string(r.frame.Room) == room && which(r) && (first == nil || r.made < first.made) {
			first = r
		}
	}
	return first
}

func changes(r *request) bool { return r.isEntering() || r.isLeaving() }
