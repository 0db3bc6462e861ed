package gateway

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
)

// A client's request is posted before it is sent: whatever it brings must not be handled first. Of two channels that have
// something Go takes either, so this is tried often.
func TestWhatWasPostedBeforeAMessageCameIsHandledBeforeIt(t *testing.T) {
	t.Parallel()
	g, err := New(Config{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 64 {
		d := newDispatcher(g)
		handled, first := make(chan struct{}), make(chan bool, 1)
		d.decode = func([]byte) (proto.Event, error) {
			select {
			case <-handled:
				first <- true
			default:
				first <- false
			}
			return proto.Event{}, errors.New("it need not be read")
		}
		d.post(command{empty: handled})
		d.messages <- &nats.Msg{Subject: g.subjects.GatewayRoom(g.id, "r")}
		ctx, stop := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { _ = d.run(ctx) })
		if !<-first {
			t.Error("the message came first")
		}
		stop()
		run.Wait()
	}
}
