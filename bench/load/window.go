package main

import (
	"context"
	"os"
	"time"

	"github.com/parley-rtc/parley/bench/internal/proc"
	"github.com/parley-rtc/parley/bench/internal/result"
)

// window is the beginning of a measurement.
type window struct {
	pids   []int
	at     time.Time
	server time.Duration
	load   time.Duration
	ops    uint64
}

// open begins to measure, with ops operations done so far.
func open(pids []int, ops uint64) (window, error) {
	w := window{pids: pids, ops: ops}
	var err error
	if w.load, err = proc.CPU(os.Getpid()); err != nil {
		return w, err
	}
	if len(pids) > 0 {
		w.server, err = proc.CPU(pids...)
	}
	w.at = time.Now()
	return w, err
}

// close ends it, with ops operations done in all.
func (w window) close(ops uint64) (result.Result, error) {
	end, err := open(w.pids, ops)
	if err != nil {
		return result.Result{}, err
	}
	elapsed := end.at.Sub(w.at)
	return result.Result{
		Ops:      end.ops - w.ops,
		Elapsed:  elapsed,
		CPU:      end.server - w.server,
		LoadBusy: float64(end.load-w.load) / float64(elapsed),
	}, nil
}

// wait lets time pass, unless the load breaks first.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
