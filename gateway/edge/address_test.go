package edge

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
)

func proxies(t *testing.T, list ...string) Proxies {
	t.Helper()
	p, err := ParseProxies(list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAnAddressIsWhatTrustedProxiesReport(t *testing.T) {
	t.Parallel()
	p := proxies(t, "10.0.0.0/8", "2001:db8::1", "fe80::/10", "::ffff:172.16.0.0/108", "::ffff:127.0.0.1")
	type headers map[string][]string
	for _, c := range []struct {
		from    string
		headers headers
		address string
		known   bool
	}{
		{"192.0.2.1:9", nil, "192.0.2.1", true},
		{"192.0.2.1:9", headers{"X-Forwarded-For": {"203.0.113.5"}}, "192.0.2.1", false},
		{"192.0.2.1:9", headers{"X-Real-Ip": {"203.0.113.5"}}, "192.0.2.1", false},
		{"192.0.2.1:9", headers{"Via": {"1.1 cache"}}, "192.0.2.1", false},
		{"192.0.2.1:9", headers{"X-Forwarded-Proto": {"https"}}, "192.0.2.1", false},
		{"192.0.2.1:9", headers{"Forwarded": {"proto=https"}}, "192.0.2.1", false},
		{"192.0.2.1:9", headers{"Cf-Connecting-Ip": {"203.0.113.5"}}, "192.0.2.1", false},

		{"10.0.0.1:9", headers{"X-Forwarded-For": {"203.0.113.5"}}, "203.0.113.5", true},
		{"10.0.0.1:9", headers{"X-Forwarded-For": {"203.0.113.5:4711"}}, "203.0.113.5", true},
		{"10.0.0.1:9", headers{"X-Forwarded-For": {"203.0.113.5, 10.9.9.9"}}, "203.0.113.5", true},
		{"10.0.0.1:9", headers{"X-Forwarded-For": {"203.0.113.5", "10.9.9.9"}}, "203.0.113.5", true},
		{"10.0.0.1:9", headers{"X-Forwarded-For": {"198.51.100.1, 203.0.113.5, 10.9.9.9"}}, "203.0.113.5", false},
		{"10.0.0.1:9", headers{"X-Forwarded-For": {"rubbish"}}, "10.0.0.1", false},
		{"10.0.0.1:9", headers{"X-Forwarded-For": {""}}, "10.0.0.1", false},
		{"10.0.0.1:9", headers{"Forwarded": {`for=203.0.113.5;proto=https`}}, "203.0.113.5", true},
		{"10.0.0.1:9", headers{"Forwarded": {`For="[2001:db8::7]:4711"`}}, "2001:db8::7", true},
		{"10.0.0.1:9", headers{"Forwarded": {`for=unknown`}}, "10.0.0.1", false},
		{"10.0.0.1:9", headers{"Forwarded": {`for=203.0.113.5, proto=https`}}, "10.0.0.1", false}, // the proxy's own says nothing
		{"[2001:db8::1]:9", headers{"X-Forwarded-For": {"2001:db8::7"}}, "2001:db8::7", true},
		{"[::ffff:10.0.0.1]:9", headers{"X-Forwarded-For": {"::ffff:203.0.113.5"}}, "203.0.113.5", true},

		// A proxy that sets X-Real-IP.
		{"10.0.0.1:9", headers{"X-Real-Ip": {"203.0.113.5"}}, "203.0.113.5", true},
		{"10.0.0.1:9", headers{"X-Real-Ip": {"203.0.113.5:80"}}, "203.0.113.5", true},
		{"10.0.0.1:9", headers{"X-Real-Ip": {"203.0.113.5", "203.0.113.5"}}, "203.0.113.5", true},
		{"10.0.0.1:9", headers{"X-Real-Ip": {"rubbish"}}, "10.0.0.1", false},
		{"10.0.0.1:9", headers{"X-Real-Ip": {"198.51.100.1", "203.0.113.5"}}, "10.0.0.1", false},
		// It and another, whichever of the two is the client's own.
		{"10.0.0.1:9", headers{"X-Real-Ip": {"203.0.113.5"}, "X-Forwarded-For": {"203.0.113.5"}}, "203.0.113.5", true},
		{"10.0.0.1:9", headers{"X-Real-Ip": {"203.0.113.5"}, "X-Forwarded-For": {"198.51.100.1"}}, "10.0.0.1", false},
		{"10.0.0.1:9", headers{"X-Real-Ip": {"203.0.113.5"}, "Forwarded": {"for=198.51.100.1"}}, "10.0.0.1", false},
		{"10.0.0.1:9", headers{"X-Real-Ip": {"203.0.113.5"}, "X-Forwarded-For": {"rubbish"}}, "10.0.0.1", false},
		{"10.0.0.1:9", headers{"X-Real-Ip": {"203.0.113.5"}, "X-Forwarded-For": {"198.51.100.1, 203.0.113.5"}}, "203.0.113.5", false},
		{"10.0.0.1:9", headers{"X-Forwarded-For": {"203.0.113.5"}, "Forwarded": {"for=203.0.113.5"}}, "203.0.113.5", true},
		{"10.0.0.1:9", headers{"X-Forwarded-For": {"203.0.113.5"}, "Forwarded": {"for=198.51.100.1"}}, "10.0.0.1", false},
		{"10.0.0.1:9", headers{"X-Forwarded-For": {"203.0.113.5"}, "Forwarded": {"for=unknown"}}, "10.0.0.1", false},
		{"10.0.0.1:9", headers{"X-Forwarded-For": {"203.0.113.5"}, "Forwarded": {"proto=https"}}, "203.0.113.5", true},
		// The nearest proxy shows its peer, another proxy.
		{"10.0.0.1:9", headers{"X-Real-Ip": {"10.9.9.9"}, "X-Forwarded-For": {"203.0.113.5, 10.9.9.9"}}, "203.0.113.5", true},
		{"10.0.0.1:9", headers{"X-Real-Ip": {"10.9.9.9"}, "X-Forwarded-For": {"203.0.113.5"}}, "10.0.0.1", false},

		// Trusted, and silent.
		{"10.0.0.1:9", nil, "10.0.0.1", false},
		{"10.0.0.1:9", headers{"X-Forwarded-Proto": {"https"}}, "10.0.0.1", false},
		// On one machine.
		{"127.0.0.1:9", headers{"X-Forwarded-For": {"127.0.0.1"}}, "127.0.0.1", true},

		// Zones, and IPv4 within IPv6.
		{"[fe80::1%eth0]:9", headers{"X-Forwarded-For": {"203.0.113.5"}}, "203.0.113.5", true},
		{"[fe80::1%eth0]:9", headers{"X-Forwarded-For": {"203.0.113.5, fe80::2%eth1"}}, "203.0.113.5", true},
		{"[fec0::1%eth0]:9", headers{"X-Forwarded-For": {"203.0.113.5"}}, "fec0::1%eth0", false},
		{"172.16.3.4:9", headers{"X-Forwarded-For": {"203.0.113.5"}}, "203.0.113.5", true},
		{"172.32.0.1:9", headers{"X-Forwarded-For": {"203.0.113.5"}}, "172.32.0.1", false},
		{"127.0.0.1:9", headers{"X-Forwarded-For": {"203.0.113.5"}}, "203.0.113.5", true},
	} {
		r := httptest.NewRequest(http.MethodGet, "/ws", nil)
		r.RemoteAddr = c.from
		maps.Copy(r.Header, c.headers)
		if address, known := p.Address(r); address != c.address || known != c.known {
			t.Errorf("%+v: %s, known %t", c, address, known)
		}
	}
}

func TestAnIPv6NetworkCountsAsOneAddress(t *testing.T) {
	t.Parallel()
	for bits, cases := range map[int]map[string]string{
		64: {
			"2001:db8::1": "2001:db8::/64", "2001:db8::ffff:1:2:3": "2001:db8::/64", "2001:db8:0:1::1": "2001:db8:0:1::/64",
			"192.0.2.1": "192.0.2.1", "::1": "::1", "fe80::1%eth0": "fe80::1%eth0", "64:ff9b::c000:201": "64:ff9b::c000:201",
			"invalid IP": "invalid IP",
		},
		56:   {"2001:db8:0:12::1": "2001:db8::/56", "192.0.2.1": "192.0.2.1"},
		128:  {"2001:db8::1": "2001:db8::1/128"},
		None: {"2001:db8::1": "2001:db8::1/128"},
	} {
		l := Limits{IPv6Prefix: bits}
		for address, want := range cases {
			if got := l.counted(address); got != want {
				t.Errorf("/%d: %s counts as %s, not %s", bits, address, got, want)
			}
		}
	}
}

func FuzzAddress(f *testing.F) {
	f.Add("10.0.0.1, 192.0.2.1:80, [2001:db8::1]:9", `for="[::1]:1";by=x, for=_hidden`, "192.0.2.1")
	f.Add(",,", "for=", "")
	f.Fuzz(func(t *testing.T, xff, forwarded, real string) {
		p := proxies(t, "10.0.0.0/8")
		r := httptest.NewRequest(http.MethodGet, "/ws", nil)
		r.RemoteAddr = "10.0.0.1:9"
		r.Header["X-Forwarded-For"] = []string{xff}
		r.Header["Forwarded"] = []string{forwarded}
		if address, _ := p.Address(r); address == "" {
			t.Errorf("%q, %q: no address", xff, forwarded)
		}
		// What a proxy sets decides, whatever else a client has sent: or it is not known.
		r.Header["X-Real-Ip"] = []string{real}
		if address, known := p.Address(r); known && real == "203.0.113.5" && address != real {
			t.Errorf("%q, %q: %s instead of %s", xff, forwarded, address, real)
		}
		r.RemoteAddr = "192.0.2.1:9"
		if address, known := p.Address(r); address != "192.0.2.1" || known {
			t.Errorf("%q, %q: believed one who is not trusted: %s", xff, forwarded, address)
		}
	})
}
