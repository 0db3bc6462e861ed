package edge

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// pattern is one of those that are allowed, in lower case and with IPv6 addresses as browsers write them.
type pattern struct {
	all   bool   // "*": whatever there is, also "null" and "file://"
	whole bool   // of an origin with its scheme, else of host and port
	text  string // as [path.Match] has it
}

// CheckOrigin returns an error when a pattern can never match an origin. Its text goes on from the pattern and says what to
// write.
func CheckOrigin(allowed string) error {
	_, err := parsePattern(allowed)
	return err
}

var (
	errPattern = errors.New("is no pattern: set it to a host or an origin, in which * stands for anything")
	errOrigin  = errors.New("matches no origin")
)

// standardPorts are those that browsers leave out.
var standardPorts = map[string]string{"http": "80", "https": "443"}

// parsePattern reads a pattern, with or without a scheme. A slash at its end is cut off: an origin has none.
func parsePattern(s string) (pattern, error) {
	text := strings.ToLower(strings.TrimSpace(s))
	if !strings.HasSuffix(text, "://") { // as "file://" has them
		text = strings.TrimSuffix(text, "/")
	}
	switch text {
	case "*":
		return pattern{all: true}, nil
	case "null":
		return pattern{whole: true, text: text}, nil
	}
	scheme, host, whole := strings.Cut(text, "://")
	if !whole {
		scheme, host = "", text
	}
	example := func(host string) string {
		if whole {
			return scheme + "://" + host
		}
		return host
	}
	before, _, slash := strings.Cut(host, "/")
	switch {
	case scheme == "ws" || scheme == "wss":
		return pattern{}, fmt.Errorf("%w: origins are of pages: write %s", errOrigin, "http"+strings.TrimPrefix(scheme, "ws")+"://"+before)
	case slash && strings.HasSuffix(before, ":"):
		return pattern{}, fmt.Errorf("%w: write %s://, with two slashes", errOrigin, strings.TrimSuffix(before, ":"))
	case slash:
		return pattern{}, fmt.Errorf("%w: an origin ends with its host and port: write %s", errOrigin, example(before))
	case host == "" && whole && standardPorts[scheme] == "":
		return pattern{whole: true, text: text}, nil
	case host == "":
		return pattern{}, fmt.Errorf("%w: it has no host: write a host or an origin, such as https://app.example", errOrigin)
	case strings.Contains(host, "@"):
		return pattern{}, fmt.Errorf("%w: an origin has no user: write %s", errOrigin, example(host[strings.LastIndex(host, "@")+1:]))
	}
	if i := strings.IndexFunc(host, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`#%"<>|,;{}`, r) }); i >= 0 {
		return pattern{}, fmt.Errorf("%w: %q is in no host (one in other letters is written with xn--)", errOrigin, []rune(host[i:])[0])
	}
	host, err := parseHost(host, example)
	if err != nil {
		return pattern{}, err
	}
	text = example(host)
	if _, err := path.Match(text, ""); err != nil {
		return pattern{}, errPattern
	}
	return pattern{whole: whole, text: text}, nil
}

// parseHost reads a pattern's host and port. What it returns is for [path.Match], to which brackets mean a choice of
// characters: those of an IPv6 address do not.
func parseHost(host string, example func(host string) string) (string, error) {
	rest, literal := host, ""
	if inside, after, closed := strings.Cut(strings.TrimPrefix(host, "["), "]"); closed && host[0] == '[' &&
		(strings.Contains(inside, ":") || inside == "*") {
		if !strings.ContainsAny(inside, "*?[") {
			a, err := netip.ParseAddr(inside)
			if err != nil {
				return "", fmt.Errorf("%w: [%s] is no IPv6 address", errOrigin, inside)
			}
			inside = a.String()
		}
		literal, rest = `\[`+inside+`\]`, after
	}
	name, port, ported := strings.Cut(rest, ":")
	switch {
	case strings.Contains(port, ":"):
		if _, err := netip.ParseAddr(rest); err == nil {
			return "", fmt.Errorf("%w: an IPv6 address stands in brackets: write %s", errOrigin, example("["+rest+"]"))
		}
		return "", fmt.Errorf("%w: it has two ports, or an IPv6 address without brackets", errOrigin)
	case literal != "" && name != "":
		return "", fmt.Errorf("%w: after an IPv6 address comes nothing but a port: write %s", errOrigin, example(host[:len(host)-len(rest)]))
	case ported && !portLike(port):
		return "", fmt.Errorf("%w: %q is no port: write %s, or %s for any port", errOrigin, port,
			example(strings.TrimSuffix(host, ":"+port)), example(strings.TrimSuffix(host, ":"+port)+":*"))
	}
	return literal + rest, nil
}

// portLike reports whether a port could match: a number, or a pattern.
func portLike(port string) bool {
	if port == "" || strings.ContainsAny(port, `*?[\`) {
		return port != ""
	}
	_, err := strconv.ParseUint(port, 10, 16)
	return err == nil
}

// matches reports whether an origin is one of the pattern's.
func (p pattern) matches(o origin) bool {
	if p.all {
		return true
	}
	return slices.ContainsFunc(o.written(p.whole), func(s string) bool {
		ok, _ := path.Match(p.text, s)
		return ok
	})
}

// origin is what a browser says where its page is from, in lower case.
type origin struct {
	text         string
	scheme, host string // of IPv6 in brackets; empty: it is no host's, such as "null" and "file://"
	port         string // the scheme's own when it is left out
}

// parseOrigin reads the header Origin. It reads anything: what is none matches nothing but "*".
func parseOrigin(s string) origin {
	o := origin{text: strings.ToLower(s)}
	if u, err := url.Parse(o.text); err == nil && u.Host != "" {
		o.scheme = u.Scheme
		o.host, o.port = splitHost(u.Host)
		if o.port == "" {
			o.port = standardPorts[o.scheme]
		}
	}
	return o
}

// written lists how an origin may be written, with its scheme or without: a port that the scheme has anyway may be there.
func (o origin) written(whole bool) []string {
	if o.host == "" {
		return []string{o.text}
	}
	start := o.host
	if whole {
		start = o.scheme + "://" + o.host
	}
	forms := make([]string, 0, 2)
	if o.port == standardPorts[o.scheme] {
		forms = append(forms, start)
	}
	if o.port != "" {
		forms = append(forms, start+":"+o.port)
	}
	return forms
}

// of reports whether an origin is of that host and port, as the header Host has them.
func (o origin) of(host string) bool {
	name, port := splitHost(strings.ToLower(host))
	if port == "" {
		port = standardPorts[o.scheme]
	}
	return o.host != "" && o.host == name && o.port == port
}

// splitHost returns host and port of "gw:80", "[::1]:80" or either without a port.
func splitHost(s string) (host, port string) {
	u := url.URL{Host: s}
	host, port = u.Hostname(), u.Port()
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		host = "[" + a.String() + "]"
	}
	return host, port
}
