// Command parley-roomsvc is one replica of Parley's room service.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-rtc/parley/roomsvc"
	"github.com/parley-rtc/parley/services/internal/lifecycle"
	"github.com/parley-rtc/parley/services/internal/payload"
	"github.com/parley-rtc/parley/services/internal/settings"
)

var info = settings.Info{
	Name: "parley-roomsvc",
	About: "The rooms of Parley, a WebRTC signalling system. It answers what gateways (parley-gateway) and other services " +
		"ask over NATS and keeps rooms in a JetStream stream. Run two or more: each can carry out every request, and rooms " +
		"survive the death of any.",
	Vars: map[string]string{
		"ops_listen": ":9090", "log_format": "json", "nats": "nats://127.0.0.1:4222", "nats_default": "nats://127.0.0.1:4222",
	},
}

// flags are the program's settings.
type flags struct {
	settings.NATS
	Journal settings.Journal `embed:""`
	settings.Prefix
	settings.Stream
	settings.Members
	settings.Records
	settings.Common
}

// Check returns an error that wraps [settings.ErrSetting], or nil.
func (f *flags) Check() error {
	for _, check := range []func() error{f.Prefix.Check, f.Stream.Check, f.Members.Check} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// Closing returns how long the replica may take to answer what it has taken.
func (f *flags) Closing() time.Duration { return 5 * time.Second }

// start makes the replica.
func (f *flags) start(_ context.Context, log *slog.Logger, reg *prometheus.Registry) (lifecycle.Plan, error) {
	options, err := f.NATS.Options()
	if err != nil {
		return lifecycle.Plan{}, err
	}
	journalServers, journalOptions, err := f.Journal.Options(&f.NATS)
	if err != nil {
		return lifecycle.Plan{}, err
	}
	s, err := roomsvc.New(roomsvc.Config{
		Servers: f.NATS.Servers, Options: options, JournalServers: journalServers, JournalOptions: journalOptions,
		Prefix: f.Prefix.Prefix, Replicas: f.Replicas, Memory: f.Storage == "memory", MaxMembers: settings.None(f.MaxMembers),
		RecordForm: f.RecordForm, RequireUser: f.RequireUser,
	}, log, reg)
	if err != nil {
		return lifecycle.Plan{}, err // it says what is wrong
	}
	need := payload.Need{Members: f.MaxMembers, Checks: true}
	return lifecycle.Plan{
		Ready: s.Ready,
		Parts: []lifecycle.Part{
			{Name: "nats", Run: func(ctx context.Context) error { return need.Watch(ctx, log, f.NATS.Servers, options) }},
			{Name: "room service", Run: s.Run},
		},
	}, nil
}

func main() {
	f := &flags{}
	os.Exit(lifecycle.Main(info, f, f.start, os.Args[1:]))
}
