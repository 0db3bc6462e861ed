package relay

import (
	"net/netip"
	"testing"

	"go.uber.org/goleak"
)

// The list of first bytes says nothing else than the list of networks.
func TestTheShortWayIsTheLongOne(t *testing.T) {
	t.Parallel()
	for first := range 256 {
		for _, rest := range [][3]byte{{0, 0, 1}, {0, 2, 1}, {31, 196, 1}, {64, 0, 1}, {127, 255, 1}, {16, 0, 1}, {168, 0, 1}, {254, 169, 254}, {51, 100, 1}, {18, 0, 1}, {255, 255, 255}} {
			ip := netip.AddrFrom4([4]byte{byte(first), rest[0], rest[1], rest[2]})
			public := true
			for _, p := range reserved {
				public = public && !p.Contains(ip)
			}
			if isPublic(ip) != public {
				t.Errorf("%s: %v", ip, !public)
			}
		}
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What a client must not reach, in every notation, and what it may.
func TestOnlyRelaysAndPublicAddressesAreReached(t *testing.T) {
	t.Parallel()
	r := newRules(netip.MustParseAddr("198.51.100.7"))
	r.opened(50000)
	for peer, may := range map[string]bool{
		"198.51.100.7:50000":          true, // another relay
		"[::ffff:198.51.100.7]:50000": true,
		"198.51.100.7:50001":          false, // another port of this host
		"198.51.100.7:22":             false,
		"127.0.0.1:50000":             false, // a relay, and not by its public address
		"127.0.0.1:4222":              false,
		"[::1]:4222":                  false,
		"[::ffff:127.0.0.1]:4222":     false,
		"0.0.0.0:80":                  false,
		"[::]:80":                     false,
		"10.0.0.1:80":                 false,
		"172.16.0.1:80":               false,
		"172.31.255.255:80":           false,
		"192.168.1.1:80":              false,
		"100.64.0.1:80":               false,
		"169.254.169.254:80":          false, // clouds' metadata
		"[fd00:ec2::254]:80":          false,
		"[::ffff:169.254.169.254]:80": false,
		"[::169.254.169.254]:80":      false, // IPv4-compatible
		"[64:ff9b::a9fe:a9fe]:80":     false, // NAT64
		"[64:ff9b:1::a9fe:a9fe]:80":   false,
		"[2002:a9fe:a9fe::1]:80":      false, // 6to4
		"[2001:0:a9fe:a9fe::1]:80":    false, // Teredo
		"[fe80::1]:80":                false,
		"[fc00::1]:80":                false,
		"[ff02::1]:80":                false,
		"[2001:db8::1]:80":            false,
		"224.0.0.1:80":                false,
		"255.255.255.255:80":          false,
		"240.0.0.1:80":                false,
		"192.0.2.1:80":                false,
		"203.0.113.1:80":              false,
		"198.18.0.1:80":               false,
		"8.8.8.8:0":                   false,
		"8.8.8.8:53":                  true,
		"[::ffff:8.8.8.8]:53":         true,
		"172.32.0.1:80":               true,
		"100.128.0.1:80":              true,
		"[2606:4700::1111]:443":       true,
	} {
		if got := r.may(netip.MustParseAddrPort(peer)); got != may {
			t.Errorf("%s: %v", peer, got)
		}
	}
	r.closed(50000)
	if r.may(netip.MustParseAddrPort("198.51.100.7:50000")) {
		t.Error("a relay that is closed is reached")
	}
	if r.mayPermit(netip.MustParseAddr("::ffff:10.0.0.1")) || !r.mayPermit(netip.MustParseAddr("198.51.100.7")) || !r.mayPermit(netip.MustParseAddr("8.8.8.8")) {
		t.Error("permissions are wrong")
	}
}
