package journal

import (
	"errors"
	"testing"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

func TestAStreamThatIsBehindIsAnotherOnlyWhenItsLeaderIsBelieved(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	subjects, err := proto.NewSubjects("")
	if err != nil {
		t.Fatal(err)
	}
	nc := n.Bus(t)
	j, err := New(nc, Config{Subjects: subjects})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	stream, err := j.ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := follower{j: j, stream: stream, last: 1}

	// The leader stores the record a little later than the copy that fed it.
	later := time.AfterFunc(apiTimeout/8, func() { _ = nc.Publish(subjects.Journal("r"), []byte("{}")) })
	defer later.Stop()
	if found, err := f.find(t.Context()); err != nil || found.last != 1 {
		t.Errorf("a leader that was behind: %+v, %v", found, err)
	}
	f.last = 100
	if found, err := f.find(t.Context()); err != nil || found.last != 1 {
		t.Errorf("a stream that has lost records: %+v, %v", found, err)
	}
	old := j.lease
	t.Cleanup(old.Close)
	j.lease = NewLease(nc, subjects) // which hears no answer, so that no leader is believed
	if found, err := f.find(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("somebody who is behind and may not be the leader: %+v, %v", found, err)
	}
}

// heard is a [Handler] that takes anything.
type heard struct{}

func (h *heard) Begin(uint64)                                 {}
func (h *heard) Apply(proto.Token, uint64, []byte, time.Time) {}
func (h *heard) CaughtUp()                                    {}
func (h *heard) Reset()                                       {}

// What the consumer brings has numbers without a gap; else a record was lost on its way, as when NATS drops what a slow reader
// does not take, and following begins anew.
func TestARecordThatIsMissingEndsTheFeed(t *testing.T) {
	t.Parallel()
	nc := testkit.StartNATS(t).Bus(t)
	subjects, err := proto.NewSubjects("")
	if err != nil {
		t.Fatal(err)
	}
	j, err := New(nc, Config{Subjects: subjects})
	if err != nil {
		t.Fatal(err)
	}
	f := &follower{j: j, h: &heard{}}
	if _, err := j.ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	subject, inbox := subjects.Journal("r"), nc.NewInbox()
	lost, err := nc.SubscribeSync(inbox) // has the first record, which the follower never sees
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Request(subject, []byte("1"), apiTimeout); err != nil {
		t.Fatal(err)
	}
	if _, err := f.consume(t.Context(), "feed", inbox); err != nil {
		t.Fatal(err)
	}
	if _, err := lost.NextMsg(apiTimeout); err != nil {
		t.Fatal(err)
	}
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Request(subject, []byte("2"), apiTimeout); err != nil {
		t.Fatal(err)
	}
	if err := f.read(t.Context(), sub, 1); !errors.Is(err, errBroken) || f.last != 0 {
		t.Errorf("it took the record at %d, then: %v", f.last, err)
	}
}
