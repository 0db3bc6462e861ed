package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/gateway"
	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/defect"
	"github.com/parley-rtc/parley/gateway/internal/inside"
	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// What NATS brings is everybody's: a defect in reading it has changed nothing, and rosters mend what it would have told.
func TestADefectInReadingWhatNATSBringsIsMended(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{prepare: func(g inside.Gateway) {
		*g.Decode = func(data []byte) (proto.Event, error) {
			if bytes.Contains(data, []byte(`"prev":1`)) {
				panic("a defect")
			}
			return proto.DecodeEvent(data)
		}
	}})
	a := w.dial()
	w.creates(a, lobby, 1)
	w.replicas[0].tell(came(lobby, far1, 2, 1))
	w.next(proto.OpRoster).answer(rosterAnswer(lobby, 2, a.ID(), far1))
	w.hears(a, came(lobby, far1, 2, 1))
}

// A defect that may have left half changed what all rely on ends the gateway in good order: its clients are told to go
// elsewhere, their leaves are sent, and Run says what it was.
func TestADefectInWhatAllRelyOnEndsTheGatewayInGoodOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(inside.Gateway)
		then   func(*world)
		where  string
	}{
		"a command": {nil, func(w *world) { w.inside.Dispatcher.Begin(nil, &ask.Ask{}) }, "the dispatcher"},
		"a tick":    {func(g inside.Gateway) { *g.Rooms = nil }, nil, "the dispatcher"},
		"a message": {nil, func(w *world) { w.inside.Messages <- nil }, "the dispatcher"},
		"a step":    {nil, func(w *world) { w.inside.Dispatcher.Departed(&session.Session{}, true) }, "the dispatcher"},
		"a task":    {nil, func(w *world) { w.inside.Spawn(func() { panic("a defect") }) }, "a task"},
		"acknowledgements": {
			func(g inside.Gateway) { *g.Encode = func([]byte, *proto.Event) []byte { panic("a defect") } },
			func(w *world) { w.replicas[0].signal(lobby, far1, nobody, 1, "0") }, "acknowledgements",
		},
		"what a transport reports": {nil, func(w *world) { w.inside.Fail(defect.New("Socket.IO", "a defect")) }, "Socket.IO"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldOptions{prepare: c.before, config: gateway.Config{Drain: 5 * time.Second}})
			beats, err := w.replicas[0].nc.SubscribeSync(w.subjects.Beat(proto.RoleGateway, string(w.g.ID())))
			if err != nil {
				t.Fatal(err)
			}
			w.replicas[0].flush()
			a := w.dial()
			joined := w.creates(a, lobby, 1)
			if c.then != nil {
				c.then(w)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if code, reason, err := a.CloseCode(ctx); err != nil || code != websocket.StatusGoingAway {
				t.Errorf("closed with %d %q, %v", code, reason, err)
			}
			leave := w.next(proto.OpLeave)
			if leave.Joined != joined.id || !leave.Lost {
				t.Errorf("left with %s", leave.msg.Data)
			}
			leave.answer(proto.Event{Name: proto.RoomLeft})
			<-w.done
			d, is := errors.AsType[*defect.Error](w.err)
			if !is || d.Where != c.where || !strings.Contains(w.err.Error(), "please report it") {
				t.Errorf("ended with %v", w.err)
			}
			var last proto.State
			for {
				m, err := beats.NextMsg(100 * time.Millisecond)
				if err != nil {
					break
				}
				b, err := proto.DecodeBeat(m.Data)
				if err != nil {
					t.Fatal(err)
				}
				last = b.State
			}
			if last != proto.Leaving {
				t.Errorf("its last beat says %q", last)
			}
		})
	}
}

func TestADefectInServingAPageEndsThatRequestOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{Home: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a defect") })}})
	a := w.dial()
	if got := w.asks("/", nil); got.status != http.StatusInternalServerError || !strings.Contains(got.body, "please report it") {
		t.Errorf("answered %+v", got)
	}
	w.creates(a, lobby, 1)
	testkit.WaitFor(t, "the request's end", func() bool { return w.inside.Requests() == 0 })
}
