package gateway

import (
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestSeveralGatewaysStandInOneProcess: with a registry each, with one and labels, or with none.
func TestSeveralGatewaysStandInOneProcess(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	for name, c := range map[string]struct{ a, b prometheus.Registerer }{
		"none":     {nil, nil},
		"two":      {prometheus.NewRegistry(), prometheus.NewRegistry()},
		"labelled": {prometheus.WrapRegistererWith(prometheus.Labels{"gateway": "a"}, reg), prometheus.WrapRegistererWith(prometheus.Labels{"gateway": "b"}, reg)},
	} {
		a, err := New(Config{}, nil, c.a)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b, err := New(Config{}, nil, c.b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if a.ID() == b.ID() {
			t.Errorf("%s: both are %s", name, a.ID())
		}
		if err := a.Ready(); !errors.Is(err, ErrNotReady) {
			t.Errorf("%s: before Run: %v", name, err)
		}
	}
	if _, err := reg.Gather(); err != nil {
		t.Error(err)
	}
}

func TestARegistryTakesOneGatewaysMetrics(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	if _, err := New(Config{}, nil, reg); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{}, nil, reg); !errors.Is(err, ErrConfig) {
		t.Errorf("the second has %v", err)
	}
}
