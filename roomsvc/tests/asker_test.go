package roomsvc_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc"
	"github.com/parley-rtc/parley/testkit"
)

const patience = 20 * time.Second

// attempt is how long an asker waits before it asks again: longer than a gateway does, so that on a busy machine no
// attempt is carried out after a later request of the same client. Gateways undo what such attempts do.
const attempt = 3 * time.Second

// replica is a room service that runs in the test's process.
type replica struct {
	*roomsvc.Service
	reg  *prometheus.Registry
	stop func() // in good order; waits
}

// start runs a replica and waits until it is ready.
func start(tb testing.TB, n *testkit.NATS, change ...func(*roomsvc.Config)) *replica {
	tb.Helper()
	r := launch(tb, n, change...)
	testkit.WaitFor(tb, "the replica to be ready", func() bool { return r.Ready() == nil })
	return r
}

func launch(tb testing.TB, n *testkit.NATS, change ...func(*roomsvc.Config)) *replica {
	tb.Helper()
	cfg := roomsvc.Config{Servers: n.URL(), Options: n.Options(), Memory: true}
	for _, c := range change {
		c(&cfg)
	}
	reg := prometheus.NewRegistry()
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(tb.Output(), nil))
	}
	s, err := roomsvc.New(cfg, log, reg)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	r := &replica{Service: s, reg: reg}
	r.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				tb.Errorf("the replica ended with: %v", err)
			}
		case <-time.After(patience):
			tb.Error("the replica does not stop")
		}
	})
	tb.Cleanup(r.stop)
	return r
}

// asker is a gateway to the room service: it beats, asks, and records what it hears.
type asker struct {
	tb       testing.TB
	nc       *nats.Conn
	subjects proto.Subjects
	id       proto.GatewayID
	alive    *nats.Subscription
	sub      *nats.Subscription

	mu      sync.Mutex // guards the fields below
	next    int
	waiting map[string]chan proto.Event
	events  []heard // room events in the order in which they came
	signals []heard
	checks  []proto.Check
	mute    bool // signals are not confirmed
	silent  bool // it does not beat
}

type heard struct {
	proto.Event
	answersBefore int // how many answers had come by then
	stays         string
}

