package parley

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/proto"
)

// patience is how long a test waits for what has to come.
const patience = 20 * time.Second

// fake is a server of which the test says each word.
type fake struct {
	t     *testing.T
	url   string
	conns chan *fakeConn // those that were opened, in order
}

// fakeConn is one connection to it, on its side.
type fakeConn struct {
	*websocket.Conn

	t       *testing.T
	request *http.Request
	over    chan struct{} // closed when the test is done with it
}

// asked is a frame of the client's.
type asked struct {
	Event    string           `json:"event"`
	Room     string           `json:"room"`
	TargetID string           `json:"targetId"`
	Data     json.RawMessage  `json:"data"`
	N        int64            `json:"n"`
	Seq      uint64           `json:"seq"`
	Heard    map[string]int64 `json:"heard"`
	Fresh    bool             `json:"fresh"`
	Token    string           `json:"token"`
	Password *string          `json:"password"`
	Ref      string           `json:"ref"`
}

// startFake starts a server. It ends with the test.
func startFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{t: t, conns: make(chan *fakeConn, 100)}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{proto.Subprotocol}})
		if err != nil {
			return
		}
		c := &fakeConn{Conn: conn, t: t, request: r, over: make(chan struct{})}
		f.conns <- c
		<-c.over
	}))
	t.Cleanup(s.Close)
	f.url = s.URL
	return f
}

// next waits for the next connection. It ends with the test.
func (f *fake) next() *fakeConn {
	f.t.Helper()
	select {
	case c := <-f.conns:
		f.t.Cleanup(c.end)
		return c
	case <-time.After(patience):
		f.t.Fatal("nobody connects")
		return nil
	}
}

// end ends the connection without a word.
func (c *fakeConn) end() {
	_ = c.CloseNow()
	select {
	case <-c.over:
	default:
		close(c.over)
	}
}

func (c *fakeConn) say(text string) {
	c.t.Helper()
	if err := c.Write(c.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

// hello says the first word, with 30 s of keep.
func (c *fakeConn) hello() *fakeConn {
	c.t.Helper()
	c.say(`{"event":"connected","id":"me-me-me-me-me-me-me-me","version":1,"keep":30}`)
	return c
}

// hear waits for the client's next frame, which has to have that name.
func (c *fakeConn) hear(event string) asked {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	_, raw, err := c.Read(ctx)
	if err != nil {
		c.t.Fatalf("waiting for %s: %v", event, err)
	}
	var a asked
	if err := json.Unmarshal(raw, &a); err != nil {
		c.t.Fatal(err)
	}
	if a.Event != event {
		c.t.Fatalf("heard %s, expected %s", raw, event)
	}
	return a
}

// dial connects a client to the fake, and returns both ends.
func (f *fake) dial(opts ...Option) (*Client, *fakeConn) {
	f.t.Helper()
	at := make(chan *fakeConn, 1)
	go func() { at <- f.next().hello() }()
	c, err := Connect(f.t.Context(), f.url, opts...)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(c.Close)
	conn := <-at
	f.t.Cleanup(conn.end) // first: it does not answer a closing frame
	return c, conn
}

// result is what a call has returned.
type result[T any] struct {
	value T
	err   error
}

// later calls a function in a goroutine of its own.
func later[T any](f func() (T, error)) <-chan result[T] {
	done := make(chan result[T], 1)
	go func() {
		v, err := f()
		done <- result[T]{v, err}
	}()
	return done
}

// enterFake has a client enter a room in which another member is.
func enterFake(t *testing.T, c *Client, at *fakeConn, name string) *Room {
	t.Helper()
	done := later(func() (*Room, error) { return c.Enter(t.Context(), name, Entry{}) })
	a := at.hear("room-enter")
	at.say(`{"event":"room-joined","room":"` + name + `","ownerId":"other","clients":["other"],"seq":5,"ref":"` + a.Ref + `"}`)
	r := <-done
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r.value
}

// expect reads a room's next event, which has to be of that kind.
func expect(t *testing.T, r *Room, kind Kind) Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	e, err := r.Next(ctx)
	if err != nil || e.Kind != kind {
		t.Fatalf("heard %+v, %v; expected %s", e, err, kind)
	}
	return e
}

// ends waits for the end of an asynchronous signal.
func ends(t *testing.T, end <-chan error) error {
	t.Helper()
	select {
	case err := <-end:
		return err
	case <-time.After(patience):
		t.Fatal("it does not end")
		return nil
	}
}
