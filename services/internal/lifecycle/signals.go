package lifecycle

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/parley-rtc/parley/services/internal/spool"
)

// slack is what a clean stop may take beyond the drain: requests under way, a last beat, the journal's files.
const slack = 10 * time.Second

// echo is how long further signals count as the first one, which some tools send to a process and to its group.
const echo = 300 * time.Millisecond

// settle swallows the echoes of a signal.
func settle(signals <-chan os.Signal, over <-chan struct{}) {
	quiet := time.NewTimer(echo)
	defer quiet.Stop()
	for {
		select {
		case <-signals:
		case <-quiet.C:
			return
		case <-over:
			return
		}
	}
}

// stopping returns the signals that ask for a clean stop. A SIGHUP that is ignored at the start stays so: nohup has it that way.
func stopping() []os.Signal {
	if signal.Ignored(syscall.SIGHUP) {
		return []os.Signal{syscall.SIGTERM, syscall.SIGINT}
	}
	return []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP}
}

// untilSignal returns a context that ends with the first SIGTERM, SIGINT or SIGHUP. Before anything is told to stop, a deadline is
// armed: a process that has not ended after closing and some slack ends there and then with code 1. A second signal does
// the same at once. A part that fails arms the deadline too, by the first function that is returned: the others are stopped then.
// The second function disarms all.
func untilSignal(ctx context.Context, name string, closing time.Duration, stderr *spool.Writer) (until context.Context, failing, disarm func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, stopping()...)
	over, done, failed := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() { // waited for by the returned function
		defer close(done)
		signalled := false
		select {
		case <-signals:
			signalled = true
		case <-failed:
		case <-over:
			return
		}
		deadline := time.NewTimer(closing + slack)
		defer deadline.Stop()
		cancel()
		for {
			if signalled {
				settle(signals, over)
			}
			select {
			case <-signals:
				if !signalled { // a part had failed before
					signalled = true
					continue
				}
				fmt.Fprintf(stderr, "%s: ended at once by a second signal; clients were not told\n", name)
				stderr.Close(flushing)
				os.Exit(codeFailure)
			case <-deadline.C:
				fmt.Fprintf(stderr, "%s: did not stop within %v and was cut short; please report this with the log above\n", name, closing+slack)
				stderr.Close(flushing)
				os.Exit(codeFailure)
			case <-over:
				return
			}
		}
	}()
	var once sync.Once
	return ctx, func() { once.Do(func() { close(failed) }) }, func() {
		signal.Stop(signals)
		close(over)
		<-done
		cancel()
	}
}
