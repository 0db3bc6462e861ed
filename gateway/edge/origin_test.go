package edge

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// origins reads patterns, and proxies' networks.
func origins(t *testing.T, patterns []string, proxies ...string) Origins {
	t.Helper()
	p, err := ParseProxies(proxies)
	if err != nil {
		t.Fatal(err)
	}
	o, err := ParseOrigins(patterns, p)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestAnOriginIsTheSameHostAPatternOrNone(t *testing.T) {
	t.Parallel()
	o := origins(t, []string{"*.Example.com", "https://meet.example.org", "localhost:*"}, "10.0.0.0/8")
	headers := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Add(pairs[i], pairs[i+1])
		}
		return h
	}
	const stranger, proxy = "192.0.2.1:9", "10.1.2.3:9"
	for _, c := range []struct {
		origin, host, from string
		header             http.Header
		allowed            bool
	}{
		{"", "gw:80", stranger, nil, true},
		{"http://gw:80", "gw:80", stranger, nil, true},
		{"https://GW:80", "gw:80", stranger, nil, true},
		{"http://gw:81", "gw:80", stranger, nil, false},
		{"http://gw", "gw:80", stranger, nil, true},
		{"https://gw", "gw:443", stranger, nil, true},
		{"https://gw:443", "gw", stranger, nil, true},
		{"https://gw", "gw:80", stranger, nil, false},
		{"http://gw", "gw:443", stranger, nil, false},
		{"http://gw:8080", "gw", stranger, nil, false},
		{"http://[::1]", "[::1]:80", stranger, nil, true},
		{"http://[::1]", "[::1]", stranger, nil, true},
		{"http://[::1]:3000", "[0:0:0:0:0:0:0:1]:3000", stranger, nil, true},
		{"http://evil.com", "gw:80", stranger, nil, false},
		{"https://a.example.com", "gw:80", stranger, nil, true},
		{"https://a.EXAMPLE.com", "gw:80", stranger, nil, true},
		{"https://example.com.evil.com", "gw:80", stranger, nil, false},
		{"https://example.com", "gw:80", stranger, nil, false},
		{"https://meet.example.org", "gw:80", stranger, nil, true},
		{"https://meet.example.org:443", "gw:80", stranger, nil, true},
		{"http://meet.example.org", "gw:80", stranger, nil, false},
		{"http://localhost:5173", "gw:80", stranger, nil, true},
		{"http://localhost", "gw:80", stranger, nil, true},
		{"null", "gw:80", stranger, nil, false},
		{"null", "null", stranger, nil, false},
		{"file://", "gw:80", stranger, nil, false},
		{"::", "gw:80", stranger, nil, false},

		{"https://pub.net", "gw:80", proxy, headers("X-Forwarded-Host", "pub.net"), true},
		{"https://pub.net", "gw:80", proxy, headers("X-Forwarded-Host", "pub.net:443"), true},
		{"https://pub.net", "gw:80", stranger, headers("X-Forwarded-Host", "pub.net"), false},
		{"https://pub.net", "gw:80", proxy, headers("X-Forwarded-Host", "pub.net, inner.net"), true},
		{"https://inner.net", "gw:80", proxy, headers("X-Forwarded-Host", "pub.net, inner.net"), false},
		{"https://pub.net", "gw:80", proxy, headers("X-Forwarded-Host", "pub.net", "X-Forwarded-Host", "inner.net"), true},
		{"https://pub.net:8443", "gw:80", proxy, headers("X-Forwarded-Host", "pub.net", "X-Forwarded-Port", "8443"), true},
		{"https://pub.net:8443", "gw:80", proxy, headers("X-Forwarded-Host", "pub.net", "X-Forwarded-Port", "8443, 80"), true},
		{"https://pub.net:8444", "gw:80", proxy, headers("X-Forwarded-Host", "pub.net", "X-Forwarded-Port", "8443"), false},
		{"https://pub.net:8443", "pub.net", proxy, headers("X-Forwarded-Port", "8443"), true},
		{"https://pub.net:8443", "pub.net", stranger, headers("X-Forwarded-Port", "8443"), false},
		{"https://pub.net:8443", "pub.net:80", proxy, headers("X-Forwarded-Port", "8443"), false},
		{"https://[2001:db8::1]:8443", "[2001:db8::1]", proxy, headers("X-Forwarded-Port", "8443"), true},
		{"https://pub.net:8443", "gw", proxy, headers("Forwarded", `for=192.0.2.7;host="pub.net:8443", for=10.0.0.1;host=inner`), true},
		{"https://pub.net", "gw", proxy, headers("Forwarded", `for=192.0.2.7;Host=pub.net`), true},
		{"https://pub.net:8443", "gw", proxy, headers("Forwarded", "host=pub.net", "X-Forwarded-Port", "8443"), true},
		{"https://inner", "gw", proxy, headers("Forwarded", "host=pub.net, host=inner"), false},
		{"https://pub.net", "gw", stranger, headers("Forwarded", "host=pub.net"), false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/ws", nil)
		r.Host, r.RemoteAddr = c.host, c.from
		if c.header != nil {
			r.Header = c.header
		}
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if got := o.Allow(r); got != c.allowed {
			t.Errorf("%+v: %t", c, got)
		}
	}
}

