package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-rtc/parley/gateway"
	"github.com/parley-rtc/parley/gateway/demo"
	"github.com/parley-rtc/parley/gateway/ice"
	"github.com/parley-rtc/parley/gateway/porch"
	"github.com/parley-rtc/parley/roomsvc"
	"github.com/parley-rtc/parley/services/internal/certs"
	"github.com/parley-rtc/parley/services/internal/clients"
	"github.com/parley-rtc/parley/services/internal/descriptors"
	"github.com/parley-rtc/parley/services/internal/lifecycle"
	"github.com/parley-rtc/parley/services/internal/listen"
	"github.com/parley-rtc/parley/services/internal/ops"
	"github.com/parley-rtc/parley/services/internal/payload"
	"github.com/parley-rtc/parley/services/internal/settings"
	"github.com/parley-rtc/parley/services/parley/internal/broker"
)

// start opens what the process needs. Its parts start in this order and stop in the other: NATS, rooms, clients.
func (f *flags) start(ctx context.Context, log *slog.Logger, reg *prometheus.Registry) (lifecycle.Plan, error) {
	descriptors.Check(log, f.MaxConns, f.turnSockets())
	cert, err := f.Settings.Open()
	if err != nil {
		return lifecycle.Plan{}, err // it is a sentence
	}
	servers, err := f.Told()
	if err != nil {
		return lifecycle.Plan{}, err // it is a sentence
	}
	turn, servers, err := f.relay(ctx, servers, cert, log, reg)
	if err != nil {
		return lifecycle.Plan{}, err // it is a sentence
	}
	ln, err := listen.TCP(ctx, "--listen", f.Listen)
	if err != nil {
		return lifecycle.Plan{}, err
	}
	nats, inside, options, err := f.nats(ctx, log)
	if err != nil {
		return lifecycle.Plan{}, errors.Join(err, ln.Close())
	}
	rooms, g, err := f.libraries(options, outside{cert.Config(), servers}, log, reg)
	if err != nil {
		// The NATS part stops at once, which gives its directory back.
		stopped, cancel := context.WithCancel(ctx)
		cancel()
		return lifecycle.Plan{}, errors.Join(err, nats.Run(stopped), ln.Close())
	}
	if inside != nil {
		inside.Watch(broker.Mind{Unsettled: rooms.Unsettled, Failed: rooms.Distrust})
	}
	log.Info("listening", "role", "clients", "addr", ln.Addr().String())
	return lifecycle.Plan{
		Ready:         func() error { return errors.Join(rooms.Ready(), g.Ready()) },
		Welcome:       f.welcome(ln.Addr()),
		OperatorConns: porch.Share(ops.MaxConns),
		Parts: []lifecycle.Part{
			turn,
			{Name: "certificate", Run: func(ctx context.Context) error { return cert.Watch(ctx, log) }},
			nats,
			{Name: "room service", Run: rooms.Run},
			{Name: "gateway", Run: func(ctx context.Context) error { return g.Serve(ctx, ln) }},
		},
	}, nil
}

// nats starts the server inside, or, with none inside, looks after the login to those that are named.
func (f *flags) nats(ctx context.Context, log *slog.Logger) (lifecycle.Part, *broker.Broker, []nats.Option, error) {
	need := payload.Need{Frame: f.MaxFrame, Members: f.MaxMembers, Checks: true}
	if f.Servers != "" {
		options, err := f.NATS.Options()
		return lifecycle.Part{Name: "nats", Run: func(ctx context.Context) error {
			return need.Watch(ctx, log, f.Servers, options)
		}}, nil, options, err
	}
	stream, err := f.stream()
	if err != nil {
		return lifecycle.Part{}, nil, nil, err
	}
	b, err := broker.Start(ctx, broker.Config{Listen: f.NATSListen, DataDir: f.DataDir, Stream: stream}, log)
	if err != nil {
		return lifecycle.Part{}, nil, nil, err // it is a sentence
	}
	part := lifecycle.Part{Name: "nats", Run: b.Run}
	if err := need.Check(b.MaxPayload()); err != nil {
		stopped, cancel := context.WithCancel(ctx)
		cancel()
		return lifecycle.Part{}, nil, nil, errors.Join(err, b.Run(stopped))
	}
	if addr := b.Addr(); addr != nil {
		log.Info("listening", "role", "nats", "addr", addr.String())
	}
	return part, b, b.Options(), nil
}

// outside is what a gateway has of the way to its clients.
type outside struct {
	secure  *tls.Config
	servers *ice.Config
}

// libraries makes the room service and the gateway.
func (f *flags) libraries(options []nats.Option, way outside, log *slog.Logger, reg *prometheus.Registry) (*roomsvc.Service, *gateway.Gateway, error) {
	rooms, err := roomsvc.New(roomsvc.Config{
		Servers: f.Servers, Options: options, Prefix: f.Prefix.Prefix, MaxMembers: settings.None(f.MaxMembers),
		Memory: f.Servers == "" && f.DataDir == "", RecordForm: f.RecordForm, RequireUser: f.RequireUser,
	}, log, reg)
	if err != nil {
		return nil, nil, fmt.Errorf("room service: %w", err)
	}
	g, err := gateway.New(gateway.Config{
		Servers: f.Servers, Options: options, Prefix: f.Prefix.Prefix,
		AllowOrigins: f.AllowOrigin, TrustedProxies: f.TrustedProxy, Limits: f.Limits.Gateway(&f.Auth), Drain: f.Drain.Drain, IdleTimeout: f.IdleTimeout, Keep: f.Kept(),
		Home: demo.Handler(), Auth: f.Tokens(), TLS: way.secure, ICE: way.servers, Sockets: f.turnSockets(),
	}, log, reg)
	if err != nil {
		return nil, nil, fmt.Errorf("gateway: %w", clients.Setting(err))
	}
	return rooms, g, nil
}

// welcome says where the page is. With a certificate of its own making that is also where a phone on the same network finds it.
func (f *flags) welcome(addr net.Addr) string {
	text := "Parley is ready. Open this page in two tabs: " + page(addr, f.Settings.On())
	host, port, err := net.SplitHostPort(addr.String())
	at := net.ParseIP(host)
	if !f.SelfSigned || err != nil || at == nil || !at.IsUnspecified() {
		return text
	}
	if all := certs.Addresses(); len(all) > 0 {
		text += "\n    On a phone in the same network, whose browser has to be told to go on: https://" + net.JoinHostPort(all[0].String(), port)
	}
	return text
}

// page returns where a browser on this machine finds the page: localhost, which browsers let use a camera.
func page(addr net.Addr, secure bool) string {
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	host, port, err := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && (ip.IsUnspecified() || ip.IsLoopback()) {
		host = "localhost"
	}
	return scheme + net.JoinHostPort(host, port)
}
