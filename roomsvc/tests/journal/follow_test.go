package journal_test

import (
	"errors"
	"testing"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/internal/feed"
	"github.com/parley-rtc/parley/roomsvc/journal"
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
	j, err := journal.New(nc, journal.Config{Subjects: subjects})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	f, err := feed.New(t.Context(), j, nil)
	if err != nil {
		t.Fatal(err)
	}
	*f.Last = 1

	// The leader stores the record a little later than the copy that fed it.
	later := time.AfterFunc(250*time.Millisecond, func() { _ = nc.Publish(subjects.Journal("r"), []byte("{}")) })
	defer later.Stop()
	if last, err := f.Find(t.Context()); err != nil || last != 1 {
		t.Errorf("a leader that was behind: %d, %v", last, err)
	}
	*f.Last = 100
	if last, err := f.Find(t.Context()); err != nil || last != 1 {
		t.Errorf("a stream that has lost records: %d, %v", last, err)
	}
	j.Lease().Close() // it hears no answer, so that no leader is believed
	testkit.WaitFor(t, "the last answer to be too old", func() bool { return !j.Sure() })
	if last, err := f.Find(t.Context()); !errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("somebody who is behind and may not be the leader: %d, %v", last, err)
	}
}

// patience is how long an answer may take.
const patience = 20 * time.Second

// heard is a [journal.Handler] that takes anything.
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
	j, err := journal.New(nc, journal.Config{Subjects: subjects})
	if err != nil {
		t.Fatal(err)
	}
	f, err := feed.New(t.Context(), j, &heard{})
	if err != nil {
		t.Fatal(err)
	}
	subject, inbox := subjects.Journal("r"), nc.NewInbox()
	lost, err := nc.SubscribeSync(inbox) // has the first record, which the follower never sees
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Request(subject, []byte("1"), patience); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Consume(t.Context(), "feed", inbox); err != nil {
		t.Fatal(err)
	}
	if _, err := lost.NextMsg(patience); err != nil {
		t.Fatal(err)
	}
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Request(subject, []byte("2"), patience); err != nil {
		t.Fatal(err)
	}
	if err := f.Read(t.Context(), sub, 1); !errors.Is(err, feed.ErrBroken) || *f.Last != 0 {
		t.Errorf("it took the record at %d, then: %v", *f.Last, err)
	}
}
