// Package couples is pairs of resumable sessions that signal each other all the time, and the judgement of what became of their
// signals: each confirmed one was heard once and in order, or its sender was named as lost, for a cause.
package couples

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// Couples are pairs, each in a room of its own.
type Couples struct {
	All []Couple
	// Unsaid: requests may be answered unavailable, because something is away that has to answer them.
	Unsaid bool

	stop context.CancelFunc
	wg   sync.WaitGroup
}

// Couple is two sessions in a room. The first owns it.
type Couple struct {
	Room proto.Room
	Two  [2]*testkit.Session
}

// Start starts n pairs: on each gateway alone, and across. The second of each numbers its signals itself. Everybody sends a signal to
// the other so many times a second, until Finish.
func Start(tb testing.TB, urls []string, n, rate int, opts testkit.SessionOptions, room func() proto.Room) *Couples {
	tb.Helper()
	c := &Couples{All: make([]Couple, n)}
	for i := range c.All {
		p := &c.All[i]
		p.Room = room()
		for k, first := range []int{i, i / len(urls)} {
			one := opts
			one.First, one.Numbers = first, k == 1
			p.Two[k] = testkit.StartSession(tb, urls, &one)
		}
		for k, name := range []proto.Name{proto.RoomCreated, proto.RoomJoined} {
			if e := p.Two[k].Enter(tb, p.Room); e.Name != name {
				tb.Fatalf("answered %s, expected %s", proto.AppendEvent(nil, &e), name)
			}
		}
	}
	ctx, stop := context.WithCancel(tb.Context())
	c.stop = stop
	c.wg.Go(func() { c.signal(ctx, time.Second/time.Duration(rate)) })
	tb.Cleanup(c.Still)
	return c
}

// Still ends the signals.
func (c *Couples) Still() {
	c.stop()
	c.wg.Wait()
}

// signal has everybody send a numbered signal at each tick.
func (c *Couples) signal(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	next := map[*testkit.Session]int{}
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		for _, p := range c.All {
			for k, s := range p.Two {
				if s.Send(p.Room, p.Two[1-k].ID(), fmt.Sprintf(`{"candidate":%d}`, next[s]+1)) {
					next[s]++
				}
			}
		}
	}
}

// Sessions returns all sessions.
func (c *Couples) Sessions() []*testkit.Session {
	var all []*testkit.Session
	for _, p := range c.All {
		all = append(all, p.Two[:]...)
	}
	return all
}

// Move gives all sessions other addresses for their next connections.
func (c *Couples) Move(urls ...string) {
	for _, s := range c.Sessions() {
		s.Move(urls...)
	}
}

// On returns the sessions that are connected to a gateway.
func (c *Couples) On(url string) []*testkit.Session {
	return slices.DeleteFunc(c.Sessions(), func(s *testkit.Session) bool {
		turns := s.Turns()
		last := turns[len(turns)-1]
		return last.URL != url || !last.Until.IsZero()
	})
}

// Live waits until everybody is connected and in its room.
func (c *Couples) Live(tb testing.TB, what string) {
	tb.Helper()
	harness.Await(tb, "everybody is live "+what, func() bool {
		for _, p := range c.All {
			for _, s := range p.Two {
				if !s.LiveSince(p.Room, time.Time{}) {
					return false
				}
			}
		}
		return true
	})
}
