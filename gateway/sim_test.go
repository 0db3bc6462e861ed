package gateway

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// sim drives a gateway at random: clients that ask, replicas that answer late, twice or never and lose what they tell,
// members elsewhere that come and go. What its clients heard is judged in simcheck_test.go.
type sim struct {
	t     *testing.T
	rnd   *rand.Rand
	w     *world
	truth simRooms
	loss  int // of a hundred: answers and events that are lost, or come late or twice
	out   map[*replica][]func()

	clients []*simClient // connected
	all     []*simClient
	far     []proto.ClientID
	n       map[proto.ClientID]int64 // the last signal of a far sender
	signals []*simSignal
}

// simClient is a client with what it asked.
type simClient struct {
	*testkit.Client
	asked []simAsked
	ended bool
	n     int64
}

type simAsked struct {
	proto.Frame
	at time.Time
}

// simSignal is one to a client here, from whom it may be.
type simSignal struct {
	room     proto.Room
	from, to proto.ClientID
	n        int64
	answer   *nats.Subscription
}

func (x *sim) chance(percent int) bool { return x.rnd.IntN(100) < percent }

func pick[E any](x *sim, list []E) E { return list[x.rnd.IntN(len(list))] }

func TestWhatClientsHearHoldsWhateverReplicasDo(t *testing.T) {
	t.Parallel()
	for _, loss := range []int{0, 20} {
		t.Run(strconv.Itoa(loss)+" percent lost", func(t *testing.T) {
			t.Parallel()
			seed, err := strconv.ParseUint(os.Getenv("PARLEY_SIM_SEED"), 10, 64)
			if err != nil {
				seed = rand.Uint64() //nolint:gosec // a test's choice
			}
			t.Logf("PARLEY_SIM_SEED=%d", seed)
			steps, err := strconv.Atoi(os.Getenv("PARLEY_SIM_STEPS"))
			if err != nil {
				steps = 3000
			}
			newSim(t, seed, loss).run(steps)
		})
	}
}

func newSim(t *testing.T, seed uint64, loss int) *sim {
	t.Helper()
	w := newWorld(t, worldOptions{replicas: 2, timing: func(x *timing) {
		x.request, x.signal, x.attempt = 300*time.Millisecond, 100*time.Millisecond, 20*time.Millisecond
		x.backoffMin, x.backoffMax, x.tick = 5*time.Millisecond, 20*time.Millisecond, 20*time.Millisecond
		x.missed = time.Second
	}})
	return &sim{
		t: t, w: w, rnd: rand.New(rand.NewPCG(seed, 1)), loss: loss, //nolint:gosec // to be repeated
		truth: simRooms{rooms: make(map[proto.Room]*simState), past: make(map[proto.Room][]*simState)},
		out:   make(map[*replica][]func()), far: []proto.ClientID{far1, far2, far3}, n: make(map[proto.ClientID]int64),
	}
}

func (x *sim) run(steps int) {
	for range steps {
		x.step()
	}
	x.settle()
	x.judge()
}

var simRoomNames = []proto.Room{"one", "zwei drei"}

func (x *sim) step() {
	if len(x.clients) < 4 && x.chance(20) {
		c := &simClient{Client: x.w.dial()}
		x.clients, x.all = append(x.clients, c), append(x.all, c)
	}
	room := pick(x, simRoomNames)
	switch p := x.rnd.IntN(100); {
	case p < 25:
		x.request(room)
	case p < 55:
		x.serve(x.loss)
	case p < 80:
		x.publish(pick(x, x.w.replicas))
	case p < 86:
		x.elsewhere(room)
	case p < 92:
		x.signal(room)
	case p < 94:
		x.check(room)
	case p < 95 && len(x.clients) > 0:
		x.end(x.rnd.IntN(len(x.clients)))
	case p < 96 && len(x.clients) > 0: // counted as gone by mistake
		_, s := x.truth.leave(room, pick(x, x.clients).ID(), "", "")
		x.tell(pick(x, x.w.replicas), s, x.loss)
	default:
		x.w.sync()
	}
}

// request has a client ask for something, whether or not its last request was answered.
func (x *sim) request(room proto.Room) {
	if len(x.clients) == 0 {
		return
	}
	c := pick(x, x.clients)
	f := proto.Frame{
		Room: room, Ref: strconv.Itoa(len(c.asked)),
		Name: pick(x, []proto.Name{proto.RoomCreate, proto.RoomJoin, proto.RoomJoin, proto.RoomLeave, proto.SignalSend, proto.SignalSend}),
	}
	if f.Name == proto.SignalSend {
		f.TargetID = pick(x, x.all).ID()
		if f.TargetID == c.ID() {
			f.TargetID = pick(x, x.far)
		}
		c.n++
		f.Data = fmt.Appendf(nil, "%d", c.n)
	}
	c.asked = append(c.asked, simAsked{f, time.Now()})
	if err := c.SendText(x.t.Context(), string(proto.AppendFrame(nil, &f))); err != nil {
		x.t.Fatal(err)
	}
}

func (x *sim) end(i int) {
	c := x.clients[i]
	x.clients = slices.Delete(x.clients, i, i+1)
	c.ended = true
	c.Abort()
}

// serve has an attempt carried out, perhaps long after its asker has given up.
func (x *sim) serve(loss int) bool {
	w := x.w
	w.mu.Lock()
	if len(w.asked) == 0 {
		w.mu.Unlock()
		return false
	}
	i := 0
	if x.loss > 0 {
		i = x.rnd.IntN(len(w.asked))
	}
	q := w.asked[i]
	w.asked = slices.Delete(w.asked, i, i+1)
	w.mu.Unlock()
	if x.chance(loss) || time.Since(q.at) > w.g.timing.request && !x.chance(loss) {
		return true // it never arrived, or was given up
	}
	x.carryOut(q, loss)
	return true
}

