package testkit_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// Whom the session meets.
const (
	bob   proto.ClientID = "bob-in-the-lobby-0001"
	carol proto.ClientID = "carol-in-the-lobby-01"
)

// scripted is a gateway for one session: on each connection it goes through a script, and then closes.
type scripted struct {
	t     *testing.T
	turns chan func(*connection)
}

// connection is a session's connection as the gateway sees it.
type connection struct {
	*websocket.Conn

	t     *testing.T
	query string
}

func startScripted(t *testing.T) (*scripted, string) {
	t.Helper()
	g := &scripted{t: t, turns: make(chan func(*connection), 8)}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{proto.Subprotocol}})
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow()
		id, err := proto.ParseKey(websocketKey(r))
		if err != nil {
			t.Error(err)
			return
		}
		c := &connection{Conn: conn, t: t, query: r.URL.RawQuery}
		keep := 30
		c.say(proto.Event{Name: proto.Connected, ID: id, Version: proto.Version, Keep: &keep})
		(<-g.turns)(c)
	}))
	t.Cleanup(srv.Close)
	return g, srv.URL
}

// websocketKey returns the subprotocol that shows the key.
func websocketKey(r *http.Request) string {
	for _, one := range r.Header.Values("Sec-WebSocket-Protocol") {
		if at := len(proto.Subprotocol + ","); len(one) > at {
			return one[at:]
		}
	}
	return ""
}

func (c *connection) say(e proto.Event) {
	_ = c.Write(context.Background(), websocket.MessageText, proto.AppendEvent(nil, &e))
}

// hear reads the next request, which has to be one of that name.
func (c *connection) hear(name proto.Name) proto.Frame {
	_, b, err := c.Read(context.Background())
	if err != nil {
		c.t.Errorf("waiting for %s: %v", name, err)
		return proto.Frame{}
	}
	f, err := proto.DecodeFrame(b)
	if err != nil || f.Name != name {
		c.t.Errorf("heard %s, %v; expected %s", b, err, name)
	}
	return f
}

// untilClosed reads until the session has closed.
func (c *connection) untilClosed() {
	for {
		if _, _, err := c.Read(context.Background()); err != nil {
			return
		}
	}
}

func TestASessionComesBackWithWhatItHasHeardAndSendsAgainWhatWasNotConfirmed(t *testing.T) {
	t.Parallel()
	g, url := startScripted(t)
	unanswered := make(chan proto.Frame, 1)
	g.turns <- func(c *connection) {
		f := c.hear(proto.RoomEnter)
		c.say(proto.Event{Name: proto.RoomJoined, Room: f.Room, OwnerID: bob, Clients: []proto.ClientID{bob}, Seq: 7, Ref: f.Ref})
		c.say(proto.Event{Name: proto.SignalReceive, Room: f.Room, SenderID: bob, Data: []byte(`1`), N: 5})
		c.say(proto.Event{Name: proto.ClientJoined, Room: f.Room, ID: carol, Seq: 9, Prev: 7})
		first := c.hear(proto.SignalSend)
		c.say(proto.Event{Name: proto.SignalSent, Room: f.Room, TargetID: bob, Ref: first.Ref})
		unanswered <- c.hear(proto.SignalSend)
	}
	g.turns <- func(c *connection) {
		if c.query != "turn=2" {
			t.Errorf("the query is %s", c.query)
		}
		f := c.hear(proto.Resume)
		if f.Room != "lobby" || f.Seq != 9 || len(f.Heard) != 1 || f.Heard[bob] != 5 || f.Fresh {
			t.Errorf("resumed by %+v", f)
		}
		c.say(proto.Event{
			Name: proto.Resumed, Room: f.Room, OwnerID: bob, Clients: []proto.ClientID{bob, carol}, Seq: 11, Ref: f.Ref,
		})
		second, again := <-unanswered, c.hear(proto.SignalSend)
		if again.N != second.N || string(again.Data) != string(second.Data) {
			t.Errorf("sent %+v, and then %+v", second, again)
		}
		c.say(proto.Event{Name: proto.SignalHeld, Room: f.Room, TargetID: bob, Ref: again.Ref})
		c.say(proto.Event{Name: proto.Live, Room: f.Room, Lost: map[proto.ClientID]int64{bob: 8}})
		c.say(proto.Event{Name: proto.SignalSent, Room: f.Room, TargetID: bob, Ref: again.Ref})
		c.say(proto.Event{Name: proto.SignalReceive, Room: f.Room, SenderID: bob, Data: []byte(`2`), N: 8}) // was given up as lost
		c.untilClosed()
	}
	s := testkit.StartSession(t, []string{url}, &testkit.SessionOptions{Numbers: true})
	if e := s.Enter(t, "lobby"); e.Name != proto.RoomJoined {
		t.Fatalf("answered %+v", e)
	}
	s.Send("lobby", bob, `"a"`)
	s.Send("lobby", bob, `"b"`)
	testkit.WaitFor(t, "it is level again", func() bool { return s.Level("lobby") && len(s.Wrong()) > 0 })
	if wrong := s.Wrong(); len(wrong) != 1 {
		t.Errorf("wrong: %v", wrong)
	}
	turns, backs := s.Turns(), s.Backs()
	if len(turns) != 2 || turns[0].Until.IsZero() || !turns[1].Until.IsZero() {
		t.Errorf("turns: %+v", turns)
	}
	if len(backs) != 1 || backs[0].Lost[bob] != 8 || backs[0].Live.Before(backs[0].Resumed) {
		t.Errorf("came back: %+v", backs)
	}
	for i, sig := range s.Signals() {
		if sig.N != proto.Number(1, int64(i+1)) || sig.Answer != proto.SignalSent || len(sig.Turns) != i+1 {
			t.Errorf("signal %d: %+v", i, sig)
		}
	}
	if h := s.Heard("lobby"); h.Seq != 11 || h.N[bob] != 8 {
		t.Errorf("it has taken note of %+v", h)
	}
}

func TestASessionAsksAnewWhatWasNotAnsweredAndEndsWhenItWasResumedElsewhere(t *testing.T) {
	t.Parallel()
	g, url := startScripted(t)
	g.turns <- func(c *connection) { c.hear(proto.RoomEnter) }
	g.turns <- func(c *connection) {
		f := c.hear(proto.Resume)
		if f.Seq != 0 || len(f.Heard) != 0 {
			t.Errorf("resumed by %+v", f)
		}
		c.say(proto.Event{Name: proto.NotInRoom, Room: f.Room, Ref: f.Ref})
		f = c.hear(proto.RoomEnter)
		c.say(proto.Event{Name: proto.RoomCreated, Room: f.Room, Seq: 3, Ref: f.Ref})
		_ = c.Close(proto.CloseResumed, proto.CloseResumedReason)
	}
	s := testkit.StartSession(t, []string{url}, nil)
	if e := s.Enter(t, "lobby"); e.Name != proto.RoomCreated {
		t.Errorf("answered %+v", e)
	}
	testkit.WaitFor(t, "the session is over", s.Over)
	if turns := s.Turns(); len(turns) != 2 || turns[1].Code != proto.CloseResumed || len(s.Wrong()) > 0 {
		t.Errorf("turns %+v, wrong %v", turns, s.Wrong())
	}
	names := make([]proto.Name, 0, 4)
	for _, r := range s.All() {
		names = append(names, r.Name)
	}
	if want := []proto.Name{proto.Connected, proto.Connected, proto.NotInRoom, proto.RoomCreated}; !slices.Equal(names, want) {
		t.Errorf("heard %v", names)
	}
}
