package roomsvc_test

import (
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-rtc/parley/roomsvc"
)

// TestSeveralReplicasStandInOneProcess: with a registry each, with one and labels, or with none.
func TestSeveralReplicasStandInOneProcess(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	for name, c := range map[string]struct{ a, b prometheus.Registerer }{
		"none":     {nil, nil},
		"two":      {prometheus.NewRegistry(), prometheus.NewRegistry()},
		"labelled": {prometheus.WrapRegistererWith(prometheus.Labels{"replica": "a"}, reg), prometheus.WrapRegistererWith(prometheus.Labels{"replica": "b"}, reg)},
	} {
		a, err := roomsvc.New(roomsvc.Config{}, nil, c.a)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b, err := roomsvc.New(roomsvc.Config{}, nil, c.b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if a.ID() == b.ID() {
			t.Errorf("%s: both are %s", name, a.ID())
		}
		if err := a.Ready(); !errors.Is(err, roomsvc.ErrNotReady) {
			t.Errorf("%s: before Run: %v", name, err)
		}
	}
	if _, err := reg.Gather(); err != nil {
		t.Error(err)
	}
}

func TestASettingThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	if _, err := roomsvc.New(roomsvc.Config{}, nil, reg); err != nil {
		t.Fatal(err)
	}
	if _, err := roomsvc.New(roomsvc.Config{}, nil, reg); !errors.Is(err, roomsvc.ErrConfig) {
		t.Errorf("a registry that has a replica's metrics: %v", err)
	}
	if _, err := roomsvc.New(roomsvc.Config{Prefix: "a.b"}, nil, nil); !errors.Is(err, roomsvc.ErrConfig) {
		t.Errorf("a prefix: %v", err)
	}
}
