package socketio

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

// brittle is a session with a defect: it cannot take leaves.
type brittle struct{ link.Session }

func (b brittle) Receive(f proto.Frame, err error, size int) bool {
	if f.Name == proto.RoomLeave {
		panic("a defect")
	}
	return b.Session.Receive(f, err, size)
}

// brittleWorlds are two gateways whose sessions have a defect.
func brittleWorlds(t *testing.T) (a, b *world) {
	t.Helper()
	cfg := Config{Failed: func(err error) { t.Errorf("the gateway is told to end: %v", err) }}
	a, b, _ = pair(t, cfg)
	for _, w := range []*world{a, b} {
		w.srv.cfg.Open = func(tr link.Transport, about link.About) (link.Session, error) {
			s, err := w.rooms.open(tr, about)
			return brittle{s}, err
		}
	}
	return a, b
}

func TestADefectInReadingAWebSocketEndsThatSessionWith1011AndNoOther(t *testing.T) {
	t.Parallel()
	a, _ := brittleWorlds(t)
	s, other := a.joinSocket(), a.joinSocket()
	s.send(`42["room-leave","a"]`)
	s.wantClosed(1011, "internal")
	other.send(`42["room-create","a"]`)
	other.want(`42["room-created","a"]`)
}

func TestADefectInAPostEndsThatSessionAndNoOther(t *testing.T) {
	t.Parallel()
	a, b := brittleWorlds(t)
	for name, at := range map[string]*world{"its own gateway": a, "another gateway": b} {
		q, other := a.join(), a.join()
		if r := at.post(q, `42["room-leave","a"]`); r.status == http.StatusOK {
			t.Errorf("%s: answered %+v", name, r)
		}
		if r := a.get(q); r.status != http.StatusBadRequest {
			t.Errorf("%s: the session stands: %+v", name, r)
		}
		a.post(other, `42["room-create","`+name+`"]`).want(t, 200, "ok")
		a.get(other).want(t, 200, `42["room-created","`+name+`"]`)
	}
}

func TestADefectInWhatACarriedWebSocketSendsEndsThatSession(t *testing.T) {
	t.Parallel()
	a, b := brittleWorlds(t)
	s, session := carried(t, a, b)
	s.send(`42["room-leave","a"]`)
	session.gone(t)
}

func TestADefectInKeepingTheTimeEndsTheGatewayInGoodOrder(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 4)
	s := New(Config{
		Door: unbounded(), Gateway: proto.GatewayID(uuid.NewString()), PingTimeout: 20 * time.Millisecond,
		Failed: func(err error) { failed <- err },
	}, slog.New(slog.DiscardHandler))
	s.conns["none"] = nil // no session, which no code expects
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	var run sync.WaitGroup
	run.Go(func() { defer close(done); _ = s.Run(ctx) })
	if err := <-failed; !strings.Contains(err.Error(), "heartbeats") {
		t.Errorf("told of %v", err)
	}
	s.spawn(func() { panic("a defect") })
	if err := <-failed; !strings.Contains(err.Error(), "a task of Socket.IO") {
		t.Errorf("told of %v", err)
	}
	select {
	case <-done:
		t.Error("it ended before clients had been told")
	default:
	}
	s.mu.Lock()
	delete(s.conns, "none")
	s.mu.Unlock()
	cancel()
	run.Wait()
}
