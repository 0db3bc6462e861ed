package gateway

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// An autoscaler reads the sessions of a gateway that has none yet, and an alert sees only what grows from a value that
// was there before.
func TestWhatHasNotHappenedYetIsCountedAsZero(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	newMetrics(reg)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := map[string]int{}
	for _, f := range families {
		series[f.GetName()] = len(f.GetMetric())
	}
	for name, want := range map[string]int{
		"parley_gateway_sessions":              2, // transports
		"parley_gateway_connections_total":     4, // transports and outcomes
		"parley_gateway_queue_overflows_total": 4,
		"parley_gateway_dropped_sockets_total": 2,
		"parley_gateway_refusals_total":        7,
		"parley_gateway_rosters_total":         8,
		"parley_gateway_resumptions_total":     4,
	} {
		if series[name] != want {
			t.Errorf("%s has %d series at the start, not %d", name, series[name], want)
		}
	}
}
