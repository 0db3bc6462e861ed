package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/parley-rtc/parley/bench/internal/result"
	"github.com/parley-rtc/parley/bench/internal/wire"
)

// joins is the scenario of rooms that fill and close: in each group one client
// creates a room, the others join it all at once, and when all have heard of
// all, the owner leaves. A join is counted with its share of the creation and
// the closing.
type joins struct {
	Groups int `default:"16" help:"Rooms that are filled at a time."`
	Size   int `default:"10" help:"Members of a room, the owner included."`
}

// group is the clients that fill one room after another.
type group struct {
	conns []*wire.Conn
	name  string
	// heard takes what members hear; a round's frames fit.
	heard chan wire.Kind
}

func (s *joins) load(ctx context.Context, f *fleet) (result.Result, error) {
	if err := f.recorded(); err != nil {
		return result.Result{}, err
	}
	conns, err := f.dial(s.Groups * s.Size)
	if err != nil {
		return result.Result{}, err
	}
	var done atomic.Uint64
	for g := range s.Groups {
		gr := &group{
			conns: conns[g*s.Size : (g+1)*s.Size],
			name:  fmt.Sprintf("group-%s-%d", tag, g),
			heard: make(chan wire.Kind, 2*s.Size*s.Size),
		}
		for _, c := range gr.conns {
			f.read(c, func(kind wire.Kind) error {
				select {
				case gr.heard <- kind:
					return nil
				default:
					return errors.New("more events than the protocol has")
				}
			})
		}
		f.readers.Go(func() error { return gr.fillForEver(f, &done) })
	}

	if err := wait(ctx, f.set.Warmup); err != nil {
		return result.Result{}, err
	}
	w, err := open(f.set.Pid, done.Load())
	if err != nil {
		return result.Result{}, err
	}
	if err := wait(ctx, f.set.Duration); err != nil {
		return result.Result{}, err
	}
	r, err := w.close(done.Load())
	if err == nil && r.Ops == 0 {
		err = errors.New("no room was filled")
	}
	return r, err
}

// fillForEver fills and closes rooms until the fleet is closed.
func (g *group) fillForEver(f *fleet, done *atomic.Uint64) error {
	for n := 0; ; n++ {
		err := g.fill(f, fmt.Sprintf("%s-%d", g.name, n), done)
		if f.closing.Load() {
			return nil
		}
		if err != nil {
			return fmt.Errorf("group %s: %w", g.name, err)
		}
	}
}

// fill is one room's life.
func (g *group) fill(f *fleet, room string, done *atomic.Uint64) error {
	owner, others := g.conns[0], g.conns[1:]
	if err := owner.Send(f.protocol.Create(room)); err != nil {
		return err
	}
	if err := g.await(f, counts{wire.RoomCreated: 1}); err != nil {
		return err
	}
	join := f.protocol.Join(room)
	for _, c := range others {
		if err := c.Send(join); err != nil {
			return err
		}
	}
	// Each joiner is answered, and told to those who were there before.
	n := len(others)
	if err := g.await(f, counts{wire.RoomJoined: n, wire.ClientJoined: n * (n + 1) / 2}); err != nil {
		return err
	}
	done.Add(uint64(n))
	if err := owner.Send(f.protocol.Leave(room)); err != nil {
		return err
	}
	return g.await(f, counts{wire.RoomLeft: n + 1})
}

// counts is how often each kind of event is to be heard.
type counts map[wire.Kind]int

// await waits until the group has heard what want says, and nothing else.
func (g *group) await(f *fleet, want counts) error {
	for len(want) > 0 {
		select {
		case k := <-g.heard:
			if want[k] == 0 {
				return fmt.Errorf("heard an event of kind %d too many", k)
			}
			if want[k]--; want[k] == 0 {
				delete(want, k)
			}
		case <-f.ctx.Done():
			return context.Cause(f.ctx)
		}
	}
	return nil
}
