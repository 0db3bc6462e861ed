// Package relay is the TURN server inside parley: clients whose firewalls let nothing else through reach each other by way of it. The protocol is
// pion/turn's; this package says who may allocate, how much, and which peers may be reached.
package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
	"golang.org/x/time/rate"

	"github.com/parley-rtc/parley/gateway/ice"
)

// Config is what a server relays, and for whom. In the limits 0 is none.
type Config struct {
	Public     netip.Addr  // IPv4: by which others reach this machine
	Secret     []byte      // by which the gateway makes credentials
	TLS        *tls.Config // nil: no TLS
	PerUser    int         // allocations of one name
	PerAddress int         // of one address, or IPv6 /64
	Total      int
	Bits       int // bits a second of an allocation, both ways together
	now        func() time.Time
}

// realm is the one that TURN needs and nobody reads.
const realm = "parley"

// grace is for how long an allocation may be refreshed after its credentials have expired: a long call does not end with them.
const grace = 24 * time.Hour

// Server relays.
type Server struct {
	cfg     Config
	rules   *rules
	quotas  *quotas
	metrics *metrics
	turn    *turn.Server
}

// Start serves clients over UDP and TCP, until [Server.Run] ends; over TLS at the same port as TCP, where there is a certificate.
func Start(cfg Config, udp net.PacketConn, tcp net.Listener, m *metrics) (*Server, error) {
	if cfg.now == nil {
		cfg.now = time.Now
	}
	s := &Server{cfg: cfg, rules: newRules(cfg.Public), quotas: newQuotas(cfg), metrics: m}
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled // what clients do wrong is no news
	permit := func(_ net.Addr, peer net.IP) bool {
		ip, _ := netip.AddrFromSlice(peer)
		allowed := s.rules.mayPermit(ip)
		if !allowed {
			m.dropped("permission")
		}
		return allowed
	}
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: realm, LoggerFactory: quiet, AuthHandler: s.authorize, QuotaHandler: s.quota, EventHandler: turn.EventHandler{
			OnAllocationCreated: func(src, _ net.Addr, _, user, _ string, _ net.Addr, _ int) {
				m.allocations.Set(float64(s.quotas.created(user, src)))
			},
			OnAllocationDeleted: func(src, _ net.Addr, _, user, _ string) { m.allocations.Set(float64(s.quotas.deleted(user, src))) },
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: udp, RelayAddressGenerator: s, PermissionHandler: permit}},
		ListenerConfigs:   []turn.ListenerConfig{{Listener: newEither(tcp, cfg.TLS), RelayAddressGenerator: s, PermissionHandler: permit}},
	})
	if err != nil {
		return nil, fmt.Errorf("TURN server: %w", err)
	}
	s.turn = server
	return s, nil
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	<-ctx.Done()
	return s.turn.Close() //nolint:wrapcheck // it says what was done
}

// authorize returns the key of a user's credentials. They have to count when an allocation is made, and for a while longer for all else.
func (s *Server) authorize(r *turn.RequestAttributes) (user string, key []byte, ok bool) {
	expires, name, found := strings.Cut(r.Username, ":")
	at, err := strconv.ParseInt(expires, 10, 64)
	until := time.Unix(at, 0)
	if r.Method != stun.MethodAllocate {
		until = until.Add(grace)
	}
	if !found || err != nil || s.cfg.now().After(until) {
		s.metrics.dropped("credentials")
		return "", nil, false
	}
	return name, turn.GenerateAuthKey(r.Username, r.Realm, ice.Password(s.cfg.Secret, r.Username)), true
}

func (s *Server) quota(user, _ string, from net.Addr) bool {
	if s.quotas.may(user, from) {
		return true
	}
	s.metrics.dropped("quota")
	return false
}

// errUDPOnly is what is answered to who wants to relay over TCP.
var errUDPOnly = errors.New("this server relays over UDP and IPv4 alone")

// Validate implements [turn.RelayAddressGenerator].
func (s *Server) Validate() error { return nil }

// AllocatePacketConn implements [turn.RelayAddressGenerator].
func (s *Server) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	if c.Network != "udp4" && c.Network != "udp" {
		return nil, nil, errUDPOnly
	}
	socket, err := net.ListenPacket("udp4", "0.0.0.0:0") //nolint:noctx // it waits for nothing
	if err != nil {
		return nil, nil, fmt.Errorf("a relay's socket: %w", err)
	}
	port := addrPort(socket.LocalAddr()).Port()
	s.rules.opened(port)
	relayed := &conn{PacketConn: socket, server: s, port: port}
	if s.cfg.Bits > 0 {
		relayed.share = rate.NewLimiter(rate.Limit(s.cfg.Bits/8), max(s.cfg.Bits/8, burst)) // a second's worth at once
	}
	return relayed, net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.cfg.Public, port)), nil
}

// burst is at least the largest packet.
const burst = 64 << 10

// AllocateListener implements [turn.RelayAddressGenerator].
func (s *Server) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errUDPOnly
}

// AllocateConn implements [turn.RelayAddressGenerator].
func (s *Server) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errUDPOnly }
