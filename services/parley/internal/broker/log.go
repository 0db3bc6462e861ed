package broker

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// logger turns what the NATS server says into log records. Its notices are for debugging here: the process is parley.
type logger struct {
	log *slog.Logger

	mu       sync.Mutex // guards the fields below
	died     string     // why it cannot go on
	warnings []string   // the first few
	broken   string     // the first write to files that has failed
}

func newLogger(log *slog.Logger) *logger { return &logger{log: log.With("component", "nats")} }

// keptWarnings is how many warnings are kept for a sentence about a start that failed.
const keptWarnings = 3

// forget makes the logger one of a server that has said nothing yet.
func (l *logger) forget() {
	l.mu.Lock()
	l.died, l.warnings, l.broken = "", nil, ""
	l.mu.Unlock()
}

// fatal returns why the server cannot go on, or "".
func (l *logger) fatal() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.died
}

// warned returns the first warnings.
func (l *logger) warned() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.warnings, "; ")
}

func (l *logger) Noticef(format string, v ...any) { l.log.Debug(text(format, v)) }
func (l *logger) Debugf(format string, v ...any)  { l.log.Debug(text(format, v)) }
func (l *logger) Tracef(format string, v ...any)  { l.log.Debug(text(format, v)) }

// broke returns which write has failed, so that the store takes no other, or "".
func (l *logger) broke() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken
}

func (l *logger) Errorf(format string, v ...any) {
	said := text(format, v)
	if strings.Contains(said, "ritical write error") { // of a store, or of the stream
		l.mu.Lock()
		if l.broken == "" {
			l.broken = said
		}
		l.mu.Unlock()
	}
	l.log.Error(said)
}

func (l *logger) Warnf(format string, v ...any) {
	said := text(format, v)
	if strings.HasPrefix(said, "Healthcheck failed") { // ill has asked, and watch says what it does about it
		l.log.Debug(said)
		return
	}
	l.mu.Lock()
	if len(l.warnings) < keptWarnings {
		l.warnings = append(l.warnings, said)
	}
	l.mu.Unlock()
	l.log.Warn(said)
}

// Fatalf does not end the process, as the server's own logger would: Start says why, and what to do.
func (l *logger) Fatalf(format string, v ...any) {
	said := text(format, v)
	l.mu.Lock()
	if l.died == "" {
		l.died = said
	}
	l.mu.Unlock()
	l.log.Error(said)
}

func text(format string, v []any) string { return strings.TrimSpace(fmt.Sprintf(format, v...)) }
