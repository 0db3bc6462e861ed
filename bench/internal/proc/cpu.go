// Package proc reads what Linux's /proc says about other processes: the CPU
// time that they have used and the memory that they hold.
package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// ErrBusy says that processes did not become quiet.
var ErrBusy = errors.New("the server is still busy")

// errFormat says that a file of /proc is not as proc(5) describes it.
var errFormat = errors.New("unexpected format")

// CPU is the CPU time, user and system, that the processes have used so far,
// all their threads together.
//
// It is summed from the threads' schedstat, which counts nanoseconds; utime
// and stime of stat count ticks of 10 ms. Where the kernel has no schedstat,
// stat is read.
func CPU(pids ...int) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		d, err := cpuOfThreads(pid)
		if err != nil || d == 0 {
			d, err = cpuOfStat(pid)
		}
		if err != nil {
			return 0, fmt.Errorf("cpu of process %d: %w", pid, err)
		}
		sum += d
	}
	return sum, nil
}

// Quiet waits until the processes have done with what they were given: until
// they use less than 5 ms of CPU time in 100 ms. After 20 s of waiting it
// returns an error that wraps [ErrBusy].
func Quiet(ctx context.Context, pids ...int) error {
	const step, enough, most = 100 * time.Millisecond, 5 * time.Millisecond, 20 * time.Second
	last := time.Duration(-1)
	for begin := time.Now(); time.Since(begin) < most; {
		now, err := CPU(pids...)
		if err != nil {
			return err
		}
		if last >= 0 && now-last < enough {
			return nil
		}
		last = now
		select {
		case <-time.After(step):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return fmt.Errorf("%w after %v", ErrBusy, most)
}

// cpuOfThreads sums the schedstat of the threads that live. The time of those
// that have ended is missing from it, so it serves for differences between
// two moments of a server whose threads stay, as Go's and Node's do.
func cpuOfThreads(pid int) (time.Duration, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the thread has ended since the listing
		}
		if err != nil {
			return 0, err
		}
		d, err := parseSchedstat(text)
		if err != nil {
			return 0, err
		}
		sum += d
	}
	return sum, nil
}

func cpuOfStat(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return parseStat(text)
}

// parseSchedstat reads the first of schedstat's three numbers: nanoseconds
// spent on the CPU.
func parseSchedstat(text []byte) (time.Duration, error) {
	fields := bytes.Fields(text)
	if len(fields) != 3 {
		return 0, fmt.Errorf("schedstat %q: %w", text, errFormat)
	}
	ns, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("schedstat %q: %w", text, err)
	}
	return time.Duration(ns), nil
}

// parseStat reads utime and stime, fields 14 and 15. The name, field 2, stands
// in parentheses and may hold anything, so fields are counted from the last
// closing one. A tick is 10 ms on every Linux that Go runs on (USER_HZ).
func parseStat(text []byte) (time.Duration, error) {
	end := bytes.LastIndexByte(text, ')')
	fields := bytes.Fields(text[end+1:])
	if end < 0 || len(fields) < 13 {
		return 0, fmt.Errorf("stat %q: %w", text, errFormat)
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("stat %q: %w", text, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}
