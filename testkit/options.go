package testkit

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/parley-rtc/parley/proto"
)

// Options are what a client says when it connects. The zero value is a plain client with no headers of its own.
type Options struct {
	Header       http.Header
	Subprotocols []string // nil: parley.v1, and the key's where there is one
	HTTPClient   *http.Client

	Key  *[proto.KeySize]byte // of a resumable session
	Turn int64                // of the connection; 0: none is said
	Keep *int                 // seconds; nil: none are asked for

	Token string // shown among the subprotocols; empty: none
}

// subprotocols returns what the client offers.
func (o *Options) subprotocols() []string {
	if o.Subprotocols != nil {
		return o.Subprotocols
	}
	offered := []string{proto.Subprotocol}
	if o.Key != nil {
		offered = append(offered, proto.KeySubprotocol(*o.Key))
	}
	if o.Token != "" {
		offered = append(offered, proto.TokenProtocol+o.Token)
	}
	return offered
}

// url adds turn and keep to an address.
func (o *Options) url(at string) string {
	query := url.Values{}
	if o.Turn != 0 {
		query.Set("turn", strconv.FormatInt(o.Turn, 10))
	}
	if o.Keep != nil {
		query.Set("keep", strconv.Itoa(*o.Keep))
	}
	switch {
	case len(query) == 0:
		return at
	case strings.Contains(at, "?"):
		return at + "&" + query.Encode()
	default:
		return at + "?" + query.Encode()
	}
}

// RefusedError is the answer to an upgrade that was refused.
type RefusedError struct {
	Status int
	Header http.Header
	Body   string
}

// newRefused reads an answer. Its body is what the dialer has kept of it: the first kilobyte.
func newRefused(res *http.Response) *RefusedError {
	body, err := io.ReadAll(res.Body)
	if err != nil {
		body = []byte(err.Error())
	}
	return &RefusedError{Status: res.StatusCode, Header: res.Header, Body: strings.TrimSpace(string(body))}
}

// Error says the status, and what the gateway says to it.
func (e *RefusedError) Error() string {
	return "refused with " + strconv.Itoa(e.Status) + ": " + e.Body
}