func (x *sim) carryOut(q *asked, loss int) {
	var e proto.Event
	var bears proto.RequestID
	var s *simState
	switch q.op {
	case proto.OpCreate:
		e, s = x.truth.create(q.Room, q.ClientID, q.id)
	case proto.OpJoin:
		e, bears, s = x.truth.join(q.Room, q.ClientID, q.id)
	case proto.OpLeave:
		e, s = x.truth.leave(q.Room, q.ClientID, q.id, q.Joined)
	case proto.OpRoster:
		e = proto.Event{Name: proto.RoomNotExists, Room: q.Room}
		if s := x.truth.state(q.Room); s.open() {
			e = proto.Event{Name: proto.Roster, Room: q.Room, OwnerID: s.owner, Clients: s.others(""), Seq: s.seq}
		}
	case proto.OpSignal:
		x.relay(q)
		return
	default:
		x.t.Fatalf("%s was asked for", q.op)
	}
	x.tell(q.by, s, loss)
	m := &nats.Msg{Data: proto.AppendEvent(nil, &e)}
	if bears != "" {
		m.Header = nats.Header{proto.HeaderRequest: {string(bears)}}
	}
	x.later(q.by, loss, func() { _ = q.msg.RespondMsg(m) })
}

// relay passes a signal on, now and then on what is not so any more.
func (x *sim) relay(q *asked) {
	s := x.truth.state(q.Room)
	here := slices.ContainsFunc(x.all, func(c *simClient) bool { return c.ID() == q.TargetID })
	e := proto.Event{Name: proto.SignalSent, Room: q.Room, TargetID: q.TargetID}
	switch stale := x.chance(x.loss); {
	case s.index(q.ClientID) < 0 && !stale:
		e = proto.Event{Name: proto.NotInRoom, Room: q.Room}
	case s.index(q.TargetID) < 0 && !stale:
		e = proto.Event{Name: proto.TargetNotFound, Room: q.Room, TargetID: q.TargetID}
	case here:
		e = proto.Event{Name: proto.SignalReceive, Room: q.Room, SenderID: q.ClientID, N: q.N, Data: slices.Clone(q.Data)}
		subject, reply := x.w.g.subjects.GatewayClient(x.w.g.id, q.TargetID), q.msg.Reply
		x.later(q.by, x.loss, func() { q.by.publish(subject, reply, proto.AppendEvent(nil, &e)) })
		return
	}
	x.later(q.by, x.loss, func() { _ = q.msg.Respond(proto.AppendEvent(nil, &e)) })
}

// tell queues a change's event, if there was a change and the gateway has or had members there.
func (x *sim) tell(r *replica, s *simState, loss int) {
	if s != nil {
		e := s.change
		x.later(r, loss, func() { r.tell(e) })
	}
}

// later queues what a replica sends, which may be lost, or be sent twice.
func (x *sim) later(r *replica, loss int, send func()) {
	if x.loss == 0 {
		r = x.w.replicas[0] // one order
	}
	switch {
	case x.chance(loss / 2):
	case x.chance(loss / 2):
		x.out[r] = append(x.out[r], send, send)
	default:
		x.out[r] = append(x.out[r], send)
	}
}

// publish sends what a replica has queued first.
func (x *sim) publish(r *replica) bool {
	if len(x.out[r]) == 0 {
		return false
	}
	x.out[r][0]()
	x.out[r] = x.out[r][1:]
	return true
}

// elsewhere has a member on another gateway come or go.
func (x *sim) elsewhere(room proto.Room) {
	id := pick(x, x.far)
	var s *simState
	switch {
	case x.truth.state(room).index(id) < 0 && x.truth.state(room).open():
		_, _, s = x.truth.join(room, id, "far")
	case x.truth.state(room).open():
		_, s = x.truth.leave(room, id, "", "")
	case x.chance(30):
		_, s = x.truth.create(room, id, "far")
	}
	x.tell(pick(x, x.w.replicas), s, x.loss)
}

// signal has a member on another gateway send a signal to a client here, the same again, or one that has been overtaken.
func (x *sim) signal(room proto.Room) {
	if len(x.clients) == 0 {
		return
	}
	r := pick(x, x.w.replicas)
	q := &simSignal{room: room, from: pick(x, x.far), to: pick(x, x.clients).ID()}
	if s := x.truth.state(room); s.index(q.from) < 0 {
		return
	}
	x.n[q.from]++
	q.n = x.n[q.from]
	if x.chance(x.loss) && len(x.signals) > 0 {
		again := *pick(x, x.signals)
		q = &again
	}
	x.signals = append(x.signals, q)
	x.later(r, 0, func() { q.answer = r.signal(q.room, q.from, q.to, q.n, strconv.FormatInt(q.n, 10)) })
}

// check has a replica say what it believes of this gateway's members.
func (x *sim) check(room proto.Room) {
	var members []proto.CheckMember
	s := x.truth.state(room)
	for _, m := range s.members {
		if !slices.Contains(x.far, m.ID) {
			members = append(members, m)
		}
	}
	if len(members) > 0 {
		r := pick(x, x.w.replicas)
		x.later(r, x.loss, func() { r.check(believes(room, s.seq, members...)) })
	}
}
