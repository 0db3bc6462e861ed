package gateway_test

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/gateway"
	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

func TestADrainClosesSpreadOutWith1001AndWaitsForTheLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{Drain: 8 * time.Second}})
	beats, err := w.replicas[0].nc.SubscribeSync(w.subjects.Beat(proto.RoleGateway, string(w.g.ID())))
	if err != nil {
		t.Fatal(err)
	}
	w.replicas[0].flush()
	clients := make([]*testkit.Client, 8)
	joined := make(map[proto.ClientID]proto.RequestID)
	for i := range clients {
		clients[i] = w.dial()
		joined[clients[i].ID()] = w.joins(clients[i], proto.Room("room-"+string(rune('a'+i))), 3, far1).id
	}
	began := time.Now()
	w.leave()
	testkit.WaitFor(t, "the drain", w.inside.Door.IsShut)
	if _, err := w.inside.Open(newStalled(), link.About{ID: far1}); !errors.Is(err, link.ErrDraining) {
		t.Errorf("a connection during the drain: %v", err)
	}
	if err := w.g.Ready(); err == nil {
		t.Error("a draining gateway says that it is ready")
	}
	last := time.Duration(0)
	for range clients {
		q := w.next(proto.OpLeave)
		if q.Joined != joined[q.ClientID] || !q.Lost {
			t.Errorf("the leave is %s", q.msg.Data)
		}
		last = q.at.Sub(began)
		select {
		case <-w.done:
			t.Error("the gateway ended before its leaves were answered")
		default:
		}
		q.answer(proto.Event{Name: proto.RoomLeft})
	}
	if last < 3*time.Second || last > 7*time.Second {
		t.Errorf("the last of 8 connections was closed after %v, half of the drain is 4 s", last)
	}
	for _, c := range clients {
		if code, reason, err := c.CloseCode(t.Context()); err != nil || code != websocket.StatusGoingAway {
			t.Errorf("closed with %d %q, %v", code, reason, err)
		}
	}
	<-w.done
	if w.err != nil || time.Since(began) > 8*time.Second {
		t.Errorf("the gateway ended after %v with %v", time.Since(began), w.err)
	}
	var state proto.State
	for {
		m, err := beats.NextMsg(100 * time.Millisecond)
		if err != nil {
			break
		}
		b, err := proto.DecodeBeat(m.Data)
		if err != nil || b.ID != string(w.g.ID()) || b.Role != proto.RoleGateway {
			t.Errorf("a beat is %s: %v", m.Data, err)
		}
		state = b.State
	}
	if state != proto.Leaving {
		t.Errorf("the last beat says %q", state)
	}
}

func TestOneWhoAnswersNoCloseDoesNotKeepAGatewayThatEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{Drain: 100 * time.Millisecond}})
	ws, _, err := websocket.Dial(t.Context(), w.url, nil) // who does not read does not answer
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow() // it is over
	testkit.WaitFor(t, "the session", func() bool { return len(w.inside.Sessions()) == 1 })
	began := time.Now()
	w.leave()
	<-w.done
	if took := time.Since(began); took > 5*time.Second || w.err != nil {
		t.Errorf("it took %v, and ended with %v", took, w.err)
	}
}

func TestOneWhoGoesOnSendingWhileItIsClosedHearsTheCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{Limits: gateway.Limits{MaxQueue: -1}}}) // nor is it too slow on a busy machine
	ws, _, err := websocket.Dial(t.Context(), w.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow() // it is over
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() {
		for ws.Write(t.Context(), websocket.MessageText, []byte(`{"event":"ping"}`)) == nil {
		}
	})
	for i := 0; err == nil; i++ {
		if _, _, err = ws.Read(t.Context()); i == 1 { // connected, and a pong
			w.leave()
		}
	}
	if code := websocket.CloseStatus(err); code != websocket.StatusGoingAway {
		t.Errorf("closed with %d: %v", code, err)
	}
}

func TestADrainEndsInTimeThoughNobodyAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{Drain: 300 * time.Millisecond}})
	a := w.dial()
	w.creates(a, lobby, 1)
	began := time.Now()
	w.leave()
	<-w.done
	if took := time.Since(began); took > 5*time.Second || w.err != nil {
		t.Errorf("it took %v, and ended with %v", took, w.err)
	}
}

func TestAnEmptyGatewayEndsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{Drain: time.Minute}})
	w.leave()
	select {
	case <-w.done:
	case <-time.After(patience):
		t.Error("it is still running")
	}
}

func TestAGatewayAnswersThatItIsAlive(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	m, err := w.replicas[0].nc.Request(w.subjects.Alive(string(w.g.ID())), nil, patience)
	if err != nil || len(m.Data) != 0 {
		t.Errorf("%v, %v", m, err)
	}
}

// NATS does not hold a reply subject against its sender's permissions: a gateway must not be talked into publishing elsewhere.
func TestAGatewayAnswersNobodyWhereNoAnswerMayGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	r := w.replicas[0]
	listen, err := r.nc.SubscribeSync("secret.subject")
	if err != nil {
		t.Fatal(err)
	}
	r.flush()
	for _, subject := range []string{w.subjects.Alive(string(w.g.ID())), w.subjects.GatewayEngine(w.g.ID())} {
		r.publish(subject, "secret.subject", nil)
		if _, err := r.nc.Request(subject, nil, patience); err != nil { // answered after the one before
			t.Errorf("%s: %v", subject, err)
		}
	}
	testkit.WaitFor(t, "the one without an answer to count", func() bool { return w.count("parley_gateway_stray_messages_total") == 1 })
	w.unanswered(listen)
}

func TestADrainingGatewayRefusesNewSocketsWith503(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	w.inside.Door.Shut()
	_, err := testkit.Open(t.Context(), w.url, nil)
	if refused := (*testkit.RefusedError)(nil); !errors.As(err, &refused) || refused.Status != http.StatusServiceUnavailable {
		t.Errorf("the error is %v", err)
	}
}