func newAsker(tb testing.TB, n *testkit.NATS) *asker {
	tb.Helper()
	subjects, err := proto.NewSubjects("")
	if err != nil {
		tb.Fatal(err)
	}
	a := &asker{
		tb: tb, nc: n.Connect(tb), subjects: subjects, id: proto.NewGatewayID(), waiting: make(map[string]chan proto.Event),
	}
	a.sub = a.subscribe(subjects.GatewayAll(a.id), a.hear)
	a.alive = a.subscribe(subjects.Alive(string(a.id)), func(m *nats.Msg) { _ = m.Respond(nil) })
	if err := a.nc.Flush(); err != nil {
		tb.Fatal(err)
	}
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(proto.BeatEvery / 2)
		defer tick.Stop()
		for {
			a.mu.Lock()
			silent := a.silent
			a.mu.Unlock()
			if !silent {
				a.beat(proto.Up)
			}
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	tb.Cleanup(func() { close(stop); done.Wait() })
	return a
}

func (a *asker) subscribe(subject string, h nats.MsgHandler) *nats.Subscription {
	a.tb.Helper()
	sub, err := a.nc.Subscribe(subject, h)
	if err != nil {
		a.tb.Fatal(err)
	}
	return sub
}

func (a *asker) beat(state proto.State) {
	b := proto.Beat{Role: proto.RoleGateway, ID: string(a.id), State: state}
	_ = a.nc.Publish(a.subjects.Beat(b.Role, b.ID), b.Encode()) // one that is lost is followed by another
}

// die makes the gateway look killed: it neither beats nor answers.
func (a *asker) die() {
	a.mu.Lock()
	a.silent = true
	a.mu.Unlock()
	_ = a.alive.Unsubscribe()
	_ = a.sub.Unsubscribe()
	_ = a.nc.Flush()
}

func (a *asker) hear(m *nats.Msg) {
	kind, rest := a.subjects.ParseGateway(a.id, m.Subject)
	a.mu.Lock()
	defer a.mu.Unlock()
	if kind == proto.KindCheck {
		if c, err := proto.DecodeCheck(m.Data); err == nil {
			a.checks = append(a.checks, c)
		} else {
			a.tb.Errorf("a check: %v", err)
		}
		return
	}
	if kind == proto.KindReply && len(m.Data) == 0 { // nobody took the request
		return
	}
	e, err := proto.DecodeEvent(m.Data)
	if err != nil {
		a.tb.Errorf("%s: %v", m.Subject, err)
		return
	}
	switch kind {
	case proto.KindReply:
		a.next++
		if c := a.waiting[rest]; c != nil {
			select {
			case c <- e:
			default:
			}
		}
	case proto.KindRoom:
		a.events = append(a.events, heard{Event: e, answersBefore: a.next, stays: m.Header.Get(proto.HeaderMembers)})
	case proto.KindClient:
		a.signals = append(a.signals, heard{Event: e, answersBefore: a.next})
		if !a.mute && m.Reply != "" {
			sent := proto.Event{Name: proto.SignalSent, Room: e.Room, TargetID: proto.ClientID(rest)}
			_ = a.nc.Publish(m.Reply, proto.AppendEvent(nil, &sent))
		}
	case proto.KindUnknown, proto.KindCheck, proto.KindEngine, proto.KindPush, proto.KindPeer, proto.KindAway:
		a.tb.Errorf("unexpected subject %s", m.Subject)
	}
}

// request is one request to the room service.
type request struct {
	proto.Request
	op      proto.Op
	id      proto.RequestID
	to      string        // the subject; empty: any replica
	timeout time.Duration // Parley-Timeout; 0: not given
}

var replyToken struct {
	sync.Mutex
	n int
}

// send sends a request and returns where its answer comes.
func (a *asker) send(r request) <-chan proto.Event {
	if r.Gateway == "" {
		r.Gateway = a.id
	}
	if r.to == "" {
		r.to = a.subjects.Rooms(r.op)
	}
	m := nats.NewMsg(r.to)
	m.Data = proto.AppendRequest(nil, r.op, &r.Request)
	if r.id != "" {
		m.Header.Set(proto.HeaderRequest, string(r.id))
	}
	if r.timeout != 0 {
		m.Header.Set(proto.HeaderTimeout, fmt.Sprint(r.timeout.Milliseconds()))
	}
	return a.sendMsg(m)
}

// sendMsg sends a request under a reply subject of its own.
func (a *asker) sendMsg(m *nats.Msg) <-chan proto.Event {
	replyToken.Lock()
	replyToken.n++
	token := strconv.Itoa(replyToken.n)
	replyToken.Unlock()
	c := make(chan proto.Event, 8)
	a.mu.Lock()
	a.waiting[token] = c
	a.mu.Unlock()
	m.Reply = a.subjects.Reply(a.id, token)
	_ = a.nc.PublishMsg(m) // not connected: the answer does not come
	return c
}

// ask sends a request and waits for its answer, asking again with the same id as a gateway does.
func (a *asker) ask(r request) proto.Event {
	a.tb.Helper()
	if r.id == "" {
		r.id = proto.NewRequestID()
	}
	deadline := time.After(patience)
	var all []<-chan proto.Event
	for {
		all = append(all, a.send(r))
		wait := time.After(attempt)
		for waiting := true; waiting; {
			for _, c := range all {
				select {
				case e := <-c:
					return e
				default:
				}
			}
			select {
			case e := <-all[len(all)-1]:
				return e
			case <-wait:
				waiting = false
			case <-deadline:
				a.tb.Errorf("no answer to %s of %q", r.op, r.Room)
				return proto.Event{}
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
}

func (a *asker) create(room proto.Room, client proto.ClientID) proto.Event {
	a.tb.Helper()
	return a.ask(request{op: proto.OpCreate, Request: proto.Request{Room: room, ClientID: client}})
}

func (a *asker) join(room proto.Room, client proto.ClientID) proto.Event {
	a.tb.Helper()
	return a.ask(request{op: proto.OpJoin, Request: proto.Request{Room: room, ClientID: client}})
}

func (a *asker) leave(room proto.Room, client proto.ClientID) proto.Event {
	a.tb.Helper()
	return a.ask(request{op: proto.OpLeave, Request: proto.Request{Room: room, ClientID: client}})
}

func (a *asker) roster(room proto.Room) proto.Event {
	a.tb.Helper()
	return a.ask(request{op: proto.OpRoster, Request: proto.Request{Room: room}})
}

func (a *asker) signal(room proto.Room, from, to proto.ClientID, n int64) proto.Event {
	a.tb.Helper()
	return a.ask(request{op: proto.OpSignal, Request: proto.Request{
		Room: room, ClientID: from, TargetID: to, N: n, Data: []byte(`{"candidate":{"n":1}}`),
	}})
}

// heardOf returns the room's events so far in the order of their sequences, none twice. Those of one replica come in
// that order; those of two may pass each other, which gateways see as a gap.
func (a *asker) heardOf(room proto.Room) []proto.Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []proto.Event
	for _, e := range a.events {
		if e.Room == room {
			out = append(out, e.Event)
		}
	}
	slices.SortStableFunc(out, func(a, b proto.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	return slices.CompactFunc(out, func(a, b proto.Event) bool { return a.Seq == b.Seq })
}

func expect(tb testing.TB, e proto.Event, name proto.Name) proto.Event {
	tb.Helper()
	if e.Name != name {
		tb.Fatalf("the answer is %s, expected %s", proto.AppendEvent(nil, &e), name)
	}
	return e
}

func expectClients(tb testing.TB, e proto.Event, clients ...proto.ClientID) {
	tb.Helper()
	if !slices.Equal(e.Clients, clients) {
		tb.Fatalf("%s has %v, expected %v", e.Name, e.Clients, clients)
	}
}
