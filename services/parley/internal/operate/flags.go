package operate

import (
	"time"

	"github.com/parley-rtc/parley/services/internal/settings"
)

// defaultServers is where parley's own NATS server listens.
const defaultServers = "nats://127.0.0.1:4222"

// flags are what every command has.
type flags struct {
	settings.NATS
	settings.Prefix

	JSON    bool          `group:"Output:" help:"Print JSON, for programs."`
	Timeout time.Duration `group:"Output:" default:"5s" placeholder:"TIME" help:"How long connecting, and each answer, may take (${default})."`
}

// maxTimeout is more patience than anybody at a terminal has.
const maxTimeout = 10 * time.Minute

func (f *flags) check() error {
	if f.Timeout <= 0 || f.Timeout > maxTimeout {
		return settings.Errorf("--timeout %v cannot be: set it to a time above 0, at most %v", f.Timeout, maxTimeout)
	}
	return f.Prefix.Check() // it is a sentence
}
