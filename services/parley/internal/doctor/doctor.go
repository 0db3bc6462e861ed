// Package doctor looks at a deployment from outside, as a client would: the name, TLS, the gateway, origins, tokens, a room, a signal there and
// back, a session that comes back, and the STUN and TURN servers. Whatever is wrong is named, with what to do.
package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"
)

// Patient is the deployment that is looked at, and as whom.
type Patient struct {
	URL     string
	Token   string        // empty: none is shown
	Origin  string        // of the app's pages; empty: the gateway's own host
	Room    string        // that may be created for the examination
	Timeout time.Duration // of each step
}

// errIll is wrapped by what [Examine] returns when something is wrong, and was said.
var errIll = errors.New("something is wrong")

// step is one look. What it learns is for the steps after it.
type step struct {
	name string
	look func(ctx context.Context, x *examination) (finding string, err error)
	// alone: others may go on when it fails.
	alone bool
}

// examination is what was learned so far.
type examination struct {
	Patient

	at     *url.URL // its scheme is http or https
	host   string   // host:port
	secure bool
	shown  *x509.Certificate // by the server; nil: no TLS
	pair   *pair
}

var steps = []step{
	{"address", address, false},
	{"name", lookup, false},
	{"connection", reach, false},
	{"TLS", handshake, false},
	{"certificate", lasts, true},
	{"gateway", gateway, false},
	{"clock", clock, true},
	{"origin", origin, true},
	{"WebSocket and token", socket, false},
	{"room", room, false},
	{"signals", signals, false},
	{"coming back", comeBack, true},
	{"STUN and TURN", servers, true},
}

// Examine looks at a deployment and writes a line for each thing looked at. It returns nil only when all is well.
func Examine(ctx context.Context, p Patient, out io.Writer) error {
	x := &examination{Patient: p}
	defer func() { x.pair.close() }()
	ill := 0
	for _, s := range steps {
		within, cancel := context.WithTimeout(ctx, p.Timeout)
		finding, err := s.look(within, x)
		cancel()
		switch {
		case err != nil:
			ill++
			fmt.Fprintf(out, "WRONG  %-20s %s\n", s.name, strings.ReplaceAll(err.Error(), "\n", "\n       "+strings.Repeat(" ", 21)))
		case finding != "":
			fmt.Fprintf(out, "ok     %-20s %s\n", s.name, finding)
		}
		if err != nil && !s.alone {
			fmt.Fprintln(out, "       what comes after that was not looked at")
			break
		}
	}
	if ill > 0 {
		return fmt.Errorf("%w: see above", errIll)
	}
	return nil
}

// address takes http, https, ws and wss.
func address(_ context.Context, x *examination) (string, error) {
	u, err := url.Parse(x.URL)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("%q is no address: give one such as https://parley.example", x.URL)
	}
	switch u.Scheme {
	case "http", "ws":
		u.Scheme = "http"
	case "https", "wss":
		u.Scheme, x.secure = "https", true
	default:
		return "", fmt.Errorf("%q is no address of a gateway: one begins with https:, http:, wss: or ws: and a host", x.URL)
	}
	u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/ws")
	port := u.Port()
	if port == "" {
		port = map[bool]string{false: "80", true: "443"}[x.secure]
	}
	x.at, x.host = u, net.JoinHostPort(u.Hostname(), port)
	note := ""
	if !x.secure && u.Hostname() != "localhost" {
		note = " (browsers give no camera to pages without TLS)"
	}
	return u.String() + note, nil
}

func lookup(ctx context.Context, x *examination) (string, error) {
	if net.ParseIP(x.at.Hostname()) != nil {
		return "", nil
	}
	found, err := net.DefaultResolver.LookupHost(ctx, x.at.Hostname())
	if err != nil {
		return "", fmt.Errorf("%s is not known: look at its DNS record (%w)", x.at.Hostname(), err)
	}
	return strings.Join(found, ", "), nil
}

func reach(ctx context.Context, x *examination) (string, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", x.host)
	if err != nil {
		return "", fmt.Errorf("nothing answers at %s: is the gateway running, and does a firewall stand between? (%w)", x.host, err)
	}
	_ = conn.Close()
	return x.host, nil
}
