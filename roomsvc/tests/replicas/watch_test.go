package replicas_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/replicas"
	"github.com/parley-rtc/parley/testkit"
)

// quick has everything happen twenty times as fast.
var quick = replicas.Timings{
	Beat: 50 * time.Millisecond, Missed: 100 * time.Millisecond, Ask: 60 * time.Millisecond,
	AskEvery: 10 * time.Millisecond, NoResponders: 150 * time.Millisecond, Silence: 400 * time.Millisecond,
	Grace: 300 * time.Millisecond, Forget: 3 * time.Second,
}

type process struct {
	*replicas.Watch
	id   proto.ReplicaID
	stop func()

	mu   sync.Mutex // guards the fields below
	gone []string
}

func (p *process) lost(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.gone, id)
}

func run(t *testing.T, n *testkit.NATS, change ...func(*replicas.Config)) *process {
	t.Helper()
	subjects, err := proto.NewSubjects("")
	if err != nil {
		t.Fatal(err)
	}
	p := &process{id: proto.NewReplicaID()}
	cfg := replicas.Config{
		Conn: n.Bus(t), Subjects: subjects, Self: p.id, Timings: quick,
		Gone: func(_ proto.Role, id string, _ time.Time) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.gone = append(p.gone, id)
		},
	}
	for _, c := range change {
		c(&cfg)
	}
	p.Watch = replicas.New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(p.stop)
	return p
}

func TestReplicasAgreeOnWhoRanksFirstAndTheDeadAreLeftOut(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	all := []*process{run(t, n), run(t, n), run(t, n)}
	for _, p := range all {
		p.Say(proto.Up)
	}
	level := func(ps []*process) func() bool {
		return func() bool {
			for _, p := range ps {
				if len(p.Replicas()) != len(ps) {
					return false
				}
			}
			return true
		}
	}
	testkit.WaitFor(t, "the replicas to know each other", level(all))
	for _, room := range []proto.Room{"a", "b", "c", "d"} {
		first := 0
		for _, p := range all {
			if p.First(room.Token(), 1) {
				first++
			}
		}
		if first != 1 {
			t.Errorf("%d replicas rank first for %s", first, room)
		}
	}
	all[0].stop()
	testkit.WaitFor(t, "the dead one to be left out", level(all[1:]))
	testkit.WaitFor(t, "the dead one to be gone", func() bool {
		return all[1].lost(string(all[0].id)) && all[2].lost(string(all[0].id))
	})
	all[1].Say(proto.Leaving)
	testkit.WaitFor(t, "the one that leaves to be left out", func() bool { return len(all[2].Replicas()) == 1 })
}

func TestAProcessThatAnswersIsNotGoneThoughItDoesNotBeat(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	p, answers := run(t, n), run(t, n) // the second answers, and beats for nobody
	subjects, err := proto.NewSubjects("")
	if err != nil {
		t.Fatal(err)
	}
	stuck := n.Connect(t) // hears the questions, and does not answer
	if _, err := stuck.Subscribe(subjects.Alive("stuck"), func(*nats.Msg) {}); err != nil {
		t.Fatal(err)
	}
	if err := stuck.Flush(); err != nil {
		t.Fatal(err)
	}
	p.Know(proto.RoleGateway, string(answers.id))
	p.Know(proto.RoleGateway, "stuck")
	p.Know(proto.RoleGateway, "dead")
	if !p.Fresh("dead") || p.Fresh("unknown") {
		t.Error("a gateway has not had the time to beat, or one is fresh that is not known")
	}
	before := time.Now()
	testkit.WaitFor(t, "the dead one to be gone", func() bool { return p.lost("dead") })
	if since, gone := p.Gone("dead"); !gone || since.Before(before) || since.After(time.Now()) {
		t.Errorf("it is gone: %t, since %v", gone, since)
	}
	testkit.WaitFor(t, "the one that does not answer to be gone", func() bool { return p.lost("stuck") })
	if p.lost(string(answers.id)) {
		t.Error("one that answers is gone")
	}
	if p.Fresh(proto.GatewayID(answers.id)) || p.Fresh("dead") {
		t.Error("a gateway that does not beat is fresh")
	}
}

func TestTimeInWhichTheObserverWasCutOffDoesNotCount(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	p := run(t, n)
	p.Know(proto.RoleGateway, "dead")
	p.Disconnected()
	tick := time.NewTimer(2 * quick.Silence)
	<-tick.C
	if p.lost("dead") {
		t.Error("it is gone, though the observer was cut off")
	}
	p.Connected()
	began := time.Now()
	testkit.WaitFor(t, "the dead one to be gone", func() bool { return p.lost("dead") })
	if took := time.Since(began); took < quick.Grace {
		t.Errorf("it is gone %v after the reconnection", took)
	}
}

// A replica that answers is not gone, but a gateway that asked it for a room might wait for nothing.
func TestAReplicaThatDoesNotBeatIsNotRankedThoughItAnswers(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	p := run(t, n)
	p.Say(proto.Up)
	subjects, err := proto.NewSubjects("")
	if err != nil {
		t.Fatal(err)
	}
	nc, other := n.Connect(t), proto.Beat{Role: proto.RoleRoomsvc, ID: string(proto.NewReplicaID()), State: proto.Up}
	if _, err := nc.Subscribe(subjects.Alive(other.ID), func(m *nats.Msg) { _ = m.Respond(nil) }); err != nil {
		t.Fatal(err)
	}
	testkit.WaitFor(t, "both to be ranked", func() bool {
		if err := nc.Publish(subjects.Beat(other.Role, other.ID), other.Encode()); err != nil {
			t.Fatal(err)
		}
		return len(p.Replicas()) == 2
	})
	testkit.WaitFor(t, "the one that beats no more to be left out", func() bool { return len(p.Replicas()) == 1 })
	if p.lost(other.ID) {
		t.Error("it is gone, though it answers")
	}
}

