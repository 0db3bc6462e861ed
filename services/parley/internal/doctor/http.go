package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// A certificate that expires is worth a word when it should have been renewed: two weeks before, or when a fifth of its time is left.
const (
	soon  = 14 * 24 * time.Hour
	share = 5
)

func handshake(ctx context.Context, x *examination) (string, error) {
	if !x.secure {
		return "", nil
	}
	d := tls.Dialer{Config: &tls.Config{ServerName: x.at.Hostname(), MinVersion: tls.VersionTLS12}}
	conn, err := d.DialContext(ctx, "tcp", x.host)
	if err != nil {
		return "", untrusted(err, x.at.Hostname(), time.Now())
	}
	defer func() { _ = conn.Close() }()
	secured, _ := conn.(*tls.Conn)
	state := secured.ConnectionState()
	x.shown = state.PeerCertificates[0]
	return tls.VersionName(state.Version), nil
}

// lasts looks at how long the certificate counts.
func lasts(_ context.Context, x *examination) (string, error) {
	if x.shown == nil {
		return "", nil
	}
	until := x.shown.NotAfter
	if left := time.Until(until); left < min(soon, until.Sub(x.shown.NotBefore)/share) {
		return "", fmt.Errorf("it expires in %v: look at why whoever renews it has not done so", left.Round(time.Minute))
	}
	return "counts until " + until.UTC().Format(time.DateTime) + " UTC", nil
}

// untrusted says why a certificate does not count.
func untrusted(err error, host string, now time.Time) error {
	var (
		invalid x509.CertificateInvalidError
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
		plain   tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &plain):
		return errors.New("this server speaks no TLS: give an address with http:, or the gateway --tls-cert, or a proxy in front")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && now.Before(invalid.Cert.NotBefore):
		return fmt.Errorf("the certificate counts only from %s on: set this machine's clock, or that of who made it", invalid.Cert.NotBefore.Format(time.DateTime))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("the certificate expired at %s: renew it", invalid.Cert.NotAfter.Format(time.DateTime))
	case errors.As(err, &name):
		return fmt.Errorf("the certificate is for %s, and not for %s: get one for that name", strings.Join(name.Certificate.DNSNames, ", "), host)
	case errors.As(err, &unknown):
		return errors.New("nobody whom this machine trusts has signed the certificate: get one that browsers take, or have them trust it; --tls-cert needs " +
			"the certificates between, too")
	default:
		return fmt.Errorf("the handshake fails: %w", err)
	}
}

// get asks for a path. The body is its beginning.
func (x *examination) get(ctx context.Context, path string, header http.Header) (*http.Response, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, x.at.String()+path, http.NoBody)
	if err != nil {
		return nil, "", err //nolint:wrapcheck // the address was looked at
	}
	maps.Copy(req.Header, header)
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, "", err //nolint:wrapcheck // whoever asks says what for
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode == http.StatusSwitchingProtocols {
		return res, "", nil // what follows is no body
	}
	text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	return res, strings.TrimSpace(string(text)), nil
}

// gateway looks at the file that every gateway serves.
func gateway(ctx context.Context, x *examination) (string, error) {
	res, text, err := x.get(ctx, "/parley.js", nil)
	if err != nil {
		return "", fmt.Errorf("it takes connections and does not answer: %w", err)
	}
	line, _, _ := strings.Cut(text, "\n")
	switch version, is := strings.CutPrefix(line, "// parley-rtc "); {
	case res.StatusCode == http.StatusOK && is:
		version, _, _ = strings.Cut(version, ". ")
		return "Parley " + version, nil
	case res.StatusCode == http.StatusBadGateway, res.StatusCode == http.StatusGatewayTimeout:
		return "", fmt.Errorf("a proxy answers %s: it does not reach the gateway", res.Status)
	case res.StatusCode == http.StatusServiceUnavailable:
		return "", fmt.Errorf("the gateway is starting or going away: %s", text)
	default:
		return "", fmt.Errorf("this is no Parley gateway, or one that is older than 0.2: /parley.js is answered %s; a proxy has to pass on /ws, /socket.io/ and /parley.js", res.Status)
	}
}

// mostSkew is by how much clocks may differ: as much as tokens are given.
const mostSkew = 30 * time.Second

func clock(ctx context.Context, x *examination) (string, error) {
	res, _, err := x.get(ctx, "/parley.js", nil)
	if err != nil {
		return "", err
	}
	date, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return "", nil //nolint:nilerr // a proxy has taken it away: there is nothing to say
	}
	skew := time.Until(date).Round(time.Second)
	if skew.Abs() > mostSkew {
		return "", fmt.Errorf("the server's clock is %v from this machine's: tokens and credentials count too early or too late; set both by NTP", skew)
	}
	return "the same as here", nil
}

// upgrade are the headers of a WebSocket's request, as a page of an origin sends it.
func upgrade(from string) http.Header {
	h := http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-WebSocket-Version": {"13"},
		"Sec-WebSocket-Key": {"AAECAwQFBgcICQoLDA0ODw=="}, "Sec-WebSocket-Protocol": {proto.Subprotocol},
	}
	if from != "" {
		h["Origin"] = []string{from}
	}
	return h
}

// origin asks for a WebSocket as a page would.
func origin(ctx context.Context, x *examination) (string, error) {
	from := x.Origin
	if from == "" {
		from = x.at.Scheme + "://" + x.at.Host
	}
	res, text, err := x.get(ctx, "/ws", upgrade(from))
	switch {
	case err != nil:
		return "", fmt.Errorf("a WebSocket is not answered: %w", err)
	case res.StatusCode == http.StatusForbidden:
		return "", fmt.Errorf("pages of %s are refused: %s", from, text)
	case res.StatusCode == http.StatusSwitchingProtocols:
		return "pages of " + from + " may connect", nil
	default:
		return "", nil // the next step says what
	}
}

// passes asks for a WebSocket as a program does.
func (x *examination) passes(ctx context.Context) error {
	res, text, err := x.get(ctx, "/ws", upgrade(""))
	switch {
	case err != nil:
		return fmt.Errorf("a WebSocket is not answered: %w", err)
	case res.StatusCode == http.StatusSwitchingProtocols:
		return nil
	case res.StatusCode == http.StatusServiceUnavailable:
		return fmt.Errorf("the gateway takes no more connections: %s", text)
	default:
		return fmt.Errorf("/ws is answered %s, though the gateway is there: a proxy between does not pass the upgrade on (nginx: proxy_http_version 1.1, "+
			"proxy_set_header Upgrade $http_upgrade, proxy_set_header Connection \"upgrade\"): %s", res.Status, text)
	}
}
