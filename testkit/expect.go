package testkit

import (
	"context"
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-rtc/parley/proto"
)

// Do is [Client.Request] for tests: it fails the test when no answer comes within 15 seconds.
func (c *Client) Do(tb testing.TB, f proto.Frame) proto.Event {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), waitTimeout)
	defer cancel()
	e, err := c.Request(ctx, f)
	if err != nil {
		tb.Fatalf("testkit: %s: %v", c.id, err)
	}
	return e
}

// Create asks for room-create.
func (c *Client) Create(tb testing.TB, room proto.Room) proto.Event {
	tb.Helper()
	return c.Do(tb, proto.Frame{Name: proto.RoomCreate, Room: room})
}

// Join asks for room-join.
func (c *Client) Join(tb testing.TB, room proto.Room) proto.Event {
	tb.Helper()
	return c.Do(tb, proto.Frame{Name: proto.RoomJoin, Room: room})
}

// Leave asks for room-leave.
func (c *Client) Leave(tb testing.TB, room proto.Room) proto.Event {
	tb.Helper()
	return c.Do(tb, proto.Frame{Name: proto.RoomLeave, Room: room})
}

// Signal asks for signal-send, with data as JSON.
func (c *Client) Signal(tb testing.TB, room proto.Room, target proto.ClientID, data string) proto.Event {
	tb.Helper()
	return c.Do(tb, proto.Frame{Name: proto.SignalSend, Room: room, TargetID: target, Data: jsontext.Value(data)})
}

// Enter asks for room-enter: it joins the room, or creates it where there is none.
func (c *Client) Enter(tb testing.TB, room proto.Room) proto.Event {
	tb.Helper()
	return c.Do(tb, proto.Frame{Name: proto.RoomEnter, Room: room})
}

// CloseRoom asks for room-close.
func (c *Client) CloseRoom(tb testing.TB, room proto.Room) proto.Event {
	tb.Helper()
	return c.Do(tb, proto.Frame{Name: proto.RoomClose, Room: room})
}

// SignalN is [Client.Signal] of a client that numbers its signals itself.
func (c *Client) SignalN(tb testing.TB, room proto.Room, target proto.ClientID, n int64, data string) proto.Event {
	tb.Helper()
	return c.Do(tb, proto.Frame{Name: proto.SignalSend, Room: room, TargetID: target, N: n, Data: jsontext.Value(data)})
}

// Resume asks for resume of a room in which an earlier turn of the session has heard what was given. What comes before live is
// left to be expected.
func (c *Client) Resume(tb testing.TB, room proto.Room, heard Heard) proto.Event {
	tb.Helper()
	return c.Do(tb, heard.Frame(room, false))
}

// ResumeFresh is [Client.Resume] of a page that was loaded anew.
func (c *Client) ResumeFresh(tb testing.TB, room proto.Room) proto.Event {
	tb.Helper()
	return c.Do(tb, Heard{}.Frame(room, true))
}

// Expect takes the next event that is no answer to a ref, and fails the test unless it has one of the names: nothing
// may come before it. Answers that came meanwhile are passed over.
func (c *Client) Expect(tb testing.TB, names ...proto.Name) Received {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), waitTimeout)
	defer cancel()
	for {
		r, err := c.Next(ctx)
		if err != nil {
			tb.Fatalf("testkit: %s: waiting for %v: %v", c.id, names, err)
		}
		if r.Ref != "" && !slices.Contains(names, r.Name) {
			continue
		}
		if !slices.Contains(names, r.Name) {
			tb.Fatalf("testkit: %s heard %s, expected %v", c.id, r.Raw, names)
		}
		return r
	}
}

// Quiet fails the test when the client has heard something that it has not taken, but for answers to a ref. It asks for
// a pong first, so that whatever the server has queued by now is here.
func (c *Client) Quiet(tb testing.TB) {
	tb.Helper()
	c.Do(tb, proto.Frame{Name: proto.Ping})
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.heard[c.read:] {
		if r.Ref == "" {
			tb.Errorf("testkit: %s heard %s, expected nothing", c.id, r.Raw)
		}
	}
	c.read = len(c.heard)
}
