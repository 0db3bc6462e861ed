package gateway

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/porch"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/proto"
)

// metrics are what a gateway counts. Labels come from enums only.
type metrics struct {
	sessions    *prometheus.GaugeVec   // by transport
	connections *prometheus.CounterVec // by transport and outcome
	sockets     prometheus.Gauge
	dropped     *prometheus.CounterVec // by reason
	refusals    *prometheus.CounterVec // by reason
	requests    *prometheus.CounterVec // by operation and outcome
	seconds     *prometheus.HistogramVec
	overflows   *prometheus.CounterVec // by queue
	rosters     *prometheus.CounterVec // by reason
	ghosts      prometheus.Counter
	stray       prometheus.Counter
	rooms       prometheus.Gauge
	connected   prometheus.Gauge

	sessionMetrics

	asked map[proto.Op]*opMetrics // resolved beforehand: it is looked up for every request
}

type opMetrics struct {
	outcomes [3]prometheus.Counter
	seconds  prometheus.Observer
}

// registered makes the metrics and registers them, if there is where. A registry takes those of one gateway.
func registered(reg prometheus.Registerer) (*metrics, error) {
	all := prometheus.NewRegistry()
	m := newMetrics(all)
	if reg == nil {
		return m, nil
	}
	if err := reg.Register(all); err != nil {
		return nil, fmt.Errorf("the registry has a gateway's metrics already: use another, or prometheus.WrapRegistererWith: %w", err)
	}
	return m, nil
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	m := &metrics{
		sessions: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "parley_gateway_sessions",
			Help: "Clients connected now.",
		}, []string{"transport"}),
		connections: f.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_gateway_connections_total",
			Help: "Connections that were opened or refused.",
		}, []string{"transport", "outcome"}),
		sockets: f.NewGauge(prometheus.GaugeOpts{
			Name: "parley_gateway_sockets",
			Help: "Connections accepted and not closed yet, of clients and of others.",
		}),
		dropped: f.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_gateway_dropped_sockets_total",
			Help: "Connections closed before they said anything, because there were too many.",
		}, []string{"reason"}),
		refusals: f.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_gateway_refusals_total",
			Help: "Connections that were refused, by why.",
		}, []string{"reason"}),
		requests: f.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_gateway_requests_total",
			Help: "Clients' requests and how they ended.",
		}, []string{"op", "outcome"}),
		seconds: f.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "parley_gateway_request_seconds",
			Help:    "From sending a request to the room service to its answer.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 14),
		}, []string{"op"}),
		overflows: f.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_gateway_queue_overflows_total",
			Help: "Times that a bounded queue was full.",
		}, []string{"queue"}),
		rosters: f.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_gateway_rosters_total",
			Help: "Rosters asked for, because something was or may have been missed.",
		}, []string{"reason"}),
		ghosts: f.NewCounter(prometheus.CounterOpts{
			Name: "parley_gateway_ghosts_total",
			Help: "Memberships left because their client is not, or no longer, in the room.",
		}),
		stray: f.NewCounter(prometheus.CounterOpts{
			Name: "parley_gateway_stray_messages_total",
			Help: "Messages over NATS that nothing could be made of.",
		}),
		rooms: f.NewGauge(prometheus.GaugeOpts{
			Name: "parley_gateway_rooms",
			Help: "Rooms with members on this gateway.",
		}),
		connected: f.NewGauge(prometheus.GaugeOpts{
			Name: "parley_gateway_nats_connected",
			Help: "1 while NATS is reached.",
		}),
		sessionMetrics: newSessionMetrics(f),
		asked:          make(map[proto.Op]*opMetrics),
	}
	m.begin()
	for _, op := range proto.Ops() {
		m.asked[op] = &opMetrics{
			outcomes: [3]prometheus.Counter{
				rooms.Unavailable: m.requests.WithLabelValues(string(op), "unavailable"),
				rooms.OK:          m.requests.WithLabelValues(string(op), "ok"),
				rooms.Declined:    m.requests.WithLabelValues(string(op), "refused"),
			},
			seconds: m.seconds.WithLabelValues(string(op)),
		}
	}
	return m
}

// begin makes what stands at zero visible: a gateway with no sessions says so, and what happens for the first time is an
// increase.
func (m *metrics) begin() {
	for _, transport := range []string{transportPlain, transportSocketIO} {
		m.sessions.WithLabelValues(transport)
		m.connections.WithLabelValues(transport, "opened")
		m.connections.WithLabelValues(transport, "refused")
	}
	for _, why := range []porch.Reason{porch.Silent, porch.Full} {
		m.dropped.WithLabelValues(string(why))
	}
	for _, reason := range []string{reasonDraining, reasonLimit, reasonOrigin, reasonProxy, reasonResumed, reasonOften, reasonToken} {
		m.refusals.WithLabelValues(reason)
	}
	for _, queue := range []string{"outgoing", "signals", "kept", "nats"} {
		m.overflows.WithLabelValues(queue)
	}
	for _, outcome := range []string{resumedFull, resumedPartial, resumedTooLate, resumedFenced} {
		m.resumptions.WithLabelValues(outcome)
	}
	for _, reason := range rooms.Reasons() {
		m.rosters.WithLabelValues(string(reason))
	}
}

// The values of the label transport.
const (
	transportPlain    = "plain"
	transportSocketIO = "socketio"
)

// Why somebody is not let in: the values of the label reason.
const (
	reasonDraining = "draining"
	reasonLimit    = "limit"
	reasonOrigin   = "origin"
	reasonProxy    = "proxy"   // it has to be known whose request it is, and no proxy says so that is trusted
	reasonResumed  = "resumed" // the turn of its session has been seen, or a later one
	reasonOften    = "often"   // its session connects too often
	reasonToken    = "token"   // its token is missing or does not count
)

// reasonOf returns why the door has turned somebody away.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, link.ErrDraining):
		return reasonDraining
	case errors.Is(err, link.Resumed):
		return reasonResumed
	case errors.Is(err, link.TooOften):
		return reasonOften
	}
	return reasonLimit
}

// refused counts a connection that was.
func (m *metrics) refused(transport, reason string) {
	m.connections.WithLabelValues(transport, "refused").Inc()
	m.refusals.WithLabelValues(reason).Inc()
}

// Asked implements [session.Metrics].
func (m *metrics) Asked(op proto.Op, outcome rooms.Outcome, took time.Duration) {
	o := m.asked[op]
	o.outcomes[outcome].Inc()
	o.seconds.Observe(took.Seconds())
}

// Overflow implements [session.Metrics].
func (m *metrics) Overflow(queue string) { m.overflows.WithLabelValues(queue).Inc() }

// Refused implements [session.Metrics]. Names that there are not count as one.
func (m *metrics) Refused(name proto.Name, outcome string) {
	op := "other"
	switch name {
	case proto.RoomCreate:
		op = string(proto.OpCreate)
	case proto.RoomJoin:
		op = string(proto.OpJoin)
	case proto.RoomEnter:
		op = string(proto.OpEnter)
	case proto.RoomLeave:
		op = string(proto.OpLeave)
	case proto.RoomClose:
		op = string(proto.OpClose)
	case proto.Resume:
		op = string(proto.OpResume)
	case proto.SignalSend:
		op = string(proto.OpSignal)
	default:
		if other := session.OpOf(name); other != "" {
			op = string(other)
		}
	}
	m.requests.WithLabelValues(op, outcome).Inc()
}
