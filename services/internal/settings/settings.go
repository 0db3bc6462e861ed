// Package settings reads flags and environment variables: nothing else in Parley does. Each struct is a group of flags
// that several programs share; a program embeds those that it has.
package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// ErrSetting is wrapped by every error that a setting is to blame for: the process ends with code 2, and the error's text
// says what to set.
var ErrSetting = errors.New("bad setting")

// settingError is a sentence for people that needs no "bad setting" before it.
type settingError struct{ text string }

func (e *settingError) Error() string        { return e.text }
func (e *settingError) Is(target error) bool { return target == ErrSetting } // this is what errors.Is asks

// Errorf returns an error that wraps [ErrSetting]. The text has to say what to set.
func Errorf(format string, args ...any) error {
	return &settingError{text: fmt.Sprintf(format, args...)}
}

// Common is what every program has.
type Common struct {
	OpsListen string `group:"Operating" name:"ops-listen" default:"${ops_listen}" placeholder:"ADDRESS" help:"Where /healthz, /readyz and /metrics are served (${default})."`
	LogLevel  string `group:"Operating" name:"log-level" default:"info" enum:"debug,info,warn,error" placeholder:"LEVEL" help:"Least level that is logged: debug, info, warn or error (${default})."`
	LogFormat string `group:"Operating" name:"log-format" default:"${log_format}" enum:"text,json" placeholder:"FORMAT" help:"Form of the log on stderr: text or json (${default})."`
	Health    bool   `group:"Operating" env:"-" help:"Ask the program that runs at --ops-listen whether it is ready, and exit with 0 or 1."`
	Version   bool   `group:"Operating" env:"-" help:"Print the version and exit."`
}

// Base returns the settings that every program has.
func (c *Common) Base() *Common { return c }

// Logger returns the logger that the settings ask for.
func (c *Common) Logger(w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{}
	var level slog.Level
	if level.UnmarshalText([]byte(c.LogLevel)) == nil { // the enum leaves no other case
		opts.Level = level
	}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// Dropped returns what says, in the form of the log, how many of its lines were left out.
func (c *Common) Dropped() func(lines uint64) []byte {
	var line bytes.Buffer
	log := c.Logger(&line)
	return func(lines uint64) []byte {
		line.Reset()
		log.Error("log lines were dropped: stderr took them too slowly, or not at all", "lines", lines)
		return line.Bytes()
	}
}

// Drain is how long a program with clients may take to close.
type Drain struct {
	Drain time.Duration `group:"Clients" default:"10s" placeholder:"TIME" help:"How long closing clients' connections may take after SIGTERM (${default})."`
}

// maxDrain is more than any load balancer waits for.
const maxDrain = 10 * time.Minute

// Check returns an error that wraps [ErrSetting], or nil.
func (d *Drain) Check() error {
	if d.Drain <= 0 || d.Drain > maxDrain {
		return Errorf("--drain %v cannot be: set it to a time above 0, at most %v", d.Drain, maxDrain)
	}
	return nil
}

// Closing returns how long the program's own end may take before it is cut short.
func (d *Drain) Closing() time.Duration { return d.Drain }