func TestAnAllowedOriginMatchesAsItReads(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern string
		yes, no []string
	}{
		{"*", []string{"https://a.example", "http://[::1]:3000", "null", "file://", "app://x", "capacitor://localhost", "::"}, nil},
		{" * ", []string{"null"}, nil},
		{"http://[::1]:3000", []string{"http://[::1]:3000"}, []string{"https://[::1]:3000", "http://[::1]", "http://[::2]:3000"}},
		{"[::1]:3000", []string{"http://[::1]:3000", "https://[::1]:3000"}, []string{"http://[::1]:3001"}},
		{"http://[0:0::1]:*", []string{"http://[::1]:3000", "http://[::1]"}, []string{"http://[::2]:3000"}},
		{"[2001:DB8::*]", []string{"https://[2001:db8::7]"}, []string{"https://[2001:db9::7]", "https://[2001:db8::7]:81"}},
		{"[*]:3000", []string{"http://[::1]:3000"}, []string{"http://a:3000"}},
		{"http://[::ffff:127.0.0.1]", []string{"http://[::ffff:7f00:1]"}, nil},
		{"[ab].example", []string{"https://a.example"}, []string{"https://c.example"}},
		{"https://app.example/", []string{"https://app.example"}, []string{"http://app.example", "https://app.example:81"}},
		{"app.example/", []string{"https://app.example", "http://app.example"}, nil},
		{"HTTPS://App.Example", []string{"https://app.example"}, nil},
		{"https://app.example:443", []string{"https://app.example", "https://app.example:443"}, []string{"https://app.example:444"}},
		{"app.example:443", []string{"https://app.example"}, []string{"http://app.example"}},
		{"app.example:80", []string{"http://app.example"}, []string{"https://app.example"}},
		{"app.example", []string{"https://app.example", "https://app.example:443"}, []string{"https://app.example:8443", "null"}},
		{"localhost:3000", []string{"http://localhost:3000"}, []string{"http://localhost"}},
		{"*:3000", []string{"http://a.example:3000"}, []string{"http://a.example", "null"}},
		{"https://*", []string{"https://a.example", "https://a:81"}, []string{"http://a.example", "null", "file://"}},
		{"*://localhost:*", []string{"http://localhost:3000", "capacitor://localhost:1"}, []string{"capacitor://localhost"}},
		{"capacitor://localhost", []string{"capacitor://localhost"}, []string{"http://localhost"}},
		{"chrome-extension://*", []string{"chrome-extension://abcdef"}, nil},
		{"null", []string{"null"}, []string{"file://", "https://null"}},
		{"file://", []string{"file://"}, []string{"null"}},
		{"file:///", []string{"file://"}, nil},
	} {
		o := origins(t, []string{c.pattern})
		for want, list := range map[bool][]string{true: c.yes, false: c.no} {
			for _, origin := range list {
				r := httptest.NewRequest(http.MethodGet, "/ws", nil)
				r.Header.Set("Origin", origin)
				if got := o.Allow(r); got != want {
					t.Errorf("%q, origin %q: %t", c.pattern, origin, got)
				}
			}
		}
	}
}

func TestAPatternThatMatchesNothingIsRefusedWithWhatToWrite(t *testing.T) {
	t.Parallel()
	for allowed, says := range map[string]string{
		"":                        "https://app.example",
		"/":                       "https://app.example",
		"https://":                "https://app.example",
		"https://app.example/a":   "write https://app.example",
		"app.example/a/b":         "write app.example",
		"https:/app.example":      "write https://",
		"wss://app.example":       "write https://app.example",
		"ws://app.example:81/ws":  "write http://app.example:81",
		"https://me@app.example":  "write https://app.example",
		"app.example:":            "write app.example, or app.example:* for any port",
		"https://app.example:x":   "or https://app.example:*",
		"app.example:65536":       "no port",
		"::1":                     "write [::1]",
		"http://2001:db8::1":      "write http://[2001:db8::1]",
		"a:1:2":                   "two ports",
		"[::1":                    "brackets",
		"[::x]:80":                "no IPv6 address",
		"[fe80::1%eth0]":          "'%'",
		"http://[::1]3000":        "write http://[::1]",
		"b\u00fccher.example":     "xn--",
		"a.example b.example":     "' '",
		"https://app.example#top": "'#'",
		"[":                       "no pattern",
		"a\\":                     "no pattern",
	} {
		if err := CheckOrigin(allowed); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, which does not say %q", allowed, err, says)
		}
		if _, err := ParseOrigins([]string{"fine.example", allowed}, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q among others: %v", allowed, err)
		}
	}
}

func FuzzOrigin(f *testing.F) {
	f.Add("http://[::1]:3000", "http://[::1]:3000")
	f.Add("*.example.com:*", "https://a.example.com")
	f.Fuzz(func(t *testing.T, allowed, header string) {
		o := parseOrigin(header)
		o.of(allowed)
		if p, err := parsePattern(allowed); err == nil {
			p.matches(o)
		}
	})
}
