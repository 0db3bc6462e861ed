package edge

import (
	"net/netip"
	"testing"
)

func TestHowManyConnectionsMayStandBeforeTheGateway(t *testing.T) {
	t.Parallel()
	type bounds struct{ all, silent, address, silentAddress int }
	for name, c := range map[string]struct {
		limits Limits
		places int
		want   bounds
	}{
		"usual":            {Limits{MaxConns: 20000, MaxConnsPerAddress: 1024}, 1 << 20, bounds{40064, 10016, 2112, 1088}},
		"few descriptors":  {Limits{MaxConns: 20000, MaxConnsPerAddress: 1024}, 96, bounds{96, 64, 48, 32}},
		"no limits":        {Limits{MaxConns: None, MaxConnsPerAddress: None}, 0, bounds{None, None / 4, 0, 0}},
		"one client":       {Limits{MaxConns: 1, MaxConnsPerAddress: 1}, 0, bounds{66, 64, 33, 32}},
		"none per address": {Limits{MaxConns: 20000, MaxConnsPerAddress: None}, 1000, bounds{1000, 250, 0, 0}},
	} {
		s := c.limits.Porch(c.places, nil)
		if got := (bounds{s.Max, s.MaxSilent, s.MaxPerAddress, s.MaxSilentPerAddress}); got != c.want {
			t.Errorf("%s: %+v, expected %+v", name, got, c.want)
		}
	}
	if s := (Limits{}).Porch(0, proxies(t, "10.0.0.0/8")); !s.Exempt(netip.MustParseAddr("10.1.2.3")) || s.Exempt(netip.MustParseAddr("192.0.2.1")) {
		t.Error("trusted proxies, and nobody else, may bring as many as they like")
	}
}
