package gateway_test

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-rtc/parley/gateway"
	"github.com/parley-rtc/parley/gateway/internal/inside"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// patience is how long a test waits for what has to come: longer than anything that the gateway waits for.
const patience = 20 * time.Second

// world is a gateway over real NATS with a scripted room service: the test decides what is answered and told.
type world struct {
	t        *testing.T
	nats     *testkit.NATS
	g        *gateway.Gateway
	inside   inside.Gateway // of g
	subjects proto.Subjects
	reg      *prometheus.Registry
	url      string
	replicas []*replica
	leave    context.CancelFunc // begins the gateway's drain
	done     chan struct{}      // closed when the gateway's Run has returned
	err      error              // valid once done

	mu    sync.Mutex // guards the fields below
	asked []*asked   // requests that the test has not taken
	more  chan struct{}
	over  bool // the test has ended: whatever is asked is answered
}

// replica is a room service process as far as gateways can tell.
type replica struct {
	w   *world
	id  proto.ReplicaID
	nc  *nats.Conn
	sub *nats.Subscription

	revoked atomic.Uint64 // which list of revoked tokens its beats say that there is
}

// asked is one attempt of a request.
type asked struct {
	proto.Request
	by      *replica
	op      proto.Op
	id      proto.RequestID
	msg     *nats.Msg
	inGroup bool // it came for any replica
	at      time.Time
}

// worldOptions change a world before its gateway runs.
type worldOptions struct {
	config   gateway.Config
	log      *slog.Logger
	timing   func(*inside.Timing)
	prepare  func(inside.Gateway)
	replicas int // 1
	silent   bool
	nats     []testkit.Option
	reach    func(*testkit.NATS) []nats.Option // how it reaches NATS; nil: as usual
}

func newWorld(t *testing.T, o worldOptions) *world {
	t.Helper()
	w := &world{
		t: t, nats: testkit.StartNATS(t, o.nats...), reg: prometheus.NewRegistry(),
		more: make(chan struct{}), done: make(chan struct{}),
	}
	cfg := o.config
	cfg.Servers, cfg.Options = w.nats.URL(), w.nats.Options()
	if o.reach != nil {
		cfg.Options = o.reach(w.nats)
	}
	if cfg.Drain == 0 {
		cfg.Drain = time.Second
	}
	g, err := gateway.New(cfg, o.log, w.reg)
	if err != nil {
		t.Fatal(err)
	}
	w.g, w.inside = g, inside.Of(g)
	if w.subjects, err = proto.NewSubjects(cfg.Prefix); err != nil {
		t.Fatal(err)
	}
	w.inside.Timing.Missed = time.Hour // a roster that a test waits for is not asked for because it has waited
	if o.timing != nil {
		o.timing(w.inside.Timing)
	}
	if o.prepare != nil {
		o.prepare(w.inside)
	}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.url = "ws://" + ln.Addr().String() + "/ws"
	ctx, cancel := context.WithCancel(context.Background())
	w.leave = cancel
	for range max(1, o.replicas) {
		w.addReplica()
	}
	var run sync.WaitGroup
	run.Go(func() { defer close(w.done); w.err = g.Serve(ctx, ln) })
	t.Cleanup(func() {
		w.answerAll()
		cancel()
		run.Wait()
	})
	testkit.WaitFor(t, "the gateway", w.inside.Up)
	if !o.silent {
		for _, r := range w.replicas {
			r.live()
		}
	}
	return w
}

// addReplica starts a replica that listens and does not beat yet.
func (w *world) addReplica() *replica {
	w.t.Helper()
	r := &replica{w: w, id: proto.NewReplicaID(), nc: w.nats.Connect(w.t)}
	r.listen()
	_, err := r.nc.QueueSubscribe(w.subjects.Rooms("*"), "rooms", func(m *nats.Msg) { r.take(m, true) })
	if err != nil {
		w.t.Fatal(err)
	}
	r.flush()
	w.replicas = append(w.replicas, r)
	return r
}

