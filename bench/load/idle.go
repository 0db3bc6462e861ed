package main

import (
	"context"
	"fmt"
	"time"

	"github.com/parley-rtc/parley/bench/internal/proc"
	"github.com/parley-rtc/parley/bench/internal/result"
	"github.com/parley-rtc/parley/bench/internal/wire"
)

// idle is the scenario of clients that have connected and do nothing: what
// the server's processes hold more than before, once that has settled. It
// wants a server that was just started.
type idle struct {
	Conns  int           `default:"1000" help:"Connections."`
	Settle time.Duration `default:"3s" help:"How long the memory has to stay as it is, within one percent, to count as settled."`
	Most   time.Duration `default:"12s" help:"How long to wait for that."`
}

func (s *idle) load(ctx context.Context, f *fleet) (result.Result, error) {
	before, err := proc.MemoryOf(f.set.Pid...)
	if err != nil {
		return result.Result{}, err
	}
	conns, err := f.dial(s.Conns)
	if err != nil {
		return result.Result{}, err
	}
	for _, c := range conns {
		f.read(c, func(kind wire.Kind) error { return nil })
	}
	after, err := s.settled(ctx, f.set.Pid)
	if err != nil {
		return result.Result{}, fmt.Errorf("settle: %w", err)
	}
	return result.Result{Conns: s.Conns, Before: before, After: after}, nil
}

// settled is the processes' memory when it has stopped changing.
func (s *idle) settled(ctx context.Context, pids []int) (proc.Memory, error) {
	const step = 250 * time.Millisecond
	var last proc.Memory
	var still time.Duration
	for begin := time.Now(); ; {
		now, err := proc.MemoryOf(pids...)
		if err != nil {
			return now, err
		}
		if diff := now.RSS - last.RSS; max(diff, -diff) > last.RSS/100 {
			last, still = now, 0
		}
		if still >= s.Settle || time.Since(begin) >= s.Most {
			return now, nil
		}
		if err := wait(ctx, step); err != nil {
			return now, err
		}
		still += step
	}
}
