package spool

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// sink is a reader that can stop reading, or go away.
type sink struct {
	mu    sync.Mutex
	stall chan struct{} // nil: it reads
	gone  error
	takes int // of a write, when it is gone
	got   bytes.Buffer
}

func (s *sink) Write(b []byte) (int, error) {
	s.mu.Lock()
	stall := s.stall
	s.mu.Unlock()
	if stall != nil {
		<-stall
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone != nil {
		n := min(s.takes, len(b))
		s.got.Write(b[:n])
		return n, s.gone
	}
	return s.got.Write(b)
}

func (s *sink) fails(err error, takes int) {
	s.mu.Lock()
	s.gone, s.takes = err, takes
	s.mu.Unlock()
}

func (s *sink) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Split(strings.TrimSuffix(s.got.String(), "\n"), "\n")
}

func note(dropped uint64) []byte { return fmt.Appendf(nil, "%d dropped\n", dropped) }

func line(i int) string { return fmt.Sprintf("line %d %s", i, strings.Repeat("x", 100)) }

func TestLinesComeOutInOrderAndCloseWaitsForThem(t *testing.T) {
	t.Parallel()
	s := &sink{}
	w := New(s)
	var want []string
	for i := range 5000 {
		want = append(want, line(i))
		fmt.Fprintln(w, line(i))
		if i%1000 == 0 { // so that batches are written in between, too
			await(func() bool { return len(s.lines()) == i+1 })
		}
	}
	w.Close(time.Minute)
	if got := s.lines(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%d lines came out, expected %d in their order", len(got), len(want))
	}
}

// await waits for a condition in real time.
func await(holds func() bool) {
	for tick := time.NewTicker(time.Millisecond); !holds(); <-tick.C {
	}
}

func TestAStalledReaderBlocksNobodyAndHearsHowMuchItMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stall := make(chan struct{})
		s := &sink{stall: stall}
		w := New(s)
		w.Note(note)
		const lines = 30_000
		for i := range lines {
			fmt.Fprintln(w, line(i)) // which would never return
		}
		s.mu.Lock()
		s.stall = nil
		s.mu.Unlock()
		close(stall)
		synctest.Wait()
		fmt.Fprintln(w, "after")
		w.Close(time.Minute)
		got, next, dropped := s.lines(), 0, 0
		for i, l := range got {
			var n int
			switch {
			case l == "after":
				if i != len(got)-1 {
					t.Error("the last line is not the last")
				}
			case l == line(next):
				next++
			default:
				if _, err := fmt.Sscanf(l, "%d dropped", &n); err != nil {
					t.Fatalf("%q, expected line %d", l, next)
				}
				dropped += n
				next += n
			}
		}
		if next != lines || dropped == 0 {
			t.Errorf("%d lines came out or were counted, %d of them counted; expected %d", next, dropped, lines)
		}
	})
}

func TestAReaderThatNeverReadsDoesNotKeepTheProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stall := make(chan struct{})
		w := New(&sink{stall: stall})
		fmt.Fprintln(w, "nobody reads this")
		began := time.Now()
		w.Close(time.Second)
		if took := time.Since(began); took != time.Second {
			t.Errorf("closing took %v", took)
		}
		fmt.Fprintln(w, "nor this")
		close(stall)
		synctest.Wait()
	})
}

func TestWhatAReaderThatIsGoneHasMissedIsSaidWhenAnotherComes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		w := New(s)
		w.Note(note)
		say := func(text string) { fmt.Fprintln(w, text); synctest.Wait() }
		say("one")
		s.fails(errors.New("broken pipe"), 0)
		say("two")
		say("three") // with a note before it, which is lost too
		s.fails(errors.New("no space left"), 3)
		say("four") // and of this the first letters come through
		s.fails(nil, 0)
		say("five")
		w.Close(time.Minute)
		got := s.lines()
		if strings.Join(got, "|") != "one|2 d|3 dropped|five" {
			t.Errorf("%q", got)
		}
	})
}
