package testkit_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// echo is a server that greets, answers every ping, and on room-leave pushes a room-left before its answer and closes.
func echo(t *testing.T) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{proto.Subprotocol}})
		if err != nil {
			return
		}
		defer conn.CloseNow()
		ctx := context.WithoutCancel(r.Context())
		say := func(e proto.Event) { _ = conn.Write(ctx, websocket.MessageText, proto.AppendEvent(nil, &e)) }
		say(proto.Event{Name: proto.Connected, ID: "0123456789abcdef0123", Version: proto.Version})
		for {
			_, b, err := conn.Read(ctx)
			if err != nil {
				return
			}
			f, err := proto.DecodeFrame(b)
			switch {
			case err != nil:
				say(proto.Errorf(proto.CodeBadRequest, "", "", "%v", err))
			case f.Name == proto.Ping:
				say(proto.Event{Name: proto.Pong, Ref: f.Ref})
			case f.Name == proto.RoomLeave:
				say(proto.Event{Name: proto.RoomLeft, Room: f.Room, Kicked: true})
				say(proto.Event{Name: proto.NotInRoom, Room: f.Room, Ref: f.Ref})
				_ = conn.Close(websocket.StatusGoingAway, "bye")
				return
			}
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestAClientRecordsWhatItHearsInOrder(t *testing.T) {
	t.Parallel()
	c := testkit.Dial(t, echo(t))
	if c.ID() != "0123456789abcdef0123" {
		t.Errorf("the id is %q", c.ID())
	}
	if e := c.Do(t, proto.Frame{Name: proto.Ping}); e.Name != proto.Pong {
		t.Errorf("a ping was answered %q", e.Name)
	}
	c.Quiet(t)
	if err := c.SendText(t.Context(), "nonsense"); err != nil {
		t.Fatal(err)
	}
	if e := c.Expect(t, proto.Error); e.Code != proto.CodeBadRequest {
		t.Errorf("nonsense was answered %s", e.Raw)
	}
	if e := c.Leave(t, "lobby"); e.Name != proto.NotInRoom {
		t.Errorf("the answer is %q", e.Name)
	}
	if e := c.Expect(t, proto.RoomLeft); !e.Kicked {
		t.Errorf("heard %s", e.Raw)
	}
	code, reason, err := c.CloseCode(t.Context())
	if err != nil || code != websocket.StatusGoingAway || reason != "bye" {
		t.Errorf("closed with %d %q, %v", code, reason, err)
	}
	if n := len(c.All()); n != 6 {
		t.Errorf("%d events were recorded, 6 were sent", n)
	}
}

func TestARefusedUpgradeSaysItsStatus(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)
	_, err := testkit.Open(t.Context(), srv.URL, &testkit.Options{HTTPClient: srv.Client()})
	if refused := (*testkit.RefusedError)(nil); !errors.As(err, &refused) || refused.Status != http.StatusNotFound {
		t.Errorf("the error is %v", err)
	}
}

func TestAnAbortedClientHasNoCloseCode(t *testing.T) {
	t.Parallel()
	c := testkit.Dial(t, echo(t))
	c.Abort()
	if code, _, err := c.CloseCode(t.Context()); err != nil || code != -1 {
		t.Errorf("code %d, %v", code, err)
	}
}