// listen subscribes to what is asked of this replica by name.
func (r *replica) listen() {
	sub, err := r.nc.Subscribe(r.w.subjects.ReplicaAll(r.id), func(m *nats.Msg) { r.take(m, false) })
	if err != nil {
		r.w.t.Fatal(err)
	}
	r.sub = sub
	r.flush()
}

// deaf ends that, as if the process had died: NATS answers 'no responders'.
func (r *replica) deaf() {
	if err := r.sub.Unsubscribe(); err != nil {
		r.w.t.Fatal(err)
	}
	r.flush()
}

func (r *replica) flush() {
	if err := r.nc.FlushTimeout(patience); err != nil {
		r.w.t.Fatal(err)
	}
}

// beat says once that the replica is up or leaving.
func (r *replica) beat(state proto.State) {
	b := proto.Beat{Role: proto.RoleRoomsvc, ID: string(r.id), State: state, Revoked: r.revoked.Load()}
	if err := r.nc.Publish(r.w.subjects.Beat(proto.RoleRoomsvc, string(r.id)), b.Encode()); err != nil {
		r.w.t.Fatal(err)
	}
}

// live beats from now on, and waits until the gateway has heard it.
func (r *replica) live() {
	r.w.t.Helper()
	r.beat(proto.Up)
	testkit.WaitFor(r.w.t, "the gateway to know a replica", func() bool {
		return slices.Contains(r.w.inside.Ranking.Replicas(), r.id)
	})
	stop := make(chan struct{})
	var beats sync.WaitGroup
	beats.Go(func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if r.sub.IsValid() { // one that died does not beat
					b := proto.Beat{Role: proto.RoleRoomsvc, ID: string(r.id), State: proto.Up, Revoked: r.revoked.Load()}
					_ = r.nc.Publish(r.w.subjects.Beat(proto.RoleRoomsvc, string(r.id)), b.Encode())
				}
			case <-stop:
				return
			}
		}
	})
	r.w.t.Cleanup(func() { close(stop); beats.Wait() })
}

// ranked returns the replicas in the order in which a room's requests are offered to them.
func (w *world) ranked(room proto.Room) []*replica {
	ids := make([]proto.ReplicaID, len(w.replicas))
	by := make(map[proto.ReplicaID]*replica)
	for i, r := range w.replicas {
		ids[i], by[r.id] = r.id, r
	}
	order := make([]*replica, 0, len(ids))
	for _, id := range proto.Rank(ids, room.Token()) {
		order = append(order, by[id])
	}
	return order
}

// take notes a request.
func (r *replica) take(m *nats.Msg, inGroup bool) {
	q := &asked{
		by: r, op: r.w.subjects.ReplicaOp(m.Subject), msg: m, inGroup: inGroup, at: time.Now(),
		id: proto.RequestID(m.Header.Get(proto.HeaderRequest)),
	}
	req, err := proto.DecodeRequest(q.op, m.Data)
	if err != nil {
		r.w.t.Errorf("the gateway asks %s: %v", m.Data, err)
	}
	q.Request = req
	r.w.mu.Lock()
	over := r.w.over
	if !over {
		r.w.asked = append(r.w.asked, q)
		close(r.w.more)
		r.w.more = make(chan struct{})
	}
	r.w.mu.Unlock()
	if over {
		q.settle()
	}
}

// settle answers at the test's end.
func (q *asked) settle() {
	name := proto.RoomNotExists
	if q.op == proto.OpLeave {
		name = proto.RoomLeft
	}
	e := proto.Event{Name: name, Room: q.Room}
	_ = q.msg.Respond(proto.AppendEvent(nil, &e))
}

// answerAll ends the script.
func (w *world) answerAll() {
	w.mu.Lock()
	list := w.asked
	w.asked, w.over = nil, true
	w.mu.Unlock()
	for _, q := range list {
		q.settle()
	}
}

// next waits for the next attempt of a request with an operation, whichever replica it goes to.
func (w *world) next(op proto.Op) *asked {
	w.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		w.mu.Lock()
		i := slices.IndexFunc(w.asked, func(q *asked) bool { return q.op == op })
		if i >= 0 {
			q := w.asked[i]
			w.asked = slices.Delete(w.asked, i, i+1)
			w.mu.Unlock()
			return q
		}
		more := w.more
		w.mu.Unlock()
		select {
		case <-more:
		case <-late.C:
			w.t.Fatalf("no %s was asked for", op)
		}
	}
}

