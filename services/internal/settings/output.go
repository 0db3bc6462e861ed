package settings

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// output is stdout, whose reader may have read enough.
type output struct{ to io.Writer }

// Output returns a writer that fails with [ErrDone] once its reader has gone, as `head` does when it has its lines: there is
// nobody to say anything to, and nothing went wrong. It takes SIGPIPE to be ignored.
func Output(to io.Writer) io.Writer { return output{to} }

// Write implements [io.Writer].
func (o output) Write(b []byte) (int, error) {
	n, err := o.to.Write(b)
	if errors.Is(err, syscall.EPIPE) {
		return n, fmt.Errorf("%w: %w", ErrDone, err)
	}
	return n, err // a writer's error is its own
}
