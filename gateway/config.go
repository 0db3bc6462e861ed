package gateway

import (
	"crypto/tls"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/gateway/edge"
	"github.com/parley-rtc/parley/gateway/ice"
	"github.com/parley-rtc/parley/gateway/tokens"
	"github.com/parley-rtc/parley/proto"
)

// Config is how a gateway runs. The zero value works.
type Config struct {
	Servers        string        // NATS servers, comma separated; nats://127.0.0.1:4222
	Options        []nats.Option // how to log in, or an in-process server; none
	Prefix         string        // of subjects; "parley"
	AllowOrigins   []string      // patterns of origins beside the same host, as path.Match has them; none
	TrustedProxies []string      // addresses or networks whose word on the client's address counts; none
	Limits         Limits
	Drain          time.Duration  // how long closing may take; 10 s
	Keep           time.Duration  // how long a session with a key outlives its connection, in whole seconds, 300 at most; 30 s; less than 0: not at all
	IdleTimeout    time.Duration  // how long an HTTP connection may stand unused between two requests; 90 s
	Home           http.Handler   // what stands at /; nothing
	Auth           *tokens.Config // which tokens clients need; nil: none
	ICE            *ice.Config    // by which STUN and TURN servers clients reach each other; nil: none
	TLS            *tls.Config    // by which [Gateway.Serve] speaks TLS; nil: it does not
	Sockets        int            // that others in this process may have open, which are no clients' connections; none
	// Rank orders the replicas of the room service that live: the first is asked first about a room, the next when it does not
	// answer, such as a replica in the same zone before the others. The slice is Rank's own to change. Gateways that rank
	// alike ask the same replica about a room, which costs least; whatever the order, answers are the same. nil: [proto.Rank]
	Rank func(replicas []proto.ReplicaID, room proto.Room) []proto.ReplicaID
}

// Limits bound what a client, an address and all together may take. In each, 0 is the default and less is none.
type Limits struct {
	MaxFrame           int // bytes of a frame; 64 KiB
	MaxQueue           int // bytes waiting for a client; 1 MiB
	MaxRooms           int // of a client; 64
	Rate               int // requests a second of a client; 500
	Burst              int // requests at once of a client; 1,000
	MaxConns           int // of the gateway; 20,000
	MaxConnsPerAddress int // 1,024
	IPv6Prefix         int // bits of an IPv6 address that count as one address there; 64, none: all 128
	MaxMeta            int // bytes of what a client says of itself; 256, and 1,024 at most
	MaxConnsPerUser    int // connections of one token's sub; none
	JoinsPerUser       int // rooms that one sub's clients enter in a minute; none
	RoomsPerUser       int // rooms that one sub's clients have created here and own; none
	MaxKept            int // bytes of signals kept for clients that are away or have not confirmed them; 64 MiB
}

// withDefaults fills in what is 0.
func (c Config) withDefaults() Config {
	if c.Servers == "" {
		c.Servers = nats.DefaultURL
	}
	if c.Drain <= 0 {
		c.Drain = defaultDrain
	}
	if c.IdleTimeout <= 0 {
		c.IdleTimeout = defaultIdle
	}
	if c.Keep == 0 {
		c.Keep = defaultKeep
	}
	c.Limits = c.Limits.withDefaults()
	return c
}

// keepSeconds returns for how many seconds a session is kept at most.
func (c Config) keepSeconds() int { return min(max(0, int(c.Keep/time.Second)), proto.MaxKeep) }

// told returns what clients are told of their limits.
func (l Limits) told() proto.Limits {
	most := func(v int) int {
		if v == edge.None {
			return 0
		}
		return v
	}
	return proto.Limits{Frame: most(l.MaxFrame), Rooms: most(l.MaxRooms), Rate: most(l.Rate), Burst: most(l.Burst)}
}

// withDefaults fills in what is 0, and turns "none" into a number that is never reached.
func (l Limits) withDefaults() Limits {
	set := func(v *int, def int) {
		switch {
		case *v == 0:
			*v = def
		case *v < 0:
			*v = edge.None
		}
	}
	set(&l.MaxFrame, 64<<10)
	set(&l.MaxQueue, 1<<20)
	set(&l.MaxRooms, 64)
	set(&l.Rate, 500)
	set(&l.Burst, 1000)
	set(&l.MaxConns, 20000)
	set(&l.MaxConnsPerAddress, 1024)
	set(&l.IPv6Prefix, 64)
	set(&l.MaxKept, 64<<20)
	if l.MaxMeta <= 0 {
		l.MaxMeta = proto.DefaultMeta
	}
	l.MaxMeta = min(l.MaxMeta, proto.MaxMeta)
	for _, v := range []*int{&l.MaxConnsPerUser, &l.JoinsPerUser, &l.RoomsPerUser} {
		*v = max(*v, 0)
	}
	return l
}
