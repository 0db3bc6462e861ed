package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/internal/inside"
	"github.com/parley-rtc/parley/proto"
)

// Gateway is one gateway. Make one with [New].
type Gateway struct {
	// Set by New.
	cfg        Config // with its defaults
	timing     inside.Timing
	id         proto.GatewayID
	subjects   proto.Subjects
	log        *slog.Logger
	metrics    *metrics
	ranking    *ask.Ranking
	front      front
	dispatcher *dispatcher

	clients clients
	trust   trust
	answers answers
	running // set by Run
}

// Errors of a gateway's.
var (
	ErrConfig   = errors.New("bad setting") // wrapped by what [New] returns for a setting that cannot be
	ErrNotReady = errors.New("not ready")   // wrapped by what [Gateway.Ready] returns, with the reason
)

// What is taken where a setting is 0. Balancers keep unused connections for 60 s mostly, and must be the ones that close
// them: a request that is sent as the server closes is lost.
const (
	defaultDrain = 10 * time.Second
	defaultIdle  = 90 * time.Second
	defaultKeep  = 30 * time.Second
)

// New returns a gateway with a fresh id. It connects to nothing before [Gateway.Run]. Without a log it logs nothing, without
// a registry its metrics are not to be seen. Several gateways in a process need a registry each, or one that
// [prometheus.WrapRegistererWith] gives a label of its own. An error wraps [ErrConfig].
func New(cfg Config, log *slog.Logger, reg prometheus.Registerer) (*Gateway, error) {
	subjects, err := proto.NewSubjects(cfg.Prefix)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	g := &Gateway{
		cfg: cfg.withDefaults(), timing: protocolTiming(), id: proto.NewGatewayID(), subjects: subjects,
		ranking: ask.NewRanking(), running: newRunning(),
	}
	g.log = log.With("gateway", g.id)
	g.dispatcher = newDispatcher(g)
	g.trust.begin(g)
	if err := g.newFront(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if g.metrics, err = registered(reg); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return g, nil
}

// ID returns the gateway's id.
func (g *Gateway) ID() proto.GatewayID { return g.id }
