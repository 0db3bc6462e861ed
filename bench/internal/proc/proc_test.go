package proc

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestParseStatCountsFieldsAfterTheName(t *testing.T) {
	t.Parallel()
	text := "8400 (a) b (c) R 8388 8388 3955 0 -1 4194304 98 0 0 0 123 45 0 0 20 0 1 0 133220 3133440 393\n"
	d, err := parseStat([]byte(text))
	if err != nil || d != 1680*time.Millisecond {
		t.Fatalf("parseStat = %v, %v; want 1.68s", d, err)
	}
	for _, bad := range []string{"", "12 (x", "12 (x) R 1 2 3", "1 (x) R 1 2 3 4 5 6 7 8 9 10 ut st 1"} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("parseStat(%q) took it", bad)
		}
	}
}

func TestParseSchedstatReadsNanosecondsOnTheCPU(t *testing.T) {
	t.Parallel()
	if d, err := parseSchedstat([]byte("4036474 2940817 1\n")); err != nil || d != 4036474 {
		t.Fatalf("parseSchedstat = %v, %v", d, err)
	}
	if _, err := parseSchedstat([]byte("1 2")); !errors.Is(err, errFormat) {
		t.Fatalf("err = %v, want errFormat", err)
	}
}

func TestQuietWaitsForWhoHasWorkToDo(t *testing.T) {
	t.Parallel()
	if err := Quiet(t.Context(), 1<<30); err == nil {
		t.Error("a process that is not there is quiet")
	}
	sleeper := exec.CommandContext(t.Context(), "sleep", "60")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sleeper.Process.Kill(); _ = sleeper.Wait() }()
	if err := Quiet(t.Context(), sleeper.Process.Pid); err != nil {
		t.Error(err)
	}
	busy := exec.CommandContext(t.Context(), "sh", "-c", "while :; do :; done")
	if err := busy.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Process.Kill(); _ = busy.Wait() }()
	// On a loaded machine one that is busy may get no time, and look quiet.
	for waited := false; !waited; {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		waited = errors.Is(Quiet(ctx, busy.Process.Pid), context.DeadlineExceeded)
		cancel()
	}
}

func TestParseRollupReadsKilobytes(t *testing.T) {
	t.Parallel()
	text := "55eccdc37000-7fff9513a000 ---p 00000000 00:00 0    [rollup]\nRss:   1768 kB\nPss:    446 kB\nPss_Dirty: 112 kB\n"
	m, err := parseRollup([]byte(text))
	if err != nil || m.RSS != 1768<<10 || m.PSS != 446<<10 {
		t.Fatalf("parseRollup = %+v, %v", m, err)
	}
	if _, err := parseRollup([]byte("Rss: 1 kB\n")); !errors.Is(err, errFormat) {
		t.Fatalf("err = %v, want errFormat", err)
	}
}

func TestCPUOfThisProcessGrowsWithWork(t *testing.T) {
	t.Parallel()
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(30 * time.Millisecond); time.Now().Before(until); {
		continue
	}
	after, err := CPU(os.Getpid())
	if err != nil || after-before < time.Millisecond {
		t.Fatalf("30 ms of work counted as %v, %v", after-before, err)
	}
	if m, err := MemoryOf(os.Getpid()); err != nil || m.RSS < 1<<20 || m.PSS > m.RSS {
		t.Fatalf("memory of this process: %+v, %v", m, err)
	}
}

func TestRaiseFilesNeverLowers(t *testing.T) {
	t.Parallel()
	high, err := RaiseFiles(1024)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := RaiseFiles(16); err != nil || again < high {
		t.Fatalf("asked for 16 after %d: %d, %v", high, again, err)
	}
}
