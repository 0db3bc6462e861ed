package lifecycle

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
)

// record notes in which order parts stop.
type record struct {
	mu  sync.Mutex
	has []string
}

func (r *record) add(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.has = append(r.has, s)
}

// part runs until its context ends and returns err.
func (r *record) part(name string, err error) Part {
	return Part{Name: name, Run: func(ctx context.Context) error {
		<-ctx.Done()
		r.add(name)
		return err
	}}
}

func TestPartsStopInTheOppositeOrder(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := &record{}
	if err := runParts(ctx, func() { t.Error("nobody failed") }, []Part{r.part("ops", nil), r.part("nats", nil), r.part("gateway", nil)}); err != nil {
		t.Error(err)
	}
	if want := []string{"gateway", "nats", "ops"}; !slices.Equal(r.has, want) {
		t.Errorf("stopped in the order %v, expected %v", r.has, want)
	}
}

func TestOnePartsFailureStopsTheOthers(t *testing.T) {
	t.Parallel()
	errBoom := errors.New("boom")
	for name, failing := range map[string]error{"failed": errBoom, "ended": nil} {
		r := &record{}
		deadline := false
		err := runParts(t.Context(), func() { deadline = true }, []Part{
			r.part("first", nil),
			{Name: "second", Run: func(context.Context) error { return failing }},
			r.part("third", errBoom),
		})
		if !deadline {
			t.Errorf("%s: the others may take as long as they like", name)
		}
		if want := []string{"third", "first"}; !slices.Equal(r.has, want) {
			t.Errorf("%s: stopped in the order %v, expected %v", name, r.has, want)
		}
		if err == nil || !strings.Contains(err.Error(), "second: ") || !errors.Is(err, errBoom) {
			t.Errorf("%s: %v", name, err)
		}
		if failing == nil && !errors.Is(err, errEnded) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPartThatFailsWhileOthersStopIsHeard(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	errBoom := errors.New("boom")
	r := &record{}
	if err := runParts(ctx, func() { t.Error("nobody failed") }, []Part{r.part("first", errBoom), r.part("second", nil)}); !errors.Is(err, errBoom) {
		t.Errorf("%v", err)
	}
}
