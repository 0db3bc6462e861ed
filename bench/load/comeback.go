package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/parley-rtc/parley/bench/internal/hist"
	"github.com/parley-rtc/parley/bench/internal/result"
	"github.com/parley-rtc/parley/bench/internal/wire"
)

// comeback is the scenario of resumable sessions whose gateway is killed: all
// connect to the next one at once and resume their rooms, in each of which
// somebody is on the last gateway, which is not killed. Meanwhile others make
// rooms there.
type comeback struct {
	Sessions int `default:"1000" help:"Sessions on the gateway that is killed."`
	Kills    int `default:"1" help:"How many gateways are killed, one after the other, each under the same sessions."`
	Others   int `default:"8" help:"How many others make rooms meanwhile."`
}

// returning is a session that comes back.
type returning struct {
	key  string
	room string
	from int // its source address
	turn int
	conn *wire.Conn
}

// returns is what was found of those who came back.
type returns struct {
	back, live hist.Hist // from the gateway's death, and from the new connection
	longest    atomic.Int64
}

var errFewGateways = errors.New("a gateway that is killed has to be named with --gateway, and another has to be left")

func (s *comeback) load(ctx context.Context, f *fleet) (result.Result, error) {
	if len(f.set.Gateway) != len(f.set.Server) || s.Kills < 1 || s.Kills >= len(f.set.Server) {
		return result.Result{}, errFewGateways
	}
	if err := f.recorded(); err != nil {
		return result.Result{}, err
	}
	all := make([]*returning, s.Sessions)
	if err := f.each(len(all), func(i int) error {
		all[i] = &returning{key: wire.NewKey(), room: fmt.Sprintf("back-%s-%d", tag, i), from: i}
		return all[i].meet(ctx, f)
	}); err != nil {
		return result.Result{}, err
	}
	defer context.AfterFunc(ctx, f.hangUp)() // ends those who wait in vain
	var found returns
	others, stop := context.WithCancel(ctx)
	defer stop()
	for k := range s.Others {
		f.readers.Go(func() error { return found.others(others, f, len(all)+k) })
	}
	if err := wait(ctx, f.set.Warmup); err != nil {
		return result.Result{}, err
	}
	found.longest.Store(0)
	for kill := range s.Kills {
		if err := found.kill(ctx, f, all, kill); err != nil {
			return result.Result{}, err
		}
	}
	stop()
	return result.Result{
		Ops: found.live.Count(), Back: found.back.Quantile(0.5), Live: found.live.Quantile(0.99),
		Longest: time.Duration(found.longest.Load()),
	}, nil
}

// meet has somebody on the last gateway make the session's room, and the
// session, on the first, join it.
func (r *returning) meet(ctx context.Context, f *fleet) error {
	last := f.set.Server[len(f.set.Server)-1]
	owner, err := wire.Dial(ctx, last, source(r.from), wire.Resumable{})
	if err != nil {
		return err
	}
	f.keep(owner)
	if err := owner.Send(f.protocol.Create(r.room)); err != nil {
		return err
	}
	if err := owner.Await(wire.RoomCreated); err != nil {
		return err
	}
	f.read(owner, func(wire.Kind) error { return nil })
	if err := r.dial(ctx, f, f.set.Server[0]); err != nil {
		return err
	}
	if err := r.conn.Send(f.protocol.Join(r.room)); err != nil {
		return err
	}
	return r.conn.Await(wire.RoomJoined)
}

// dial makes the session's next connection.
func (r *returning) dial(ctx context.Context, f *fleet, server string) error {
	r.turn++
	c, err := wire.Dial(ctx, server, source(r.from), wire.Resumable{Key: r.key, Turn: r.turn})
	if err != nil {
		return err
	}
	r.conn = c
	f.keep(c)
	return nil
}

// kill kills a gateway and waits until everybody is live by the next.
func (found *returns) kill(ctx context.Context, f *fleet, all []*returning, which int) error {
	var group sync.WaitGroup
	errs := make([]error, len(all))
	var death atomic.Int64
	for i, r := range all {
		group.Go(func() { errs[i] = found.comeBack(ctx, f, r, f.set.Server[which+1], &death) })
	}
	death.Store(int64(time.Since(epoch)))
	if err := syscall.Kill(f.set.Gateway[which], syscall.SIGKILL); err != nil {
		f.hangUp() // those who wait end
		group.Wait()
		return fmt.Errorf("kill %d: %w", f.set.Gateway[which], err)
	}
	group.Wait()
	return errors.Join(errs...)
}

// comeBack waits for the end of the session's connection and comes back.
func (found *returns) comeBack(ctx context.Context, f *fleet, r *returning, server string, death *atomic.Int64) error {
	for {
		if _, err := r.conn.Next(); err != nil {
			break
		}
	}
	r.conn.Close()
	if err := r.dial(ctx, f, server); err != nil {
		return err
	}
	connected := time.Since(epoch)
	if err := r.conn.Send(wire.Resumable{}.Resume(r.room)); err != nil {
		return err
	}
	if err := r.conn.Await(wire.Live); err != nil {
		return fmt.Errorf("resume %s: %w", r.room, err)
	}
	now := time.Since(epoch)
	found.live.Record(now - connected)
	found.back.Record(now - time.Duration(death.Load()))
	return nil
}

// others makes and leaves rooms on the last gateway until the context ends, and
// notes how long the longest request took.
func (found *returns) others(ctx context.Context, f *fleet, from int) error {
	last := f.set.Server[len(f.set.Server)-1]
	c, err := wire.Dial(ctx, last, source(from), wire.Plain{})
	if err != nil {
		return err
	}
	f.keep(c)
	for n := 0; ctx.Err() == nil; n++ {
		room := fmt.Sprintf("other-%s-%d-%d", tag, from, n)
		for _, ask := range []struct {
			frame  []byte
			answer wire.Kind
		}{{f.protocol.Create(room), wire.RoomCreated}, {f.protocol.Leave(room), wire.RoomLeft}} {
			start := time.Now()
			err := c.Send(ask.frame)
			if err == nil {
				err = c.Await(ask.answer)
			}
			switch {
			case f.closing.Load():
				return nil
			case err != nil:
				return err
			}
			for took := int64(time.Since(start)); ; {
				was := found.longest.Load()
				if took <= was || found.longest.CompareAndSwap(was, took) {
					break
				}
			}
		}
	}
	return nil
}

// recorded waits until the room service records sessions as resumable, which it
// does once its replicas know that each of them can read that. Where clients
// have no sessions there is nothing to wait for.
func (f *fleet) recorded() error {
	if _, ok := f.protocol.(wire.Resumable); !ok {
		return nil
	}
	for n := 0; ; n++ {
		key, room := wire.NewKey(), fmt.Sprintf("recorded-%s-%d", tag, n)
		err := f.tryResume(key, room)
		if err == nil || f.ctx.Err() != nil || n >= 100 {
			return err
		}
		if err := wait(f.ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// tryResume makes a room, loses the connection and resumes the room.
func (f *fleet) tryResume(key, room string) error {
	for turn, ask := range []struct {
		frame  []byte
		answer wire.Kind
	}{{f.protocol.Create(room), wire.RoomCreated}, {wire.Resumable{}.Resume(room), wire.Resumed}} {
		c, err := wire.Dial(f.ctx, f.set.Server[0], source(0), wire.Resumable{Key: key, Turn: turn + 1})
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.Send(ask.frame); err != nil {
			return err
		}
		if err := c.Await(ask.answer); err != nil {
			return err
		}
	}
	return nil
}
