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
}

func newLogger(log *slog.Logger) *logger { return &logger{log: log.With("component", "nats")} }

// keptWarnings is how many warnings are kept for a sentence about a start that failed.
const keptWarnings = 3

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
func (l *logger) Errorf(format string, v ...any)  { l.log.Error(text(format, v)) }

func (l *logger) Warnf(format string, v ...any) {
	said := text(format, v)
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
