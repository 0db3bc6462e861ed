package gateway

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/proto"
)

// sessionMetrics are what a gateway counts of resumable sessions.
type sessionMetrics struct {
	away        prometheus.Gauge
	resumptions *prometheus.CounterVec // by outcome
	kept        prometheus.Gauge
	keptBytes   prometheus.Gauge
	late        prometheus.Counter
}

// What became of a client's coming back to a room: the values of the label outcome.
const (
	resumedFull    = "full"     // nothing is missing
	resumedPartial = "partial"  // signals of some members may be missing
	resumedTooLate = "too_late" // it was not in the room any more
	resumedFenced  = "fenced"   // a later turn was there
)

// lateConfirmation is how long the answer to a ping with a count may take that is not late.
const lateConfirmation = time.Second

func newSessionMetrics(f promauto.Factory) sessionMetrics {
	return sessionMetrics{
		away: f.NewGauge(prometheus.GaugeOpts{
			Name: "parley_gateway_sessions_away",
			Help: "Sessions that are kept without a connection.",
		}),
		resumptions: f.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_gateway_resumptions_total",
			Help: "Rooms to which clients came back, or meant to, and what became of that.",
		}, []string{"outcome"}),
		kept: f.NewGauge(prometheus.GaugeOpts{
			Name: "parley_gateway_kept_signals",
			Help: "Signals kept until the end of their target's connection has confirmed them.",
		}),
		keptBytes: f.NewGauge(prometheus.GaugeOpts{
			Name: "parley_gateway_kept_bytes",
			Help: "Bytes of these.",
		}),
		late: f.NewCounter(prometheus.CounterOpts{
			Name: "parley_gateway_late_confirmations_total",
			Help: "Pings by which a client confirms signals that it took more than a second to answer.",
		}),
	}
}

// live counts a room to which a client has come back.
func (m *sessionMetrics) live(e *proto.Event) {
	outcome := resumedFull
	if len(e.Lost) > 0 {
		outcome = resumedPartial
	}
	m.resumptions.WithLabelValues(outcome).Inc()
}

// resumed counts the answer to a resume that comes to nothing.
func (m *sessionMetrics) resumed(a *ask.Ask, e *proto.Event) {
	switch {
	case a == nil || a.Op != proto.OpResume:
	case e.Name == proto.NotInRoom:
		m.resumptions.WithLabelValues(resumedTooLate).Inc()
	case e.Name == proto.Fenced:
		m.resumptions.WithLabelValues(resumedFenced).Inc()
	}
}

// noteKept notes what is kept, each second.
func (d *dispatcher) noteKept() {
	m := d.g.metrics
	signals, bytes := d.keeper.Kept()
	m.kept.Set(float64(signals))
	m.keptBytes.Set(float64(bytes))
	m.away.Set(float64(len(d.absent.by)))
	d.isAway.Store(uint64(len(d.absent.by)))
}
