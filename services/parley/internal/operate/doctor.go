package operate

import (
	"context"
	"crypto/rand"
	"io"
	"time"

	"github.com/parley-rtc/parley/services/internal/settings"
	"github.com/parley-rtc/parley/services/parley/internal/doctor"
)

// examine is the command that looks at a deployment from outside.
type examine struct {
	URL string `arg:"" help:"Where clients connect: https://parley.example."`

	Token   string        `help:"A token, where the gateway asks for one: signed by the app's server, or by parley token."`
	Origin  string        `help:"Where the app's pages come from: https://app.example (the gateway's own host)."`
	Room    string        `help:"A room that may be created for this (doctor- and something random)."`
	Timeout time.Duration `default:"15s" placeholder:"TIME" help:"How long each step may take (${default})."`
}

func (e *examine) check() error {
	if e.Timeout <= 0 || e.Timeout > maxTimeout {
		return settings.Errorf("--timeout %v cannot be: set it to a time above 0, at most %v", e.Timeout, maxTimeout)
	}
	return nil
}

func (e *examine) run(ctx context.Context, out, _ io.Writer) error {
	if e.Room == "" {
		e.Room = "doctor-" + rand.Text()
	}
	return doctor.Examine(ctx, doctor.Patient{URL: e.URL, Token: e.Token, Origin: e.Origin, Room: e.Room, Timeout: e.Timeout}, out)
}
