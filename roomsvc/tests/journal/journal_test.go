package journal_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/journal"
	"github.com/parley-rtc/parley/testkit"
)

func open(t *testing.T, n *testkit.NATS) *journal.Journal {
	t.Helper()
	subjects, err := proto.NewSubjects("")
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.New(n.Bus(t), journal.Config{Subjects: subjects, Replicas: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	return j
}

func record(room proto.Room, prev uint64, members ...proto.ClientID) []byte {
	rec := proto.Record{Room: room, Prev: prev, Closed: len(members) == 0, Change: proto.Change{Event: proto.ClientJoined}}
	for _, id := range members {
		rec.Members = append(rec.Members, proto.Member{ID: id, Gateway: "g", Request: "r"})
	}
	return proto.AppendRecord(nil, &rec)
}

// result waits for what comes of an append or a read.
func result(t *testing.T, do func(done func(uint64, journal.Result)) (uint64, error)) journal.Result {
	t.Helper()
	c := make(chan journal.Result, 1)
	if _, err := do(func(_ uint64, r journal.Result) { c <- r }); err != nil {
		t.Fatal(err)
	}
	select {
	case r := <-c:
		return r
	case <-time.After(20 * time.Second):
		t.Fatal("no answer")
		return journal.Result{}
	}
}

func TestOnlyTheFirstOfTwoAppendsOnOneRecordIsAccepted(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	j := open(t, n)
	if err := j.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	add := func(prev uint64, members ...proto.ClientID) journal.Result {
		return result(t, func(done func(uint64, journal.Result)) (uint64, error) {
			var ttl time.Duration
			if len(members) == 0 {
				ttl = proto.ClosedTTL
			}
			return j.Append("room", record("room", prev, members...), prev, ttl, done)
		})
	}
	read := func() journal.Result {
		return result(t, func(done func(uint64, journal.Result)) (uint64, error) { return j.Read("room", done) })
	}
	if r := read(); r.Err != nil || r.State != nil {
		t.Errorf("a room that never was: %+v", r)
	}
	first := add(0, "ann")
	if first.Err != nil || first.Seq == 0 {
		t.Fatalf("the first append: %+v", first)
	}
	if r := add(0, "bob"); !errors.Is(r.Err, journal.ErrConflict) {
		t.Errorf("a second append on nothing: %+v", r)
	}
	second := add(first.Seq, "ann", "bob")
	if second.Err != nil || second.Seq <= first.Seq {
		t.Fatalf("the second append: %+v", second)
	}
	if r := add(first.Seq, "ann", "eve"); !errors.Is(r.Err, journal.ErrConflict) {
		t.Errorf("an append on an old record: %+v", r)
	}
	if r := read(); r.Err != nil || r.Seq != second.Seq || len(r.State.Record.Members) != 2 {
		t.Errorf("read: %+v", r)
	}
}

// follower records what the stream brings.
type follower struct {
	mu     sync.Mutex // guards the fields below
	last   uint64
	count  int
	level  int
	resets int
	broken error
}

func (f *follower) Apply(token proto.Token, seq uint64, _ []byte, _ time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if seq <= f.last {
		f.broken = fmt.Errorf("%s: %d after %d", token, seq, f.last)
	}
	f.last = seq
	f.count++
}

func (f *follower) Begin(uint64) {}

func (f *follower) CaughtUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.level++
}

func (f *follower) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.resets++
	f.last, f.count = 0, 0
}

func TestTheStreamIsFollowedInOrderOverARestartAndAKick(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	j := open(t, n)
	ctx, cancel := context.WithCancel(t.Context())
	f := &follower{}
	ended := make(chan error, 1)
	go func() { ended <- j.Follow(ctx, f, func(err error) { t.Log(err) }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	see := func(what string, so func() bool) {
		t.Helper()
		testkit.WaitFor(t, what, func() bool {
			f.mu.Lock()
			defer f.mu.Unlock()
			return so()
		})
	}
	see("the end of an empty stream", func() bool { return f.level == 1 })
	total := 0
	add := func() {
		t.Helper()
		for range 200 {
			room := proto.Room(fmt.Sprintf("room-%d", total))
			total++
			r := result(t, func(done func(uint64, journal.Result)) (uint64, error) {
				return j.Append(room.Token(), record(room, 0, "ann"), 0, 0, done)
			})
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
	}
	add()
	see("what was appended", func() bool { return f.count == total })
	j.Kick()
	see("the end again", func() bool { return f.level == 2 })
	n.Restart()
	see("the end after a restart", func() bool { return f.level >= 3 })
	add()
	see("what was appended after it", func() bool { return f.count == total })
	if f.broken != nil || f.resets != 0 {
		t.Errorf("%v, %d resets", f.broken, f.resets)
	}
}

func TestALeaderThatIsAloneIsNotSure(t *testing.T) {
	t.Parallel()
	c := testkit.StartCluster(t, 3)
	subjects, err := proto.NewSubjects("")
	if err != nil {
		t.Fatal(err)
	}
	nc := c.Servers[0].Bus(t)
	j, err := journal.New(nc, journal.Config{Subjects: subjects, Replicas: 3})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	if err := j.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	sure := func() bool { j.Lease().Renew(); return j.Sure() }
	testkit.WaitFor(t, "the leader to have heard from most", sure)
	c.Servers[1].Stop()
	c.Servers[2].Stop()
	testkit.WaitFor(t, "the leader to be alone", func() bool { return !sure() })
	c.Servers[1].Restart()
	testkit.WaitFor(t, "two to be enough", sure)
}