// none fails the test when a request with one of the operations waits to be taken.
func (w *world) none(ops ...proto.Op) {
	w.t.Helper()
	w.sync()
	w.noneWas(ops...)
}

// noneWas is none of a gateway that has ended.
func (w *world) noneWas(ops ...proto.Op) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, q := range w.asked {
		if slices.Contains(ops, q.op) {
			w.t.Errorf("%s was asked for: %s", q.op, q.msg.Data)
		}
	}
}

// answer answers an attempt with an event.
func (q *asked) answer(e proto.Event) {
	q.by.w.t.Helper()
	if e.Room == "" {
		e.Room = q.Room
	}
	if err := q.msg.Respond(proto.AppendEvent(nil, &e)); err != nil {
		q.by.w.t.Fatal(err)
	}
}

// tell sends the gateway a room event.
func (r *replica) tell(e proto.Event) {
	r.w.t.Helper()
	r.publish(r.w.subjects.GatewayRoom(r.w.g.ID(), e.Room.Token()), "", proto.AppendEvent(nil, &e))
}

func (r *replica) publish(subject, reply string, payload []byte) {
	r.w.t.Helper()
	if err := r.nc.PublishMsg(&nats.Msg{Subject: subject, Reply: reply, Data: payload}); err != nil {
		r.w.t.Fatal(err)
	}
}

// signal sends the gateway a signal for one of its clients, and returns where it is answered.
func (r *replica) signal(room proto.Room, from, to proto.ClientID, n int64, data string) *nats.Subscription {
	r.w.t.Helper()
	inbox := nats.NewInbox()
	sub, err := r.nc.SubscribeSync(inbox)
	if err != nil {
		r.w.t.Fatal(err)
	}
	e := proto.Event{Name: proto.SignalReceive, Room: room, SenderID: from, N: n, Data: []byte(data)}
	r.publish(r.w.subjects.GatewayClient(r.w.g.ID(), to), inbox, proto.AppendEvent(nil, &e))
	return sub
}

// confirmed waits for the answer to a signal, and returns it.
func (w *world) confirmed(sub *nats.Subscription, want proto.Name) proto.Event {
	w.t.Helper()
	m, err := sub.NextMsg(patience)
	if err != nil {
		w.t.Fatalf("waiting for %s: %v", want, err)
	}
	e, err := proto.DecodeEvent(m.Data)
	if err != nil || e.Name != want {
		w.t.Fatalf("a signal was answered %s, expected %s", m.Data, want)
	}
	return e
}

// unanswered fails the test when a signal has been answered.
func (w *world) unanswered(sub *nats.Subscription) {
	w.t.Helper()
	w.sync()
	if n, _, err := sub.Pending(); err != nil || n > 0 {
		w.t.Fatalf("a signal was answered already (%d, %v)", n, err)
	}
}

// check sends the gateway a check.
func (r *replica) check(rooms ...proto.CheckRoom) {
	r.w.t.Helper()
	for _, page := range proto.EncodeChecks(&proto.Check{Replica: r.id, Rooms: rooms}) {
		r.publish(r.w.subjects.GatewayCheck(r.w.g.ID()), "", page)
	}
}

const nobody proto.ClientID = "nobody00000000000000"

// sync returns when the gateway has handled everything that the replicas have sent.
func (w *world) sync() {
	w.t.Helper()
	for _, r := range w.replicas {
		sub := r.signal("nowhere", "somebody000000000000", nobody, 1, "0")
		w.confirmed(sub, proto.TargetNotFound)
		if err := sub.Unsubscribe(); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) dial() *testkit.Client {
	w.t.Helper()
	return testkit.Dial(w.t, w.url)
}

// send sends a request without waiting for its answer.
func (w *world) send(c *testkit.Client, f proto.Frame) {
	w.t.Helper()
	if err := c.Send(w.t.Context(), f); err != nil {
		w.t.Fatal(err)
	}
}

// expect takes the next event that a client hears, and compares its bytes.
func expect(t *testing.T, c *testkit.Client, want proto.Event) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got, err := c.Next(ctx)
	if err != nil {
		t.Fatalf("waiting for %s: %v", proto.AppendEvent(nil, &want), err)
	}
	if s := string(proto.AppendEvent(nil, &want)); string(got.Raw) != s {
		t.Fatalf("%s heard\n  %s, expected\n  %s", c.ID(), got.Raw, s)
	}
}

