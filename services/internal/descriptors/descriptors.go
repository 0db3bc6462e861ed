// Package descriptors counts file descriptors: a process without any left can neither take a connection nor write its
// journal, whose store then refuses every write.
package descriptors

import (
	"fmt"
	"log/slog"
	"syscall"
)

// What a process keeps for itself, with much to spare.
const (
	// own is for its listeners, its connections to NATS, who asks for metrics, and files that are read for a moment.
	own = 64
	// inside is for the journal's files of a NATS server inside the process, and for other services that connect to it.
	inside = 128
)

// Reserve returns how many descriptors must stay free of clients' connections, with the NATS server inside or not.
func Reserve(natsInside bool) int {
	if natsInside {
		return own + inside
	}
	return own
}

// Limit returns how many descriptors the process may have. Go has raised it to what the system allows this user.
func Limit() (uint64, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("limit on open files: %w", err)
	}
	return limit.Cur, nil
}

// Check warns at the start of a limit that is too low for so many connections.
func Check(log *slog.Logger, conns int, natsInside bool) {
	limit, err := Limit()
	if err != nil {
		log.Warn("the limit on open files cannot be read", "error", err)
		return
	}
	if says := Shortage(limit, conns, Reserve(natsInside)); says != "" {
		log.Warn(says)
	}
}

// Shortage returns a sentence that says what to do when a limit is too low for so many connections and the reserve, else
// "". No number of connections, 0 or less, is no limit, which nothing is too low for.
func Shortage(limit uint64, conns, reserve int) string {
	need := uint64(max(conns, 0)) + uint64(reserve) //nolint:gosec // not negative
	if conns <= 0 || limit >= need {
		return ""
	}
	less := "without which no client gets in"
	if limit > uint64(reserve) { //nolint:gosec // not negative
		less = fmt.Sprintf("or set --max-conns to %d", limit-uint64(reserve)) //nolint:gosec // not negative
	}
	return fmt.Sprintf("this process may open %d files, and --max-conns %d needs %d: raise the limit (ulimit -n %d in the shell, "+
		"LimitNOFILE=%d in a systemd unit, --ulimit nofile=%d:%d for docker run), %s", limit, conns, need, need, need, need, need, less)
}
