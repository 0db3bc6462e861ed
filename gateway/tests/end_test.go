package gateway_test

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// Who says goodbye and hangs up has said it: requests are handled in order, and the end of the connection is the last.
func TestWhatAClientSentBeforeItClosedIsCarriedOutBeforeItLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	joined := w.joins(a, lobby, 3, far1)
	const many = 20
	for i := range many {
		w.send(a, proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: far1, Data: []byte(strconv.Itoa(i))})
	}
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: "late"})
	a.Close()
	for i := range many {
		q := w.next(proto.OpSignal)
		if string(q.Data) != strconv.Itoa(i) {
			t.Errorf("signal %d is %s", i, q.Data)
		}
		w.none(proto.OpLeave)
		q.answer(proto.Event{Name: proto.SignalSent, TargetID: far1})
	}
	late := w.next(proto.OpJoin)
	w.none(proto.OpLeave)
	late.answer(proto.Event{Name: proto.RoomJoined, OwnerID: far2, Clients: []proto.ClientID{far2}, Seq: 9})
	left := map[proto.Room]proto.RequestID{}
	for range 2 {
		leave := w.next(proto.OpLeave)
		if !leave.Lost {
			t.Errorf("the leave of %q does not say that the connection ended", leave.Room)
		}
		left[leave.Room] = leave.Joined
		leave.answer(proto.Event{Name: proto.RoomLeft})
	}
	if left[lobby] != joined.id || left["late"] != late.id {
		t.Errorf("left are %v", left)
	}
}

// prompt is a transport whose reader sees the end of the connection while it is being closed, as that of a socket does.
type prompt struct {
	opened chan link.Session
	err    error // of each write
}

func (p *prompt) Write([]link.Out) error { return p.err }
func (p *prompt) Close(link.Close)       { (<-p.opened).End(errors.New("the reader's")) }

// lines keeps what is logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

func TestTheLogSaysWhyAConnectionWasClosed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		write error
		begin func(s *session.Session)
		cause string
	}{
		"a queue that overflowed":     {nil, func(s *session.Session) { s.Close(link.TooSlow) }, "too slow"},
		"a write that took too long":  {os.ErrDeadlineExceeded, func(s *session.Session) { s.Tell(proto.Event{Name: proto.Pong}, "") }, "too slow"},
		"a connection that went away": {net.ErrClosed, func(s *session.Session) { s.Tell(proto.Event{Name: proto.Pong}, "") }, "the reader's"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := &lines{}
			w := newWorld(t, worldOptions{
				log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			})
			peer := &prompt{opened: make(chan link.Session, 1), err: c.write}
			s, err := w.inside.Open(peer, link.About{ID: far1, Transport: "plain"})
			if err != nil {
				t.Fatal(err)
			}
			peer.opened <- s
			c.begin(s.(*session.Session))
			testkit.WaitFor(t, "the line", func() bool { return log.has("session ended") })
			if !log.has(`cause="` + c.cause + `"`) {
				t.Errorf("it does not say %q", c.cause)
			}
		})
	}
}
