package main

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-rtc/parley/gateway/ice"
	"github.com/parley-rtc/parley/gateway/porch"
	"github.com/parley-rtc/parley/services/internal/certs"
	"github.com/parley-rtc/parley/services/internal/lifecycle"
	"github.com/parley-rtc/parley/services/internal/listen"
	"github.com/parley-rtc/parley/services/internal/settings"
	"github.com/parley-rtc/parley/services/parley/internal/relay"
)

// turnInfo is of `parley turn`: the TURN server of parley, alone.
var turnInfo = settings.Info{
	Name: "parley turn",
	About: "A TURN server, and nothing else: for deployments whose gateways are programs of their own. It reaches other relays of its own and " +
		"public addresses. Gateways are told of it with --turn, and share its secret.",
	Vars:     map[string]string{"ops_listen": "127.0.0.1:9090", "log_format": "text"},
	OpsMoves: true,
}

// turnFlags are its settings.
type turnFlags struct {
	Relay  relay.Settings `embed:""`
	Secret string         `group:"Firewalls" name:"turn-secret-file" placeholder:"FILE" help:"File with the secret that gateways make credentials with: the same as theirs."`
	certs.Settings
	settings.Common
}

// Check returns an error that wraps [settings.ErrSetting], or nil.
func (f *turnFlags) Check() error {
	switch {
	case !f.Relay.On():
		return settings.Errorf("--turn-listen is needed: set it to :3478")
	case f.Secret == "":
		return settings.Errorf("--turn-secret-file is needed: name the file with the secret that gateways have, too")
	}
	if err := f.Relay.Check(); err != nil {
		return err //nolint:wrapcheck // it is a sentence
	}
	return f.Settings.Check() //nolint:wrapcheck // as above
}

// Closing returns how long a clean stop may take.
func (f *turnFlags) Closing() time.Duration { return time.Second }

// Addresses are where it listens, beside the operations port.
func (f *turnFlags) Addresses() []listen.Address {
	return []listen.Address{{Flag: "--turn-listen", Address: f.Relay.Listen}}
}

func (f *turnFlags) start(ctx context.Context, log *slog.Logger, reg *prometheus.Registry) (lifecycle.Plan, error) {
	secret, err := ice.ReadSecret(f.Secret)
	if err != nil {
		return lifecycle.Plan{}, settings.Errorf("--turn-secret-file cannot be used: %v", err)
	}
	cert, err := f.Open()
	if err != nil {
		return lifecycle.Plan{}, err //nolint:wrapcheck // it is a sentence
	}
	places := porch.Places()
	if places > 0 && places < 2*f.Relay.Total {
		log.Warn("there are more --turn-allocations than this process may open files: raise the limit (ulimit -n, LimitNOFILE)", "allocations", f.Relay.Total, "files", places)
	}
	turn, urls, err := startTURN(ctx, &f.Relay, f.Relay.Sockets(places), secret, cert, log, reg)
	if err != nil {
		return lifecycle.Plan{}, err
	}
	return lifecycle.Plan{
		Ready:   func() error { return nil },
		Welcome: "TURN is ready. Tell gateways of it: --stun " + urls[0] + " --turn " + strings.Join(urls[1:], ",") + " --turn-secret-file " + f.Secret,
		Parts: []lifecycle.Part{
			{Name: "certificate", Run: func(ctx context.Context) error { return cert.Watch(ctx, log) }},
			turn,
		},
	}, nil
}
