package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
)

// probe asks the same few requests all the time, in several rooms, and knows when they were carried out: the longest gap
// of a room around a fault is the time to recover.
type probe struct {
	name string

	mu          sync.Mutex // guards the fields below
	done        [probedRooms][]time.Time
	wrong       []string
	unavailable int
}

// probes are a probe of signals and one of changes, between clients on different gateways.
type probes struct {
	signals probe
	changes probe

	stop context.CancelFunc
	wg   sync.WaitGroup
}

// probedRooms are several, so that several replicas are asked.
const probedRooms = 4

// startProbes begins to probe a site with two gateways. They stop with the test.
func startProbes(t *testing.T, s *site) *probes {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	p := &probes{signals: probe{name: "signals"}, changes: probe{name: "changes"}, stop: stop}
	t.Cleanup(func() { stop(); p.wg.Wait() })
	for i := range probedRooms {
		// Each in rooms of their own: where a change is not told because a server died with it, signals wait for a roster
		// from the stream's leader, so that nobody hears them out of order.
		clients, others := s.dials(t, 2), s.dials(t, 2)
		quiet, busy := fresh(t), fresh(t)
		fill(t, quiet, clients...)
		fill(t, busy, others[0])
		signal := proto.Frame{Name: proto.SignalSend, Room: quiet, TargetID: clients[1].ID(), Data: []byte(`1`)}
		p.wg.Go(func() { p.signals.run(ctx, i, clients[0], proto.SignalSent, signal) })
		changes := []proto.Frame{{Name: proto.RoomJoin, Room: busy}, {Name: proto.RoomLeave, Room: busy}}
		p.wg.Go(func() { p.changes.run(ctx, i, others[1], "", changes...) })
	}
	p.recovered(t, time.Now())
	return p
}

// run asks until ctx ends, about a hundred times a second.
func (p *probe) run(ctx context.Context, room int, c *client, expected proto.Name, frames ...proto.Frame) {
	right := map[proto.Name]proto.Name{proto.RoomJoin: proto.RoomJoined, proto.RoomLeave: proto.RoomLeft, proto.SignalSend: expected}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ctx.Err() == nil; {
		f := frames[i%len(frames)]
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		e, err := c.Request(limit, f)
		cancel()
		p.mu.Lock()
		switch {
		case err == nil && e.Name == right[f.Name]:
			p.done[room] = append(p.done[room], time.Now())
			i++
		case err == nil && e.Name == proto.Error && e.Code == proto.CodeUnavailable:
			p.unavailable++ // asked again
		default:
			p.wrong = append(p.wrong, fmt.Sprintf("%s: answered %s, %v", f.Name, proto.AppendEvent(nil, &e), err))
		}
		broken := len(p.wrong) > 10
		p.mu.Unlock()
		if broken {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// since returns the longest time without a success in a room from a moment on, how many successes the slowest room had,
// and what was wrong.
func (p *probe) since(from time.Time) (gap time.Duration, fewest int, wrong []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for room, done := range p.done {
		last := from
		i, _ := slices.BinarySearchFunc(done, from, time.Time.Compare)
		for _, at := range done[i:] {
			gap = max(gap, at.Sub(last))
			last = at
		}
		if n := len(done) - i; room == 0 || n < fewest {
			fewest = n
		}
	}
	return gap, fewest, p.wrong
}

// recovered waits until both probes have gone on for a while.
func (p *probes) recovered(t *testing.T, from time.Time) {
	t.Helper()
	for _, one := range []*probe{&p.signals, &p.changes} {
		var wrong []string
		harness.AwaitFor(t, 40*time.Second, one.name+" go on", func() bool {
			_, n, w := one.since(from)
			wrong = w
			return n >= 10 || len(w) > 0
		})
		for _, line := range wrong {
			t.Error(line)
		}
	}
}

// fault does something, waits until all goes on, and prints and checks how long that took.
func (p *probes) fault(t *testing.T, name string, signals, changes time.Duration, do func()) {
	t.Helper()
	from := time.Now()
	do()
	p.recovered(t, time.Now())
	for one, bound := range map[*probe]time.Duration{&p.signals: signals, &p.changes: changes} {
		gap, _, _ := one.since(from)
		one.mu.Lock()
		unavailable := one.unavailable
		one.unavailable = 0
		one.mu.Unlock()
		t.Logf("%-45s %-8s longest gap %8v, %d unavailable", name, one.name, gap.Round(time.Millisecond), unavailable)
		if gap > bound {
			t.Errorf("%s: %s stood still for %v, %v are allowed", name, one.name, gap, bound)
		}
	}
}
