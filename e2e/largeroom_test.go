package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
)

// largeRoom is a large room under load: some members stay and signal, others join, signal and leave all the time.
type largeRoom struct {
	*load
	room  proto.Room
	stay  []*client // the owner first
	come  []*client
	watch *views.Observer
}

// coming is how many come and go.
const coming = 3

// newLargeRoom fills a room with members who stay, and starts the load.
func newLargeRoom(t *testing.T, s *site, watch *views.Observer, members int) *largeRoom {
	t.Helper()
	l, ctx := idleLoad(t, s)
	c := &largeRoom{load: l, room: fresh(t), stay: s.dials(t, members), come: s.dials(t, coming), watch: watch}
	want(t, c.stay[0].Create(t, c.room), proto.RoomCreated)
	for _, member := range c.stay[1:] {
		want(t, member.Join(t, c.room), proto.RoomJoined)
	}
	for i, one := range c.come {
		l.wg.Go(func() { c.comeAndGo(ctx, one, c.stay[(i+1)%members]) })
		l.wg.Go(func() { c.signal(ctx, c.stay[i], c.stay[members-1-i]) })
	}
	return c
}

// comeAndGo joins, signals and leaves, over and over.
func (c *largeRoom) comeAndGo(ctx context.Context, one, target *client) {
	c.each(ctx, func() bool {
		return c.ask(ctx, one, proto.Frame{Name: proto.RoomJoin, Room: c.room}, func(e proto.Event) bool {
			clients := slices.DeleteFunc(slices.Clone(e.Unpack()), func(id proto.ClientID) bool { return slices.Contains(ids(c.come...), id) })
			return e.Name == proto.RoomJoined && e.OwnerID == c.stay[0].ID() && slices.Equal(clients, ids(c.stay...))
		}) && c.ask(ctx, one, proto.Frame{Name: proto.SignalSend, Room: c.room, TargetID: target.ID(), Data: []byte(`1`)}, named(proto.SignalSent)) &&
			c.ask(ctx, one, proto.Frame{Name: proto.RoomLeave, Room: c.room}, named(proto.RoomLeft))
	})
}

// signal signals from one who stays to another, and asks what is refused.
func (c *largeRoom) signal(ctx context.Context, one, target *client) {
	c.each(ctx, func() bool {
		return c.ask(ctx, one, proto.Frame{Name: proto.SignalSend, Room: c.room, TargetID: target.ID(), Data: []byte(`2`)}, named(proto.SignalSent)) &&
			c.ask(ctx, one, proto.Frame{Name: proto.RoomCreate, Room: c.room}, named(proto.RoomExists))
	})
}

// each does something over and over, with a rest after each time: what a large room hears of is much.
func (c *largeRoom) each(ctx context.Context, do func() bool) {
	tick := time.NewTicker(60 * time.Millisecond)
	defer tick.Stop()
	for do() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// finish ends the load and checks that no answer was wrong, that nobody who stayed was removed, and that all are level.
func (c *largeRoom) finish(t *testing.T) {
	t.Helper()
	c.load.finish(t)
	truth, all := c.site.truth(t), slices.Concat(c.stay, c.come)
	harness.AwaitFor(t, 20*time.Second, fmt.Sprintf("all see %q as it is", c.room), func() bool {
		members, _, err := truth.Members(t.Context(), c.room)
		if err != nil || !slices.Equal(members[:min(len(members), len(c.stay))], ids(c.stay...)) {
			return false
		}
		return !slices.ContainsFunc(all, func(one *client) bool {
			v := c.view(one, c.room)
			in := v != nil && v.In
			return in != slices.Contains(members, one.ID()) || in && !views.Same(one.ID(), v.Members, members, views.Level)
		})
	})
	for _, one := range all {
		_, errs := views.Replay(one.ID(), one.All(), views.Level)
		for _, err := range errs {
			t.Error(err)
		}
		if !one.Ended().IsZero() {
			t.Errorf("the connection of %s has ended", one.ID())
		}
	}
	for _, err := range c.watch.Check(c.room, views.Level) {
		t.Error(err)
	}
	for _, e := range c.watch.Events(c.room) {
		if e.Name == proto.RoomClosed || e.Name == proto.ClientLeft && slices.Contains(ids(c.stay...), e.ID) {
			t.Errorf("told that one who stayed was removed: %+v", e)
		}
	}
}
