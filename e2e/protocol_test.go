package e2e_test

import (
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
)

// promise is something that the protocol says and every deployment keeps.
type promise struct {
	name string
	test func(*testing.T, *site)
}

// deployments are the ways of running Parley that have to be indistinguishable to clients.
var deployments = []struct {
	name  string
	start func(*testing.T) *site
}{
	{"OneProcess", func(t *testing.T) *site { return onePlace(t) }},
	{"TwoGatewaysTwoReplicas", func(t *testing.T) *site { return twoByTwo(t) }},
	{"EveryRequestToARandomReplica", func(t *testing.T) *site { return twoByTwo(t, "--random-replica") }},
}

// twoByTwo starts two gateways and two replicas against one NATS server.
func twoByTwo(t *testing.T, gatewayArgs ...string) *site {
	t.Helper()
	nats := harness.StartNATS(t)
	s := harness.StartSite(t, nats.URL, 2, 2, gatewayArgs, nil)
	return newSite(t, nats.URL, views.Level, s.Gateways...)
}

func TestProtocol(t *testing.T) {
	t.Parallel()
	var promises []promise
	for _, some := range [][]promise{answers, pushes, signals, badInput, roomNames, guarantees, services, sessions} {
		promises = append(promises, some...)
	}
	for _, d := range deployments {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			s := d.start(t)
			for _, p := range promises {
				t.Run(p.name, func(t *testing.T) {
					t.Parallel()
					p.test(t, s)
				})
			}
		})
	}
}
