package harness

import (
	"testing"

	"golang.org/x/sys/unix"
)

// OpenFiles sets how many files the running process may have open, and returns what sets it back. With fewer than it has,
// it keeps those and opens no other: nothing that it has not open can be written or connected to.
func (p *Process) OpenFiles(tb testing.TB, most uint64) (back func()) {
	tb.Helper()
	var was unix.Rlimit
	if err := unix.Prlimit(p.PID(), unix.RLIMIT_NOFILE, nil, &was); err != nil {
		tb.Fatalf("harness: %s: %v", p.Name, err)
	}
	set := func(cur uint64) {
		if err := unix.Prlimit(p.PID(), unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: cur, Max: was.Max}, nil); err != nil {
			tb.Errorf("harness: %s: %v", p.Name, err)
		}
	}
	set(most)
	return func() { set(was.Cur) }
}
