package relay

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	allocations prometheus.Gauge
	bytes       prometheus.Counter
	refused     *prometheus.CounterVec
}

// NewMetrics registers what operators see of the relay.
func NewMetrics(reg prometheus.Registerer) *metrics { //nolint:revive // only [Start] takes it
	m := &metrics{
		allocations: prometheus.NewGauge(prometheus.GaugeOpts{Name: "parley_turn_allocations", Help: "Allocations of the TURN server inside."}),
		bytes:       prometheus.NewCounter(prometheus.CounterOpts{Name: "parley_turn_relayed_bytes_total", Help: "Bytes that it relayed, both ways."}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_turn_refused_total",
			Help: "What it refused, by why: credentials, quota, permission (to an address that is not public), address (a packet likewise), rate (a packet above the limit).",
		}, []string{"reason"}),
	}
	for _, why := range []string{"credentials", "quota", "permission", "address", "rate"} {
		m.refused.WithLabelValues(why)
	}
	reg.MustRegister(m.allocations, m.bytes, m.refused)
	return m
}

func (m *metrics) dropped(why string) { m.refused.WithLabelValues(why).Inc() }

func (m *metrics) relayed(n int) { m.bytes.Add(float64(n)) }
