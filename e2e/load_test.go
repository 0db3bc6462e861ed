package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
)

// load is clients that ask all the time, each knowing what the answer has to be: pairs own a room each, the second joins
// and leaves, both signal. Whatever happens to processes meanwhile, no answer may be wrong.
type load struct {
	site    *site
	clients []*client
	rooms   []proto.Room
	stop    context.CancelFunc
	wg      sync.WaitGroup
	count   atomic.Int64

	mu    sync.Mutex // guards the fields below
	took  []time.Duration
	wrong []string
}

// newLoad starts n clients, an even number.
func newLoad(t *testing.T, s *site, n int) *load {
	t.Helper()
	l, ctx := idleLoad(t, s)
	l.clients = s.dials(t, n)
	for i := 0; i < n; i += 2 {
		room := fresh(t)
		l.rooms = append(l.rooms, room)
		owner, member := l.clients[i], l.clients[i+1]
		want(t, owner.Create(t, room), proto.RoomCreated)
		l.wg.Go(func() { l.member(ctx, room, owner, member) })
		l.wg.Go(func() { l.owner(ctx, room, owner, member) })
	}
	return l
}

// idleLoad returns a load of nobody, and the context that ends with it.
func idleLoad(t *testing.T, s *site) (*load, context.Context) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := &load{site: s, stop: stop}
	t.Cleanup(func() { stop(); l.wg.Wait() })
	return l, ctx
}

// member joins, signals and leaves, over and over.
func (l *load) member(ctx context.Context, room proto.Room, owner, member *client) {
	for ctx.Err() == nil {
		ok := l.ask(ctx, member, proto.Frame{Name: proto.RoomJoin, Room: room}, func(e proto.Event) bool {
			return e.Name == proto.RoomJoined && e.OwnerID == owner.ID() && slices.Equal(e.Clients, ids(owner))
		})
		ok = ok && l.ask(ctx, member, proto.Frame{Name: proto.SignalSend, Room: room, TargetID: owner.ID(), Data: []byte(`1`)}, named(proto.SignalSent))
		ok = ok && l.ask(ctx, member, proto.Frame{Name: proto.RoomLeave, Room: room}, named(proto.RoomLeft))
		if !ok {
			return
		}
	}
}

// owner asks what is refused, and signals to one who comes and goes.
func (l *load) owner(ctx context.Context, room proto.Room, owner, member *client) {
	for ctx.Err() == nil {
		ok := l.ask(ctx, owner, proto.Frame{Name: proto.RoomCreate, Room: room}, named(proto.RoomExists))
		ok = ok && l.ask(ctx, owner, proto.Frame{Name: proto.SignalSend, Room: room, TargetID: member.ID(), Data: []byte(`2`)},
			named(proto.SignalSent, proto.TargetNotFound))
		ok = ok && l.ask(ctx, owner, proto.Frame{Name: proto.RoomJoin, Room: room + "-none"}, named(proto.RoomNotExists))
		if !ok {
			return
		}
	}
}

func named(names ...proto.Name) func(proto.Event) bool {
	return func(e proto.Event) bool { return slices.Contains(names, e.Name) }
}

// ask asks and judges the answer. It returns false when the load has to end.
func (l *load) ask(ctx context.Context, c *client, f proto.Frame, right func(proto.Event) bool) bool {
	start := time.Now()
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	e, err := c.Request(limit, f)
	took := time.Since(start)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, took)
	l.count.Add(1)
	if err != nil || !right(e) {
		l.wrong = append(l.wrong, fmt.Sprintf("%s %q after %v: answered %s, %v", f.Name, f.Room, took, proto.AppendEvent(nil, &e), err))
	}
	return len(l.wrong) < 20
}

// answered waits until so many more requests have been answered.
func (l *load) answered(t *testing.T, n int64) {
	t.Helper()
	from := l.count.Load()
	harness.Await(t, fmt.Sprintf("%d more requests are answered", n), func() bool {
		l.mu.Lock()
		broken := len(l.wrong) >= 20
		l.mu.Unlock()
		return broken || l.count.Load() >= from+n
	})
}

// finish stops the load, and checks its answers, the longest wait, and that all are level in the end.
func (l *load) finish(t *testing.T) {
	t.Helper()
	l.stop()
	l.wg.Wait()
	for _, line := range l.wrong {
		t.Error(line)
	}
	slices.Sort(l.took)
	n := len(l.took)
	t.Logf("%d requests: median %v, 99th percentile %v, longest %v", n, l.took[n/2], l.took[n*99/100], l.took[n-1])
	if l.took[n-1] > proto.RequestTimeout {
		t.Errorf("the longest took %v, and the protocol has %v", l.took[n-1], proto.RequestTimeout)
	}
	truth := l.site.truth(t)
	for i, room := range l.rooms {
		harness.AwaitFor(t, 20*time.Second, "both see the room as it is", func() bool {
			members, _, err := truth.Members(t.Context(), room)
			if err != nil || len(members) == 0 {
				return false
			}
			for _, c := range l.clients[2*i : 2*i+2] {
				v := l.view(c, room)
				if v != nil && v.In && !slices.Equal(v.Members, members) || slices.Contains(members, c.ID()) != (v != nil && v.In) {
					return false
				}
			}
			return true
		})
	}
	for _, c := range l.clients {
		_, errs := views.Replay(c.ID(), c.All(), views.Level)
		for _, err := range errs {
			t.Error(err)
		}
	}
}

func (l *load) view(c *client, room proto.Room) *views.View {
	rooms, _ := views.Replay(c.ID(), c.All(), views.Level)
	return rooms[room]
}
