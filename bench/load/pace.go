package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// epoch is what times are counted from; tag sets this load's room names apart
// from those of the loads before it.
var (
	epoch = time.Now()
	tag   = strconv.FormatInt(epoch.UnixNano(), 36)
)

// pace calls send rate times a second, with the time at which each call was
// due, until the load closes. When it was held up it catches up at once, so a
// late call's due time lies in the past.
//
// The times come from a timerfd: the runtime's own timers wake an idle process
// to the millisecond only (epoll's), which would be most of the latency.
func pace(ctx context.Context, closing *atomic.Bool, rate int, send func(due time.Time) error) error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("timerfd: %w", err)
	}
	timer := os.NewFile(uintptr(fd), "timerfd")
	defer func() { _ = timer.Close() }()
	gap := time.Second / time.Duration(rate)
	spec := unix.NsecToTimespec(int64(gap))
	if err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: spec, Value: spec}, nil); err != nil {
		return fmt.Errorf("timerfd: %w", err)
	}

	ticks := make([]byte, 8)
	begin := time.Now()
	for sent := 1; ; {
		if _, err := timer.Read(ticks); err != nil {
			return fmt.Errorf("timerfd: %w", err)
		}
		for due := begin.Add(time.Duration(sent) * gap); !time.Now().Before(due); due = due.Add(gap) {
			if closing.Load() || ctx.Err() != nil {
				return nil
			}
			if err := send(due); err != nil {
				if closing.Load() {
					return nil
				}
				return err
			}
			sent++
		}
		if closing.Load() || ctx.Err() != nil {
			return nil
		}
	}
}
