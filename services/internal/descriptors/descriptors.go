// Package descriptors says at the start when a process may open fewer files than its settings need. What it reckons with is
// what the listeners go by, [porch.Reserve].
package descriptors

import (
	"fmt"
	"log/slog"

	"github.com/parley-rtc/parley/gateway/porch"
)

// Check warns of a limit on open files that is too low for so many connections of clients, beside so many sockets of a TURN server.
func Check(log *slog.Logger, conns, turn int) {
	if says := Shortage(porch.Descriptors(), conns, turn); says != "" {
		log.Warn(says)
	}
}

// Need returns the least limit that leaves so many connections to clients.
func Need(conns int) int {
	need := conns
	for need-porch.Reserve(need) < conns {
		need = max(need+1, conns+porch.Reserve(need))
	}
	return need
}

// Shortage returns a sentence that says what to do when a limit is too low for so many connections, beside so many sockets of a TURN server,
// else "". A limit of 0 is none, and so are 0 connections or fewer, for which nothing is too low.
func Shortage(limit, conns, turn int) string {
	if limit <= 0 || conns <= 0 || limit-porch.Reserve(limit) >= conns+turn {
		return ""
	}
	need := Need(conns + turn)
	who := fmt.Sprintf("--max-conns %d needs", conns)
	if turn > 0 {
		who = fmt.Sprintf("--max-conns %d and the TURN server need", conns)
	}
	return fmt.Sprintf("this process may open %d files, and %s %d: raise the limit (ulimit -n %d in the shell, "+
		"LimitNOFILE=%d in a systemd unit, --ulimit nofile=%d:%d for docker run), or set --max-conns to %d",
		limit, who, need, need, need, need, need, max(1, limit-porch.Reserve(limit)-turn))
}
