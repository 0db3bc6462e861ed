// Command parley-gateway is Parley's gateway alone: WebSocket for clients, NATS towards the room service.
package main

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-rtc/parley/gateway"
	"github.com/parley-rtc/parley/gateway/demo"
	"github.com/parley-rtc/parley/gateway/porch"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/services/internal/certs"
	"github.com/parley-rtc/parley/services/internal/clients"
	"github.com/parley-rtc/parley/services/internal/descriptors"
	"github.com/parley-rtc/parley/services/internal/lifecycle"
	"github.com/parley-rtc/parley/services/internal/listen"
	"github.com/parley-rtc/parley/services/internal/ops"
	"github.com/parley-rtc/parley/services/internal/payload"
	"github.com/parley-rtc/parley/services/internal/settings"
)

var info = settings.Info{
	Name: "parley-gateway",
	About: "Clients' connections to Parley, a WebRTC signalling system. Clients speak WebSocket to it (/ws) or Socket.IO " +
		"(/socket.io/); it reaches the room service (parley-roomsvc) over NATS. Run as many as there are clients for, " +
		"behind any load balancer.",
	Vars: map[string]string{
		"ops_listen": ":9090", "log_format": "json", "nats": "nats://127.0.0.1:4222", "nats_default": "nats://127.0.0.1:4222",
	},
}

// flags are the program's settings.
type flags struct {
	clients.Clients
	clients.Limits
	clients.Auth
	clients.ICE
	certs.Settings
	settings.NATS
	settings.Prefix
	settings.Common

	Demo          bool `group:"Clients" help:"Serve a page at / that makes a video call between tabs."`
	RandomReplica bool `hidden:"" name:"random-replica" help:"For tests: ask any replica of the room service first."`
}

// Check returns an error that wraps [settings.ErrSetting], or nil.
func (f *flags) Check() error {
	for _, check := range []func() error{f.Clients.Check, f.Limits.Check, f.Auth.Check, f.ICE.Check, f.Settings.Check, f.Prefix.Check} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// start opens what the gateway needs.
func (f *flags) start(ctx context.Context, log *slog.Logger, reg *prometheus.Registry) (lifecycle.Plan, error) {
	options, err := f.NATS.Options()
	if err != nil {
		return lifecycle.Plan{}, err
	}
	cert, err := f.Settings.Open()
	if err != nil {
		return lifecycle.Plan{}, err
	}
	servers, err := f.Told()
	if err != nil {
		return lifecycle.Plan{}, err
	}
	cfg := gateway.Config{
		ICE:     servers,
		TLS:     cert.Config(),
		Servers: f.NATS.Servers, Options: options, Prefix: f.Prefix.Prefix,
		AllowOrigins: f.AllowOrigin, TrustedProxies: f.TrustedProxy,
		Limits: f.Limits.Gateway(&f.Auth), Drain: f.Drain.Drain, IdleTimeout: f.IdleTimeout, Keep: f.Kept(),
		Auth: f.Tokens(),
	}
	if f.RandomReplica {
		cfg.Rank = shuffled
	}
	if f.Demo {
		cfg.Home = demo.Handler()
	}
	g, err := gateway.New(cfg, log, reg)
	if err != nil {
		return lifecycle.Plan{}, clients.Setting(err)
	}
	descriptors.Check(log, f.MaxConns, 0)
	ln, err := listen.TCP(ctx, "--listen", f.Listen)
	if err != nil {
		return lifecycle.Plan{}, err
	}
	log.Info("listening", "role", "clients", "addr", ln.Addr().String())
	need := payload.Need{Frame: f.MaxFrame}
	return lifecycle.Plan{
		Ready: g.Ready, OperatorConns: porch.Share(ops.MaxConns),
		Parts: []lifecycle.Part{
			{Name: "certificate", Run: func(ctx context.Context) error { return cert.Watch(ctx, log) }},
			{Name: "nats", Run: func(ctx context.Context) error { return need.Watch(ctx, log, f.NATS.Servers, options) }},
			{Name: "gateway", Run: func(ctx context.Context) error { return g.Serve(ctx, ln) }},
		},
	}, nil
}

// shuffled ranks replicas at random: for tests of what happens when gateways do not agree.
func shuffled(replicas []proto.ReplicaID, _ proto.Room) []proto.ReplicaID {
	rand.Shuffle(len(replicas), func(i, j int) { replicas[i], replicas[j] = replicas[j], replicas[i] })
	return replicas
}

func main() {
	f := &flags{}
	os.Exit(lifecycle.Main(info, f, f.start, os.Args[1:]))
}
