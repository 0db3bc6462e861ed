package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/parley-rtc/parley/bench/internal/hist"
	"github.com/parley-rtc/parley/bench/internal/proc"
	"github.com/parley-rtc/parley/bench/internal/result"
	"github.com/parley-rtc/parley/bench/internal/wire"
)

// flapping is the scenario of sessions that lose their connections all the time: each in turn drops its connection, connects to the
// next server and resumes its room. What counts is whether the servers' memory grows: Before is it after the warm-up, After at the end.
type flapping struct {
	Sessions int `default:"500" help:"Sessions."`
	Rate     int `default:"167" help:"Resumptions a second, of all: 167 are 10,000 a minute."`
}

func (s *flapping) load(ctx context.Context, f *fleet) (result.Result, error) {
	if err := f.recorded(); err != nil {
		return result.Result{}, err
	}
	all := make([]*returning, s.Sessions)
	if err := f.each(len(all), func(i int) error {
		all[i] = &returning{key: wire.NewKey(), room: fmt.Sprintf("flap-%s-%d", tag, i), from: i}
		return all[i].begin(ctx, f)
	}); err != nil {
		return result.Result{}, err
	}
	var found result.Result
	var live hist.Hist
	started := time.Now()
	measured := false
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(dialsAtOnce)
	busy := make([]sync.Mutex, len(all)) // a session comes back once at a time
	err := pace(ctx, &f.closing, s.Rate, func(time.Time) error {
		age := time.Since(started)
		if !measured && age >= f.set.Warmup {
			measured = true
			var err error
			if found.Before, err = proc.MemoryOf(f.set.Pid...); err != nil {
				return err
			}
		}
		if age >= f.set.Warmup+f.set.Duration {
			f.closing.Store(true)
			return nil
		}
		r, alone := all[int(found.Ops)%len(all)], &busy[int(found.Ops)%len(all)]
		server := f.set.Server[int(found.Ops)/len(all)%len(f.set.Server)]
		found.Ops++
		group.Go(func() error {
			alone.Lock()
			defer alone.Unlock()
			at := time.Now()
			if err := r.flap(ctx, server); err != nil {
				return err
			}
			live.Record(time.Since(at))
			return nil
		})
		return nil
	})
	if broken := group.Wait(); broken != nil {
		err = broken
	}
	for _, r := range all {
		r.conn.Close()
	}
	if err != nil {
		return result.Result{}, err
	}
	found.Elapsed, found.Conns, found.Live = time.Since(started), s.Sessions, live.Quantile(0.99)
	found.After, err = proc.MemoryOf(f.set.Pid...)
	return found, err
}

// begin makes the session's room.
func (r *returning) begin(ctx context.Context, f *fleet) error {
	if err := r.connect(ctx, f.set.Server[0]); err != nil {
		return err
	}
	if err := r.conn.Send(f.protocol.Create(r.room)); err != nil {
		return err
	}
	return r.conn.Await(wire.RoomCreated)
}

// connect makes the session's next connection.
func (r *returning) connect(ctx context.Context, server string) (err error) {
	r.turn++
	r.conn, err = wire.Dial(ctx, server, source(r.from), wire.Resumable{Key: r.key, Turn: r.turn})
	return err
}

// flap drops the session's connection, and brings it back by another.
func (r *returning) flap(ctx context.Context, server string) error {
	r.conn.Close()
	if err := r.connect(ctx, server); err != nil {
		return err
	}
	if err := r.conn.Send(wire.Resumable{}.Resume(r.room)); err != nil {
		return err
	}
	if err := r.conn.Await(wire.Live); err != nil {
		return fmt.Errorf("resume %s: %w", r.room, err)
	}
	return nil
}
