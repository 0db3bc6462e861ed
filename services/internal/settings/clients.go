package settings

import (
	"net/netip"
	"path"

	"github.com/parley-rtc/parley/gateway"
	"github.com/parley-rtc/parley/proto"
)

// Clients is where a program with a gateway meets its clients, and whom it lets in.
type Clients struct {
	Listen       string   `group:"Clients" default:":8080" placeholder:"ADDRESS" help:"Where clients connect (${default}). Port 0 is any free one, which the log names."`
	AllowOrigin  []string `group:"Clients" name:"allow-origin" sep:"," placeholder:"PATTERN" help:"Origin from which pages may connect, beside the same host: example.com, *.example.com, https://example.com. May be repeated."`
	TrustedProxy []string `group:"Clients" name:"trusted-proxy" sep:"," placeholder:"NETWORK" help:"Address or network whose word on a client's address counts, such as 10.0.0.0/8. May be repeated."`

	Drain
}

// Check returns an error that wraps [ErrSetting], or nil.
func (c *Clients) Check() error {
	for _, p := range c.AllowOrigin {
		if _, err := path.Match(p, ""); err != nil {
			return Errorf("--allow-origin %q is no pattern: set it to a host or an origin, in which * stands for anything", p)
		}
	}
	for _, p := range c.TrustedProxy {
		_, err := netip.ParseAddr(p)
		if err != nil {
			_, err = netip.ParsePrefix(p)
		}
		if err != nil {
			return Errorf("--trusted-proxy %q is neither an address nor a network: set it to one such as 10.1.2.3 or 10.0.0.0/8", p)
		}
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
}

// Check returns an error that wraps [ErrSetting], or nil.
func (l *Limits) Check() error {
	for flag, v := range map[string]int{
		"--max-frame": l.MaxFrame, "--max-queue": l.MaxQueue, "--max-rooms": l.MaxRooms, "--rate": l.Rate, "--burst": l.Burst,
		"--max-conns": l.MaxConns, "--max-conns-per-address": l.MaxConnsPerAddress,
	} {
		if err := CheckLimit(flag, v); err != nil {
			return err
		}
	}
	switch {
	case l.MaxFrame != 0 && l.MaxFrame < minFrame:
		return Errorf("--max-frame %d is less than a description needs: set it to %d or more", l.MaxFrame, minFrame)
	case l.MaxQueue != 0 && l.MaxFrame != 0 && l.MaxQueue < l.MaxFrame:
		return Errorf("--max-queue %d cannot hold one frame of --max-frame %d: set it to that or more", l.MaxQueue, l.MaxFrame)
	}
	return nil
}

// minFrame is room for a small session description.
const minFrame = 1024

// maxLimit is what an int holds on every machine.
const maxLimit = 1<<31 - 1

// CheckLimit returns an error that wraps [ErrSetting] for a limit that cannot be.
func CheckLimit(flag string, v int) error {
	if v < 0 || v > maxLimit {
		return Errorf("%s %d cannot be: set it to a number from 1 to %d, or to 0 for none", flag, v, maxLimit)
	}
	return nil
}

// Gateway returns the limits as the gateway takes them.
func (l *Limits) Gateway() gateway.Limits {
	return gateway.Limits{
		MaxFrame: None(l.MaxFrame), MaxQueue: None(l.MaxQueue), MaxRooms: None(l.MaxRooms), Rate: None(l.Rate), Burst: None(l.Burst),
		MaxConns: None(l.MaxConns), MaxConnsPerAddress: None(l.MaxConnsPerAddress),
	}
}

// None turns a flag's 0, which is no limit, into the -1 that says so to the libraries, whose 0 is the default.
func None(v int) int {
	if v == 0 {
		return -1
	}
	return v
}

// Prefix is what subjects and streams start with.
type Prefix struct {
	Prefix string `group:"NATS" default:"parley" placeholder:"WORD" help:"What subjects and the stream's name start with (${default})."`
}

// Check returns an error that wraps [ErrSetting], or nil.
func (p *Prefix) Check() error {
	if _, err := proto.NewSubjects(p.Prefix); err != nil || p.Prefix == "" {
		return Errorf("--prefix %q cannot be: set it to 1 to 32 characters of A-Za-z0-9_-", p.Prefix)
	}
	return nil
}
