package gateway

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func origins(t *testing.T, cfg Config) *Gateway {
	t.Helper()
	g := &Gateway{cfg: cfg}
	for _, p := range cfg.TrustedProxies {
		prefix, err := parseProxy(p)
		if err != nil {
			t.Fatal(err)
		}
		g.proxies = append(g.proxies, prefix)
	}
	return g
}

func TestAnOriginIsTheSameHostAPatternOrNone(t *testing.T) {
	t.Parallel()
	g := origins(t, Config{
		AllowOrigins:   []string{"*.Example.com", "https://meet.example.org", "localhost:*"},
		TrustedProxies: []string{"10.0.0.0/8"},
	})
	for _, c := range []struct {
		origin, host, from, forwarded string
		allowed                       bool
	}{
		{"", "gw:80", "192.0.2.1:9", "", true},
		{"http://gw:80", "gw:80", "192.0.2.1:9", "", true},
		{"https://GW:80", "gw:80", "192.0.2.1:9", "", true},
		{"http://gw:81", "gw:80", "192.0.2.1:9", "", false},
		{"http://gw", "gw:80", "192.0.2.1:9", "", true},
		{"https://gw", "gw:443", "192.0.2.1:9", "", true},
		{"https://gw:443", "gw", "192.0.2.1:9", "", true},
		{"https://gw", "gw:80", "192.0.2.1:9", "", false},
		{"http://gw", "gw:443", "192.0.2.1:9", "", false},
		{"http://[::1]", "[::1]:80", "192.0.2.1:9", "", true},
		{"http://evil.com", "gw:80", "192.0.2.1:9", "", false},
		{"https://pub.net", "gw:80", "10.1.2.3:9", "pub.net:443", true},
		{"https://a.example.com", "gw:80", "192.0.2.1:9", "", true},
		{"https://a.EXAMPLE.com", "gw:80", "192.0.2.1:9", "", true},
		{"https://example.com.evil.com", "gw:80", "192.0.2.1:9", "", false},
		{"https://example.com", "gw:80", "192.0.2.1:9", "", false},
		{"https://meet.example.org", "gw:80", "192.0.2.1:9", "", true},
		{"http://meet.example.org", "gw:80", "192.0.2.1:9", "", false},
		{"http://localhost:5173", "gw:80", "192.0.2.1:9", "", true},
		{"null", "gw:80", "192.0.2.1:9", "", false},
		{"file://", "gw:80", "192.0.2.1:9", "", false},
		{"::", "gw:80", "192.0.2.1:9", "", false},
		{"https://pub.net", "gw:80", "10.1.2.3:9", "pub.net", true},
		{"https://pub.net", "gw:80", "192.0.2.1:9", "pub.net", false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/ws", nil)
		r.Host, r.RemoteAddr = c.host, c.from
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-Host", c.forwarded)
		}
		if got := g.originAllowed(r); got != c.allowed {
			t.Errorf("%+v: %t", c, got)
		}
	}
}

func TestAnAddressIsWhatTrustedProxiesReport(t *testing.T) {
	t.Parallel()
	g := origins(t, Config{TrustedProxies: []string{"10.0.0.0/8", "2001:db8::1"}})
	for _, c := range []struct {
		from, header, value, address string
		direct                       bool
	}{
		{"192.0.2.1:9", "", "", "192.0.2.1", true},
		{"192.0.2.1:9", "X-Forwarded-For", "203.0.113.5", "192.0.2.1", false},
		{"192.0.2.1:9", "X-Real-Ip", "203.0.113.5", "192.0.2.1", false},
		{"192.0.2.1:9", "Via", "1.1 cache", "192.0.2.1", false},
		{"192.0.2.1:9", "X-Forwarded-Proto", "https", "192.0.2.1", false},
		{"192.0.2.1:9", "Forwarded", "proto=https", "192.0.2.1", false},
		{"10.0.0.1:9", "X-Forwarded-For", "203.0.113.5", "203.0.113.5", true},
		{"10.0.0.1:9", "X-Forwarded-For", "203.0.113.5:4711", "203.0.113.5", true},
		{"10.0.0.1:9", "X-Forwarded-For", "198.51.100.1, 203.0.113.5, 10.9.9.9", "203.0.113.5", false},
		{"10.0.0.1:9", "X-Forwarded-For", "rubbish", "10.0.0.1", false},
		{"10.0.0.1:9", "Forwarded", `for=203.0.113.5;proto=https`, "203.0.113.5", true},
		{"10.0.0.1:9", "Forwarded", `For="[2001:db8::7]:4711"`, "2001:db8::7", true},
		{"[2001:db8::1]:9", "X-Forwarded-For", "2001:db8::7", "2001:db8::7", true},
		{"[::ffff:10.0.0.1]:9", "X-Forwarded-For", "::ffff:203.0.113.5", "203.0.113.5", true},
	} {
		r := httptest.NewRequest(http.MethodGet, "/ws", nil)
		r.RemoteAddr = c.from
		if c.header != "" {
			r.Header.Set(c.header, c.value)
		}
		if address, direct := g.address(r); address != c.address || direct != c.direct {
			t.Errorf("%+v: %s, direct %t", c, address, direct)
		}
	}
}

func FuzzAddress(f *testing.F) {
	f.Add("10.0.0.1, 192.0.2.1:80, [2001:db8::1]:9", `for="[::1]:1";by=x, for=_hidden`)
	f.Add(",,", "for=")
	f.Fuzz(func(t *testing.T, xff, forwarded string) {
		g := origins(t, Config{TrustedProxies: []string{"10.0.0.0/8"}})
		r := httptest.NewRequest(http.MethodGet, "/ws", nil)
		r.RemoteAddr = "10.0.0.1:9"
		r.Header["X-Forwarded-For"] = []string{xff}
		r.Header["Forwarded"] = []string{forwarded}
		if address, _ := g.address(r); address == "" {
			t.Errorf("%q, %q: no address", xff, forwarded)
		}
		r.RemoteAddr = "192.0.2.1:9"
		if address, _ := g.address(r); address != "192.0.2.1" {
			t.Errorf("%q, %q: believed one who is not trusted: %s", xff, forwarded, address)
		}
	})
}
