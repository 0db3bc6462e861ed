package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-rtc/parley/gateway/ice"
	"github.com/parley-rtc/parley/gateway/porch"
	"github.com/parley-rtc/parley/services/internal/certs"
	"github.com/parley-rtc/parley/services/internal/lifecycle"
	"github.com/parley-rtc/parley/services/internal/listen"
	"github.com/parley-rtc/parley/services/internal/settings"
	"github.com/parley-rtc/parley/services/parley/internal/relay"
)

// relay starts the TURN server inside, where there is to be one, and returns the servers that clients are told with it among them.
func (f *flags) relay(ctx context.Context, servers *ice.Config, cert *certs.Holder, log *slog.Logger, reg prometheus.Registerer) (lifecycle.Part, *ice.Config, error) {
	if !f.Relay.On() {
		return lifecycle.Part{Name: "TURN", Run: func(ctx context.Context) error { <-ctx.Done(); return nil }}, servers, nil
	}
	if servers == nil {
		servers = &ice.Config{TTL: f.TURNTTL}
	}
	if servers.Secret == nil {
		servers.Secret = []byte(rand.Text()) // nobody else needs it
	}
	part, urls, err := startTURN(ctx, &f.Relay, f.turnSockets(), servers.Secret, cert, log, reg)
	if err != nil {
		return part, nil, err
	}
	servers.STUN = append(servers.STUN, urls[0])
	servers.TURN = append(servers.TURN, urls[1:]...)
	return part, servers, nil
}

// turnSockets returns how many sockets the TURN server inside may have open: a quarter of all places at most, since clients need the others.
func (f *flags) turnSockets() int { return f.Relay.Sockets(porch.Places() / 4) }

// startTURN starts a TURN server that may have so many sockets open, and returns the URLs by which clients reach it: of STUN first, then of TURN.
func startTURN(ctx context.Context, s *relay.Settings, sockets int, secret []byte, cert *certs.Holder, log *slog.Logger, reg prometheus.Registerer) (lifecycle.Part, []string, error) {
	part := lifecycle.Part{Name: "TURN"}
	tcp, err := listen.TCP(ctx, "--turn-listen", s.Listen)
	if err != nil {
		return part, nil, err //nolint:wrapcheck // it is a sentence
	}
	udp, err := listenUDP(s.Listen, portOf(tcp.Addr()))
	if err != nil {
		_ = tcp.Close()
		return part, nil, settings.Errorf("--turn-listen %s: its UDP port cannot be listened on: %v; set it to another port", s.Listen, err)
	}
	cfg := s.Config(secret, sockets)
	cfg.TLS = cert.Config()
	server, err := relay.Start(cfg, udp, tcp, relay.NewMetrics(reg))
	if err != nil {
		_, _ = tcp.Close(), udp.Close()
		return part, nil, err //nolint:wrapcheck // it says what was done
	}
	at := fmt.Sprintf("%s:%d", s.Public, portOf(tcp.Addr()))
	log.Info("listening", "role", "turn", "addr", udp.LocalAddr().String(), "public", at)
	urls := []string{"stun:" + at, "turn:" + at + "?transport=udp", "turn:" + at + "?transport=tcp"}
	if name := cert.Name(); name != "" {
		urls = append(urls, fmt.Sprintf("turns:%s:%d?transport=tcp", name, portOf(tcp.Addr())))
	}
	part.Run = server.Run
	return part, urls, nil
}

// listenUDP listens at the host of an address, and a port.
func listenUDP(address string, port int) (*net.UDPConn, error) {
	host, _, _ := net.SplitHostPort(address) // it was listened on
	at, err := net.ResolveUDPAddr("udp4", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, err //nolint:wrapcheck // whoever asks says what for
	}
	return net.ListenUDP("udp4", at) //nolint:wrapcheck // as above
}

func portOf(a net.Addr) int {
	if t, is := a.(*net.TCPAddr); is {
		return t.Port
	}
	return 0
}
