package parley

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// shared makes connections with small buffers: after the handshake they are not used.
var shared = &http.Client{Transport: &http.Transport{
	Proxy: http.ProxyFromEnvironment, ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10, TLSHandshakeTimeout: 10 * time.Second,
	DisableKeepAlives: true,
}}

// parseAddress takes ws, wss, http and https; without a path it is /ws.
func parseAddress(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%w: %q: give one such as wss://parley.example or http://localhost:8080", ErrAddress, text)
	}
	switch u.Scheme {
	case "ws", "wss":
	case "http", "https":
		u.Scheme = "ws" + strings.TrimPrefix(u.Scheme, "http")
	default:
		return nil, fmt.Errorf("%w: %q: one begins with ws:, wss:, http: or https: and a host", ErrAddress, text)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/ws"
	}
	u.Fragment = ""
	return u, nil
}

// shown is an address without what is nobody's business.
func shown(u *url.URL) string { return u.Scheme + "://" + u.Host + u.Path }

// where is the address of a turn, and what is offered there.
func (s *session) where(u *url.URL, keep time.Duration, token string) (address string, protocols []string) {
	protocols = []string{proto.Subprotocol}
	to := *u
	if s != nil {
		query := to.Query()
		query.Set("turn", strconv.FormatInt(s.turn, 10))
		query.Set("keep", strconv.Itoa(int(keep/time.Second)))
		to.RawQuery = query.Encode()
		protocols = append(protocols, proto.KeySubprotocol(s.key))
	}
	if token != "" {
		protocols = append(protocols, proto.TokenProtocol+token)
	}
	return to.String(), protocols
}

// explain says of an attempt to connect what was wrong, and what to do.
func explain(u *url.URL, answer *http.Response, body string, err error) error {
	at := shown(u)
	if answer == nil {
		switch text := err.Error(); {
		case strings.Contains(text, "first record does not look like a TLS handshake"), strings.Contains(text, "HTTP response to HTTPS client"):
			return fmt.Errorf("%w: %s speaks no TLS: give ws:// or http://", ErrAddress, at)
		case strings.Contains(text, "certificate"):
			return fmt.Errorf("parley: the certificate of %s does not count: %w", at, cause(err))
		default:
			return fmt.Errorf("parley: nothing answers at %s: is the gateway running, and is the address right? (%w)", at, cause(err))
		}
	}
	body = strings.TrimSpace(body)
	switch answer.StatusCode {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusServiceUnavailable, http.StatusTooManyRequests:
		if strings.Contains(body, "HTTPS server") {
			return fmt.Errorf("%w: %s speaks TLS: give wss:// or https://", ErrAddress, at)
		}
		return fmt.Errorf("parley: %s refuses: %s: %s", at, answer.Status, body)
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return fmt.Errorf("parley: the proxy at %s does not reach the gateway: %s", at, answer.Status)
	default:
		return fmt.Errorf("%w: %s answers %s: give the gateway's address, such as wss://parley.example/ws", ErrNoParley, at, answer.Status)
	}
}

// cause is what went wrong, without what was tried.
func cause(err error) error {
	if u, is := errors.AsType[*url.Error](err); is {
		return u.Err
	}
	return err
}
