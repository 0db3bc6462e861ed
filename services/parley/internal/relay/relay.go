// Package relay is the TURN server inside parley: clients whose firewalls let nothing else through reach each other by way of it. The protocol is
// pion/turn's; this package says who may allocate, how much, and which peers may be reached.
package relay

import (
	"cmp"
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
	Sockets    int // of relays, and of clients over TCP
	now        func() time.Time
	waiting    time.Duration // for which a connection over TCP stays without an allocation; 30 s
	sending    time.Duration // for which a client over TCP may take nothing; 10 s
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
	callers *callers
	front   *front
	metrics *metrics
	turn    *turn.Server
}

// Start serves clients over UDP and TCP, until [Server.Run] ends; over TLS at the same port as TCP, where there is a certificate.
func Start(cfg Config, udp *net.UDPConn, tcp net.Listener, m *metrics) (*Server, error) {
	if cfg.now == nil {
		cfg.now = time.Now
	}
	s := &Server{cfg: cfg, rules: newRules(cfg.Public), quotas: newQuotas(cfg), callers: newCallers(cfg.Sockets, cmp.Or(cfg.waiting, unallocated), cmp.Or(cfg.sending, sending)), metrics: m}
	s.front = &front{udp, s.callers}
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled // what clients do wrong is no news
	permit := func(client net.Addr, peer net.IP) bool {
		ip, _ := netip.AddrFromSlice(peer)
		allowed := s.rules.mayPermit(ip) && s.callers.mayLetIn(client)
		if !allowed {
			m.dropped("permission")
		}
		return allowed
	}
	server, err := turn.NewServer(turn.ServerConfig{
		// Who asks for no family gets IPv4, also over IPv6: there is nothing else.
		Realm: realm, StrictAddressFamily: true, LoggerFactory: quiet, AuthHandler: s.authorize, QuotaHandler: s.quota, EventHandler: turn.EventHandler{
			OnAllocationCreated: func(src, _ net.Addr, _, _, _ string, relayed net.Addr, _ int) {
				s.callers.allocated(src, relayed)
				if relay := s.callers.relay(relayed); !s.quotas.created(src) && relay != nil {
					_ = relay.Close() // pion finds that out, and ends the allocation
				}
			},
			OnChannelCreated: func(src, _ net.Addr, _, _, _ string, relayed, peer net.Addr, number uint16) {
				if relay := s.callers.relay(relayed); relay != nil && relay.client == addrPort(src) {
					relay.channels.bound(number, addrPort(peer))
				}
			},
			OnChannelDeleted: func(src, _ net.Addr, _, _, _ string, relayed, _ net.Addr, number uint16) {
				if relay := s.callers.relay(relayed); relay != nil && relay.client == addrPort(src) {
					relay.channels.unbound(number)
				}
			},
			OnAllocationDeleted: func(src, _ net.Addr, _, _, _ string) { s.quotas.deleted(src) },
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: s.front, RelayAddressGenerator: s, PermissionHandler: permit}},
		ListenerConfigs:   []turn.ListenerConfig{{Listener: newEither(&bounded{tcp, s.callers}, cfg.TLS), RelayAddressGenerator: s, PermissionHandler: permit}},
	})
	if err != nil {
		return nil, fmt.Errorf("TURN server: %w", err)
	}
	s.turn = server
	return s, nil
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	look := time.NewTicker(looking)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			s.rules.look()
		case <-ctx.Done():
			return s.turn.Close() //nolint:wrapcheck // it says what was done
		}
	}
}

// looking is how often this host's addresses are looked at.
const looking = 5 * time.Second

// authorize returns the key of a user's credentials. They have to count when an allocation is made, and for a while longer for all else.
func (s *Server) authorize(r *turn.RequestAttributes) (user string, key []byte, ok bool) {
	expires, name, found := strings.Cut(r.Username, ":")
	at, err := strconv.ParseInt(expires, 10, 64)
	until := time.Unix(at, 0)
	if r.Method != stun.MethodAllocate {
		until = until.Add(grace)
	}
	if !found || name == "" || err != nil || s.cfg.now().After(until) {
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

// errFull is answered as "insufficient capacity".
var errFull = errors.New("there are as many allocations as there may be")

// AllocatePacketConn implements [turn.RelayAddressGenerator].
func (s *Server) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	if c.Network != "udp4" || c.UserID == "" { // pion looks for an even port for nobody: browsers do not ask for one
		return nil, nil, errUDPOnly
	}
	if !s.callers.opens() {
		s.metrics.dropped("quota")
		return nil, nil, errFull
	}
	if !s.quotas.opens(c.UserID) {
		s.callers.closes()
		return nil, nil, errFull
	}
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{Port: c.RequestedPort})
	if err != nil {
		s.callers.closes()
		s.quotas.closes(c.UserID)
		return nil, nil, fmt.Errorf("a relay's socket: %w", err)
	}
	noBroadcast(socket)
	relayed := newConn(s, socket, c.UserID)
	s.callers.opened(relayed)
	s.metrics.allocations.Inc()
	return relayed, net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.cfg.Public, relayed.port)), nil
}

// burst is at least the largest packet.
const burst = 64 << 10

// AllocateListener implements [turn.RelayAddressGenerator].
func (s *Server) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errUDPOnly
}

// AllocateConn implements [turn.RelayAddressGenerator].
func (s *Server) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errUDPOnly }