// A server that was cut off from the others brings no beats: that says nothing of those who send them.
func TestOneWhoIsOutOfTouchCountsNobodyAsGone(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	var inTouch atomic.Bool
	sure, unsure := run(t, n), run(t, n, func(c *replicas.Config) { c.InTouch = inTouch.Load })
	unsure.Know(proto.RoleGateway, "dead")
	sure.Know(proto.RoleGateway, "dead")
	testkit.WaitFor(t, "the dead one to be gone", func() bool { return sure.lost("dead") })
	sure.Know(proto.RoleGateway, "another")
	testkit.WaitFor(t, "so much time again", func() bool { return sure.lost("another") })
	if unsure.lost("dead") {
		t.Error("it is gone for one who is out of touch")
	}
	inTouch.Store(true)
	testkit.WaitFor(t, "the dead one to be gone for all", func() bool { return unsure.lost("dead") })
}

// It does not run beside other tests, since it counts what is allocated.
func TestAGatewayThatAppearsCostsNoMoreWhereManyAreKnown(t *testing.T) {
	n := testkit.StartNATS(t)
	subjects, err := proto.NewSubjects("")
	if err != nil {
		t.Fatal(err)
	}
	w := replicas.New(replicas.Config{Conn: n.Bus(t), Subjects: subjects, Self: proto.NewReplicaID()})
	appear := func() { w.Know(proto.RoleGateway, string(proto.NewGatewayID())) }
	for range 10_000 {
		appear()
	}
	if allocs := testing.AllocsPerRun(100, appear); allocs > 10 {
		t.Errorf("%v allocations with 10,000 known", allocs)
	}
}

// An older replica cannot read the newer form. It is written once nobody is left who does not know it, and who does not leaves
// such records alone, so others rank first for them.
func TestTheNewerFormOfRecordsIsKnownOnceEveryReplicaKnowsIt(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	early := run(t, n, func(c *replicas.Config) { c.Timings.Missed = time.Minute })
	early.Say(proto.Up)
	if early.Form() != 1 {
		t.Error("before anybody could be heard, all know the newer form")
	}
	early.Say(proto.Leaving)
	early.stop()
	p := run(t, n)
	p.Say(proto.Up)
	testkit.WaitFor(t, "a replica alone to know what it knows", func() bool { return p.Form() == proto.RecordForm })

	nc, old := n.Connect(t), proto.NewReplicaID()
	subjects, err := proto.NewSubjects("")
	if err != nil {
		t.Fatal(err)
	}
	beat := proto.Beat{Role: proto.RoleRoomsvc, ID: string(old), State: proto.Up}
	up := func() bool {
		if err := nc.Publish(subjects.Beat(proto.RoleRoomsvc, beat.ID), beat.Encode()); err != nil {
			t.Error(err)
		}
		return len(p.Replicas()) == 2
	}
	testkit.WaitFor(t, "the older one to be heard", up)
	testkit.WaitFor(t, "the older form", func() bool { up(); return p.Form() == 1 })
	others := 0
	for _, room := range []proto.Room{"a", "b", "c", "d", "e", "f", "g", "h"} {
		up()
		if !p.First(room.Token(), proto.RecordForm) {
			t.Errorf("nobody is left to care for %s", room)
		}
		if !p.First(room.Token(), 1) {
			others++
		}
	}
	if others == 0 {
		t.Error("the older replica ranks first for no room in the older form")
	}
	testkit.WaitFor(t, "the newer form, once the older one is gone", func() bool {
		return p.lost(string(old)) && p.Form() == proto.RecordForm
	})
}

// A version is tried before everybody is bound to it: as long as one replica is set to the older form, all write that. It reads
// the newer one all the same, so somebody cares for such records also where all are set so.
func TestAReplicaSetToTheOlderFormKeepsAllToIt(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	hold := func(c *replicas.Config) { c.Form = 1 }
	p, held, other := run(t, n), run(t, n, hold), run(t, n, hold)
	all := []*process{p, held, other}
	for _, x := range all {
		x.Say(proto.Up)
	}
	heard := func(n int) func() bool {
		return func() bool {
			return !slices.ContainsFunc(all, func(x *process) bool { return len(x.Replicas()) != n })
		}
	}
	testkit.WaitFor(t, "all to be heard", heard(3))
	<-time.NewTimer(2 * quick.Missed).C // after which who was not heard would not count
	for _, x := range all {
		if x.Form() != 1 {
			t.Errorf("form %d is written", x.Form())
		}
	}
	cared := func(by *process) {
		t.Helper()
		for _, room := range []proto.Room{"a", "b", "c", "d", "e", "f", "g", "h"} {
			if !by.First(room.Token(), proto.RecordForm) {
				t.Errorf("nobody cares for %s", room)
			}
		}
	}
	cared(p)
	p.Say(proto.Leaving)
	p.stop()
	all = all[1:]
	testkit.WaitFor(t, "one to be out of the ranking", heard(2))
	cared(held)
	cared(other)
	for _, x := range all {
		x.Say(proto.Leaving)
		x.stop()
	}
	p = run(t, n)
	p.Say(proto.Up)
	testkit.WaitFor(t, "the newer form, once nobody is set to the older one", func() bool { return p.Form() == proto.RecordForm })
}
