// Package clients holds the settings of programs that have clients: those with a gateway. The room service has none, and links
// no gateway.
package clients

import (
	"errors"
	"net/netip"
	"time"

	"github.com/parley-rtc/parley/gateway"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/services/internal/settings"
)

// Clients is where a program with a gateway meets its clients, and whom it lets in.
type Clients struct {
	Listen       string        `group:"Clients" default:":8080" placeholder:"ADDRESS" help:"Where clients connect (${default}). Port 0 is any free one, which the log names."`
	AllowOrigin  []string      `group:"Clients" name:"allow-origin" sep:"," placeholder:"PATTERN" help:"Origin from which pages may connect, beside the same host: example.com, *.example.com, https://example.com, or * for all. May be repeated."`
	TrustedProxy []string      `group:"Clients" name:"trusted-proxy" sep:"," placeholder:"NETWORK" help:"Address or network whose word on a client's address counts, such as 10.0.0.0/8. May be repeated."`
	IdleTimeout  time.Duration `group:"Clients" name:"idle-timeout" default:"90s" placeholder:"TIME" help:"How long an HTTP connection may stand unused between two requests (${default}). Keep it above the balancer's."`

	Keep int `group:"Clients" default:"30" placeholder:"SECONDS" help:"How long a client with a key may be without a connection and stay in its rooms (${default}; 0: not at all)."`

	settings.Drain
}

// Kept returns how long the gateway keeps sessions, as it takes that.
func (c *Clients) Kept() time.Duration { return time.Duration(settings.None(c.Keep)) * time.Second }

// Check returns an error that wraps [settings.ErrSetting], or nil.
func (c *Clients) Check() error {
	for _, p := range c.AllowOrigin {
		if err := gateway.CheckOrigin(p); err != nil {
			return settings.Errorf("--allow-origin %q %v", p, err)
		}
	}
	for _, p := range c.TrustedProxy {
		_, err := netip.ParseAddr(p)
		if err != nil {
			_, err = netip.ParsePrefix(p)
		}
		if err != nil {
			return settings.Errorf("--trusted-proxy %q is neither an address nor a network: set it to one such as 10.1.2.3 or 10.0.0.0/8", p)
		}
	}
	if c.IdleTimeout <= 0 {
		return settings.Errorf("--idle-timeout %v cannot be: set it to a time above 0, such as 90s", c.IdleTimeout)
	}
	if c.Keep < 0 || c.Keep > proto.MaxKeep {
		return settings.Errorf("--keep %d cannot be: set it to a number of seconds from 0 to %d", c.Keep, proto.MaxKeep)
	}
	return c.Drain.Check()
}

// Limits are what a client, an address and all together may take.
type Limits struct {
	MaxFrame           int `group:"Limits" name:"max-frame" default:"65536" placeholder:"BYTES" help:"Longest frame of a client (${default})."`
	MaxQueue           int `group:"Limits" name:"max-queue" default:"1048576" placeholder:"BYTES" help:"What may wait for a client that reads slowly: beyond it, signals to the client are refused; beyond twice that, it is closed (${default})."`
	MaxRooms           int `group:"Limits" name:"max-rooms" default:"64" placeholder:"ROOMS" help:"Rooms of a client (${default})."`
	Rate               int `group:"Limits" default:"500" placeholder:"REQUESTS" help:"Requests of a client, a second (${default})."`
	Burst              int `group:"Limits" default:"1000" placeholder:"REQUESTS" help:"Requests of a client at once (${default})."`
	MaxConns           int `group:"Limits" name:"max-conns" default:"20000" placeholder:"CONNECTIONS" help:"Connections of this process (${default})."`
	MaxConnsPerAddress int `group:"Limits" name:"max-conns-per-address" default:"1024" placeholder:"CONNECTIONS" help:"Connections from one address (${default})."`
	IPv6Prefix         int `group:"Limits" name:"ipv6-prefix" env:"PARLEY_IPV6_PREFIX" default:"64" placeholder:"BITS" help:"First bits of an IPv6 address that make it one address there (${default})."`
	MaxKept            int `group:"Limits" name:"max-kept" default:"67108864" placeholder:"BYTES" help:"Signals kept for clients that are away, or have not confirmed them (${default})."`
}

// Check returns an error that wraps [settings.ErrSetting], or nil.
func (l *Limits) Check() error {
	for flag, v := range map[string]int{
		"--max-frame": l.MaxFrame, "--max-queue": l.MaxQueue, "--max-rooms": l.MaxRooms, "--rate": l.Rate, "--burst": l.Burst,
		"--max-conns": l.MaxConns, "--max-conns-per-address": l.MaxConnsPerAddress, "--max-kept": l.MaxKept,
	} {
		if err := settings.CheckLimit(flag, v); err != nil {
			return err
		}
	}
	switch {
	case l.IPv6Prefix < 1 || l.IPv6Prefix > 128:
		return settings.Errorf("--ipv6-prefix %d cannot be: set it to a number from 1 to 128, which counts each address by itself", l.IPv6Prefix)
	case l.MaxFrame != 0 && l.MaxFrame < minFrame:
		return settings.Errorf("--max-frame %d is less than a description needs: set it to %d or more", l.MaxFrame, minFrame)
	case l.MaxQueue != 0 && l.MaxFrame != 0 && l.MaxQueue < l.MaxFrame:
		return settings.Errorf("--max-queue %d cannot hold one frame of --max-frame %d: set it to that or more", l.MaxQueue, l.MaxFrame)
	}
	return nil
}

// minFrame is room for a small session description.
const minFrame = 1024

// Gateway returns the limits as the gateway takes them.
func (l *Limits) Gateway(a *Auth) gateway.Limits {
	return gateway.Limits{
		MaxFrame: settings.None(l.MaxFrame), MaxQueue: settings.None(l.MaxQueue), MaxRooms: settings.None(l.MaxRooms), Rate: settings.None(l.Rate), Burst: settings.None(l.Burst),
		MaxConns: settings.None(l.MaxConns), MaxConnsPerAddress: settings.None(l.MaxConnsPerAddress),
		IPv6Prefix: l.IPv6Prefix, MaxKept: settings.None(l.MaxKept),
		MaxMeta: a.MaxMeta, MaxConnsPerUser: a.MaxConnsPerUser, JoinsPerUser: a.JoinsPerUser, RoomsPerUser: a.RoomsPerUser,
	}
}

// Setting marks an error of [gateway.New] that a setting is to blame for as one of [settings.ErrSetting].
func Setting(err error) error {
	if errors.Is(err, gateway.ErrConfig) {
		return settings.Errorf("%v", err)
	}
	return err
}
