package relay

import (
	"net/netip"

	"github.com/parley-rtc/parley/services/internal/settings"
)

// Settings are those of the TURN server inside.
type Settings struct {
	Listen     string `group:"Firewalls" name:"turn-listen" placeholder:"ADDRESS" help:"Where a TURN server inside listens, by UDP and TCP, and by TLS where there is a certificate (none; usual is :3478). It needs --turn-public-address."`
	Public     string `group:"Firewalls" name:"turn-public-address" placeholder:"IP" help:"IPv4 address by which clients reach the TURN server inside, and its relays."`
	PerUser    int    `group:"Firewalls" name:"turn-allocations-per-user" default:"20" placeholder:"ALLOCATIONS" help:"Allocations of one user, or without tokens of one client (${default}; 0: no limit)."`
	PerAddress int    `group:"Firewalls" name:"turn-allocations-per-address" default:"200" placeholder:"ALLOCATIONS" help:"Allocations from one address, of IPv6 from one /64 (${default}; 0: no limit)."`
	Total      int    `group:"Firewalls" name:"turn-allocations" default:"1000" placeholder:"ALLOCATIONS" help:"Allocations of this process (${default}; 0: no limit)."`
	Bits       int    `group:"Firewalls" name:"turn-bits" default:"8000000" placeholder:"BITS" help:"Bits a second that one allocation carries, both ways together; what is above is dropped (${default}; 0: no limit)."`
}

// On reports whether there is a server inside.
func (s *Settings) On() bool { return s.Listen != "" }

// Check returns an error that wraps [settings.ErrSetting], or nil.
func (s *Settings) Check() error {
	for flag, v := range map[string]int{
		"--turn-allocations-per-user": s.PerUser, "--turn-allocations-per-address": s.PerAddress, "--turn-allocations": s.Total, "--turn-bits": s.Bits,
	} {
		if err := settings.CheckLimit(flag, v); err != nil {
			return err //nolint:wrapcheck // it is a sentence
		}
	}
	ip, err := netip.ParseAddr(s.Public)
	switch {
	case s.Listen == "" && s.Public != "":
		return settings.Errorf("--turn-public-address needs --turn-listen: set it to :3478")
	case s.Listen == "":
		return nil
	case s.Public == "":
		return settings.Errorf("--turn-listen needs --turn-public-address: set it to the IPv4 address by which clients reach this machine")
	case err != nil || !ip.Is4() || ip.IsUnspecified() || ip.IsLoopback():
		return settings.Errorf("--turn-public-address %q is no IPv4 address by which clients reach this machine: set it to one such as 198.51.100.7", s.Public)
	}
	return nil
}

// Config returns what the server takes, with the secret of the credentials and how many sockets it may have open.
func (s *Settings) Config(secret []byte, sockets int) Config {
	ip, _ := netip.ParseAddr(s.Public) // Check has seen it
	return Config{Public: ip, Secret: secret, PerUser: s.PerUser, PerAddress: s.PerAddress, Total: s.Total, Bits: s.Bits, Sockets: sockets}
}

// Sockets returns how many sockets the server may have open, of as many as there are places for; 0 places, or less: no limit. An allocation needs
// one, and over TCP two.
func (s *Settings) Sockets(places int) int {
	switch {
	case !s.On():
		return 0
	case s.Total == 0:
		return max(0, places)
	case places <= 0:
		return 2*s.Total + mostWaiting
	}
	return min(2*s.Total+mostWaiting, places)
}
