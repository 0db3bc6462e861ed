package socketio

import (
	"context"
	"net/http"
	"time"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/tokens"
	"github.com/parley-rtc/parley/proto"
)

// Config is how the transport runs. Door, Open and Gateway are required.
type Config struct {
	// Door has a place for each session in hand, from its handshake on, and for each WebSocket that is carried for another
	// gateway.
	Door link.Door
	// Open makes the session of a client once it has joined the default namespace.
	Open link.Opener
	// Gateway is this gateway's id, a UUID: session ids begin with it.
	Gateway proto.GatewayID
	// MaxFrame is the bytes of the largest packet; 64 KiB.
	MaxFrame int
	// Burst is the requests that a client may make at once; 1,000. The body of a POST may hold as many of a usual size, 1
	// KiB each, or four packets of MaxFrame; but no more than 1 MiB, unless one packet may be larger.
	Burst int
	// AllowOrigin judges the header Origin, the same host included; nil allows the same host and requests without.
	AllowOrigin func(r *http.Request) bool
	// Forbidden says why AllowOrigin has turned a request away, for its answer; nil: that may be guessed.
	Forbidden func(r *http.Request) string
	// Unknown says why it is not known whose request it is, for the answer to one that needed that; nil: as above. It is
	// called once for each that is refused.
	Unknown func(r *http.Request) string
	// Address returns the client's address with trusted proxies looked through, and known false when it may be another's:
	// a proxy is not trusted, or reports nothing. Nil takes the peer's address, and known when no proxy says that it was
	// there.
	Address func(r *http.Request) (address string, known bool)
	// Check checks a client's token; nil: none is asked for. The text of its error is told.
	Check func(ctx context.Context, token string) (*tokens.Token, error)
	// Failed hears of a defect after which nothing goes on; nil: nobody does.
	Failed func(err error)
	// Remote reaches other gateways; nil: there are none.
	Remote Remote
	// PingInterval is the time between a heartbeat and the next, PingTimeout how long the answer may take; 25 s and 20 s.
	PingInterval time.Duration
	PingTimeout  time.Duration

	upgradeTimeout time.Duration // from a probe to the end of its upgrade; 10 s
	// holdRemote is how long the home of a session holds a poll of another gateway, which then asks again: a home that
	// died is noticed after that; 10 s.
	holdRemote time.Duration
	// askAgain is how long another gateway, once it was answered, may take to ask again where it asks without a pause: for
	// a poll that brought nothing, and for what is to be written to a WebSocket that it carries. One that died does not
	// ask, and its clients' connections died with it; 5 s.
	askAgain time.Duration
}

// Remote hands a request about a session to the gateway that it lives on.
type Remote interface {
	// Call publishes the request to that gateway's subject engine and waits for the answer that [Server.HandleRemote]
	// returns there. It fails at once when that gateway is gone, and when ctx ends.
	Call(ctx context.Context, gateway proto.GatewayID, request []byte) (answer []byte, err error)
}

// How long things take, beside the heartbeat.
const (
	flushAfter    = 100 * time.Millisecond // a GET that waits during an upgrade is answered after this long
	closePatience = time.Second            // for a write under way when a WebSocket is closed
)

const (
	defaultFrame = 64 << 10
	defaultBurst = 1000
	bodyUsual    = 1 << 10 // bytes of a usual request: a client sends all that it gathered before it was connected in one body
	bodyFrames   = 4       // packets of full size that a body takes in any case
	bodyMost     = 1 << 20 // bytes of a body, unless one packet may be larger
)

func (c *Config) setDefaults() {
	if c.MaxFrame <= 0 {
		c.MaxFrame = defaultFrame
	}
	if c.Burst <= 0 {
		c.Burst = defaultBurst
	}
	if c.PingInterval <= 0 {
		c.PingInterval = 25 * time.Second
	}
	if c.PingTimeout <= 0 {
		c.PingTimeout = 20 * time.Second
	}
	if c.upgradeTimeout <= 0 {
		c.upgradeTimeout = 10 * time.Second
	}
	if c.holdRemote <= 0 {
		c.holdRemote = 10 * time.Second
	}
	if c.askAgain <= 0 {
		c.askAgain = 5 * time.Second
	}
	if c.Failed == nil {
		c.Failed = func(error) {}
	}
	if c.AllowOrigin == nil {
		c.AllowOrigin = sameHost
	}
	if c.Address == nil {
		c.Address = peerAddress
	}
}

// maxBody is the bytes of a POST.
func (c *Config) maxBody() int {
	usual := min(c.Burst, bodyMost/bodyUsual) * bodyUsual
	return max(c.MaxFrame, min(max(usual, bodyFrames*c.MaxFrame), bodyMost))
}
