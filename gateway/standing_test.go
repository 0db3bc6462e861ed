package gateway

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

func TestHowManyConnectionsMayStandBeforeTheGateway(t *testing.T) {
	t.Parallel()
	type bounds struct{ all, silent, address, silentAddress int }
	for name, c := range map[string]struct {
		limits Limits
		places int
		want   bounds
	}{
		"usual":            {Limits{}, 1 << 20, bounds{40064, 10016, 2112, 1088}},
		"few descriptors":  {Limits{}, 96, bounds{96, 64, 48, 32}},
		"no limits":        {Limits{MaxConns: -1, MaxConnsPerAddress: -1}, 0, bounds{none, none / 4, 0, 0}},
		"one client":       {Limits{MaxConns: 1, MaxConnsPerAddress: 1}, 0, bounds{66, 64, 33, 32}},
		"none per address": {Limits{MaxConnsPerAddress: -1}, 1000, bounds{1000, 250, 0, 0}},
	} {
		g := &Gateway{limits: c.limits.withDefaults()}
		s := g.standing(c.places)
		if got := (bounds{s.Max, s.MaxSilent, s.MaxPerAddress, s.MaxSilentPerAddress}); got != c.want {
			t.Errorf("%s: %+v, expected %+v", name, got, c.want)
		}
	}
	g := &Gateway{proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	if s := g.standing(0); !s.Exempt(netip.MustParseAddr("10.1.2.3")) || s.Exempt(netip.MustParseAddr("192.0.2.1")) {
		t.Error("trusted proxies, and nobody else, may bring as many as they like")
	}
}

// Connections that say nothing are counted, and do not keep clients out.
func TestClientsGetInWhileOthersKeepSilent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: Config{Limits: Limits{MaxConns: 40, MaxConnsPerAddress: 40}}})
	host := strings.TrimSuffix(strings.TrimPrefix(w.url, "ws://"), "/ws")
	for range 150 {
		c, err := net.Dial("tcp4", host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	a := w.dial()
	testkit.WaitFor(t, "the silent to be dropped", func() bool {
		return w.count("parley_gateway_dropped_sockets_total") >= 150-32 && w.count("parley_gateway_sockets") <= 33
	})
	for i := range 30 {
		w.creates(w.dial(), proto.Room(fmt.Sprintf("room-%d", i)), uint64(i+1))
	}
	w.creates(a, lobby, 99)
}
