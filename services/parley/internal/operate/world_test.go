package operate

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc"
	"github.com/parley-rtc/parley/testkit"
)

// world is NATS with replicas of the room service, and a gateway that says what it is told to.
type world struct {
	t        *testing.T
	url      string
	nc       *nats.Conn
	subjects proto.Subjects
	replicas []proto.ReplicaID
}

// newWorld starts so many replicas on a server.
func newWorld(t *testing.T, url string, replicas int, cfg roomsvc.Config) *world {
	t.Helper()
	w := &world{t: t, url: url, nc: connect(t, url)}
	var err error
	if w.subjects, err = proto.NewSubjects(cfg.Prefix); err != nil {
		t.Fatal(err)
	}
	cfg.Servers = url
	for range replicas {
		s, err := roomsvc.New(cfg, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		t.Cleanup(func() {
			stop()
			if err := <-done; err != nil {
				t.Errorf("a replica ended with %v", err)
			}
		})
		testkit.WaitFor(t, "a replica is ready", func() bool { return s.Ready() == nil })
		w.replicas = append(w.replicas, s.ID())
	}
	slices.Sort(w.replicas)
	return w
}

// one is a world of one server and one replica.
func one(t *testing.T) *world {
	t.Helper()
	return newWorld(t, testkit.StartNATS(t, testkit.Listen()).URL(), 1, roomsvc.Config{Memory: true})
}

// connect returns a connection that is closed when the test ends.
func connect(t *testing.T, url string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

const gatewayID = proto.GatewayID("5d6e7f80-9a0b-4c1d-8e2f-3a4b5c6d7e8f")

// ask has the gateway ask, and returns the answer.
func (w *world) ask(op proto.Op, r proto.Request) proto.Event {
	w.t.Helper()
	r.Gateway = gatewayID
	m := nats.NewMsg(w.subjects.Rooms(op))
	m.Data = proto.AppendRequest(nil, op, &r)
	m.Header.Set(proto.HeaderRequest, string(proto.NewRequestID()))
	answer, err := w.nc.RequestMsg(m, 10*time.Second)
	if err != nil {
		w.t.Fatal(err)
	}
	e, err := proto.DecodeEvent(answer.Data)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// fill makes a room with some members and returns them in order.
func (w *world) fill(room proto.Room, members int) []proto.ClientID {
	w.t.Helper()
	var ids []proto.ClientID
	for i := range members {
		id, op, want := proto.NewClientID(), proto.OpJoin, proto.RoomJoined
		if i == 0 {
			op, want = proto.OpCreate, proto.RoomCreated
		}
		if e := w.ask(op, proto.Request{Room: room, ClientID: id}); e.Name != want {
			w.t.Fatalf("%s of %q is answered %+v", op, room, e)
		}
		ids = append(ids, id)
	}
	return ids
}

// beat says each few milliseconds, until the test ends, what a gateway holds.
func (w *world) beat(b proto.Beat) { w.beatAs(b.ID, b) }

// beatAs beats where another process would.
func (w *world) beatAs(id string, b proto.Beat) {
	stop, done := make(chan struct{}), make(chan struct{})
	tick := time.NewTicker(50 * time.Millisecond)
	go func() {
		defer close(done)
		for {
			_ = w.nc.Publish(w.subjects.Beat(b.Role, id), b.Encode())
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	w.t.Cleanup(func() { close(stop); <-done; tick.Stop() })
}

// said is what a command wrote, and its exit code.
type said struct {
	out, note string
	code      int
}

// parley runs a command against the world.
func (w *world) parley(args ...string) said {
	w.t.Helper()
	return parley(w.t, append(args, "--nats", w.url)...)
}

func parley(t *testing.T, args ...string) said {
	t.Helper()
	var out, note bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // watch would run for ever
	defer cancel()
	code, is := run(ctx, args, &out, &note)
	if !is {
		t.Fatalf("%s is no command", args[0])
	}
	return said{out.String(), note.String(), code}
}

// ok fails the test unless the command ended well and without a word beside its output.
func (s said) ok(t *testing.T) string {
	t.Helper()
	if s.code != 0 || s.note != "" {
		t.Fatalf("exit code %d, %s", s.code, s.note)
	}
	return s.out
}

// failed fails the test unless the command ended with a code and a sentence on one line, which has some words.
func (s said) failed(t *testing.T, code int, words ...string) {
	t.Helper()
	if s.code != code || strings.Count(s.note, "\n") != 1 {
		t.Errorf("exit code %d, %q; expected %d and a sentence", s.code, s.note, code)
	}
	for _, word := range words {
		if !strings.Contains(s.note, word) {
			t.Errorf("%q does not say %q", s.note, word)
		}
	}
}

// decode reads one JSON value, strictly.
func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// page collects what is written by another goroutine.
type page struct {
	mu   sync.Mutex // guards the field below
	text strings.Builder
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *page) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}
