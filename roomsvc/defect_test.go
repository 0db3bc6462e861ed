package roomsvc

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/worker"
)

func newService(t *testing.T) *Service {
	t.Helper()
	s, err := New(Config{}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// question is one whose answer shows a defect.
type question struct{ worker.Question }

// The asker would take a request that ended a replica to the next, and end that too.
func TestADefectInReadingARequestEndsNoReplica(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.intake.take(proto.OpCreate, nil, "_INBOX.x", nil, func([]byte) (proto.Request, error) { panic("a defect") })
}

func TestADefectThatMayLeaveAWorkerHalfChangedEndsTheService(t *testing.T) {
	t.Parallel()
	for name, defect := range map[string]mail{
		"in an answer":  {question: question{}, id: 1}, // a nil method
		"in a command":  {call: func(*worker.Worker) { panic("a defect") }},
		"in a request":  {ask: nil, call: func(w *worker.Worker) { w.Take(time.Now(), nil) }},
		"in the ticker": {call: func(w *worker.Worker) { (*worker.Worker)(nil).Tick(time.Now()) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			r := s.crew.runners[0]
			r.box <- defect
			g, ctx := errgroup.WithContext(t.Context())
			s.part(g, "worker", func() error { return r.run(ctx) })
			if err := g.Wait(); err != nil {
				t.Errorf("the other parts are ended by %v before they could answer", err)
			}
			if err := <-s.fatal; !errors.Is(err, errDefect) {
				t.Errorf("the service ends with %v", err)
			}
		})
	}
}

func TestADefectInAPartEndsTheServiceInGoodOrder(t *testing.T) {
	t.Parallel()
	s := newService(t)
	g, _ := errgroup.WithContext(context.Background())
	s.part(g, "checks", func() error { panic("a defect") })
	if err := g.Wait(); err != nil {
		t.Errorf("the other parts are ended by %v before they could answer", err)
	}
	if err := <-s.fatal; !errors.Is(err, errDefect) {
		t.Errorf("the service ends with %v", err)
	}
}
