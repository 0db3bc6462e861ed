package plain

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

// brittle is a client whose session has a defect: it cannot take leaves.
type brittle struct{ *client }

func (b brittle) Send(link.Out) {}

func (b brittle) Receive(f proto.Frame, err error, size int) bool {
	if f.Name == proto.RoomLeave {
		panic("a defect")
	}
	return b.client.Receive(f, err, size)
}

func TestADefectInReadingEndsThatConnectionWith1011AndNoOther(t *testing.T) {
	t.Parallel()
	opened := make(chan *client, 8)
	door := unbounded()
	s := New(Config{
		Door: door, AllowOrigin: func(*http.Request) bool { return true }, Address: func(*http.Request) (string, bool) { return "", true },
		Open: func(tr link.Transport, about link.About) (link.Session, error) {
			c := &client{id: about.ID, t: tr, ended: make(chan error, 4), frame: make(chan proto.Frame, 4)}
			opened <- c
			return brittle{c}, nil
		},
		Failed: func(err error) { t.Errorf("the gateway is told to end: %v", err) },
	})
	srv := httptest.NewServer(s)
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { _ = s.Run(ctx) })
	t.Cleanup(func() { srv.Close(); cancel(); run.Wait() })
	url := "ws" + strings.TrimPrefix(srv.URL, "http")
	a := dial(t, url, func() {})
	<-opened
	b := dial(t, url, func() {})
	second := <-opened
	within, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	if err := b.Write(within, websocket.MessageText, []byte(`{"event":"room-leave","room":"a"}`)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Read(within); websocket.CloseStatus(err) != websocket.StatusInternalError {
		t.Errorf("the connection ended with %v", err)
	}
	if err := <-second.ended; !strings.Contains(err.Error(), "a defect") {
		t.Errorf("its session ended by %v", err)
	}
	eventually(t, "its place", func() bool { return door.Count() == 1 })
	if err := a.Write(within, websocket.MessageText, []byte(`{"event":"ping"}`)); err != nil {
		t.Errorf("the other: %v", err)
	}
}

func TestADefectInPingingEndsTheGatewayInGoodOrder(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 1)
	s := New(Config{Failed: func(err error) { failed <- err }})
	s.second = time.Millisecond
	s.slots[0][nil] = struct{}{} // no connection, which no code expects
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	var run sync.WaitGroup
	run.Go(func() { defer close(done); _ = s.Run(ctx) })
	if err := <-failed; !strings.Contains(err.Error(), "pings") {
		t.Errorf("told of %v", err)
	}
	select {
	case <-done:
		t.Error("it ended before the others had been told")
	default:
	}
	delete(s.slots[0], nil)
	cancel()
	run.Wait()
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !is() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waiting for %s", what)
		}
	}
}

// One whose opening comes upon a defect gives its place back.
func TestADefectInOpeningGivesThePlaceBack(t *testing.T) {
	t.Parallel()
	door := unbounded()
	s := New(Config{
		Door: door, AllowOrigin: func(*http.Request) bool { return true }, Address: func(*http.Request) (string, bool) { return "", true },
		Open: func(link.Transport, link.About) (link.Session, error) { panic("a defect") },
	})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ws", nil)
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
	} {
		r.Header.Set(name, value)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the defect is hidden from who serves")
			}
		}()
		s.ServeHTTP(httptest.NewRecorder(), r)
	}()
	if door.Count() != 0 {
		t.Error("its place is lost")
	}
}