// hears is expect for several events.
func (w *world) hears(c *testkit.Client, events ...proto.Event) {
	w.t.Helper()
	for _, e := range events {
		expect(w.t, c, e)
	}
}

// quiet fails the test when the client has heard something that it has not taken.
func (w *world) quiet(clients ...*testkit.Client) {
	w.t.Helper()
	w.sync()
	for _, c := range clients {
		c.Quiet(w.t)
	}
}

// creates lets a client create a room, whose change has a number, and returns the request.
func (w *world) creates(c *testkit.Client, room proto.Room, seq uint64) *asked {
	w.t.Helper()
	w.send(c, proto.Frame{Name: proto.RoomCreate, Room: room})
	q := w.next(proto.OpCreate)
	q.answer(proto.Event{Name: proto.RoomCreated, Seq: seq})
	w.hears(c, proto.Event{Name: proto.RoomCreated, Room: room, Seq: seq})
	return q
}

// joins lets a client join a room of an owner and others.
func (w *world) joins(c *testkit.Client, room proto.Room, seq uint64, others ...proto.ClientID) *asked {
	w.t.Helper()
	w.send(c, proto.Frame{Name: proto.RoomJoin, Room: room})
	q := w.next(proto.OpJoin)
	e := proto.Event{Name: proto.RoomJoined, Room: room, OwnerID: others[0], Clients: others, Seq: seq}
	q.answer(e)
	w.hears(c, e)
	return q
}

// count returns a counter's or gauge's value, summed over its labels.
func (w *world) count(name string) float64 {
	w.t.Helper()
	families, err := w.reg.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// overflows returns how often a queue was full.
func (w *world) overflows(queue string) float64 {
	w.t.Helper()
	families, err := w.reg.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "parley_gateway_queue_overflows_total" && m.GetLabel()[0].GetValue() == queue {
				return m.GetCounter().GetValue()
			}
		}
	}
	w.t.Fatalf("there is no queue %s", queue)
	return 0
}

// Events in short.
func came(room proto.Room, id proto.ClientID, seq, prev uint64) proto.Event {
	return proto.Event{Name: proto.ClientJoined, Room: room, ID: id, Seq: seq, Prev: prev}
}

func went(room proto.Room, id proto.ClientID, seq, prev uint64) proto.Event {
	return proto.Event{Name: proto.ClientLeft, Room: room, ID: id, Seq: seq, Prev: prev}
}

func closed(room proto.Room, owner proto.ClientID, seq, prev uint64) proto.Event {
	return proto.Event{Name: proto.RoomClosed, Room: room, OwnerID: owner, Seq: seq, Prev: prev, Reason: proto.OwnerLeft}
}

func received(room proto.Room, from proto.ClientID, data string) proto.Event {
	return proto.Event{Name: proto.SignalReceive, Room: room, SenderID: from, Data: []byte(data)}
}

func rosterAnswer(room proto.Room, seq uint64, clients ...proto.ClientID) proto.Event {
	return proto.Event{Name: proto.Roster, Room: room, OwnerID: clients[0], Clients: clients, Seq: seq}
}

// Clients on other gateways.
const (
	far1 proto.ClientID = "far00000000000000001"
	far2 proto.ClientID = "far00000000000000002"
	far3 proto.ClientID = "far00000000000000003"
	far4 proto.ClientID = "far00000000000000004"
)

func kicked(room proto.Room, why proto.Reason) proto.Event {
	return proto.Event{Name: proto.RoomLeft, Room: room, Kicked: true, Reason: why}
}
