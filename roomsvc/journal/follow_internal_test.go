package journal

import (
	"errors"
	"fmt"
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
	j.lease.held.Store(nil)
	j.lease.subject = "nobody" // answers, so that no leader is believed
	if found, err := f.find(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("somebody who is behind and may not be the leader: %+v, %v", found, err)
	}
}

// heard is a [Handler] that counts.
type heard struct{ records int }

func (h *heard) Begin(uint64)                                 {}
func (h *heard) Apply(proto.Token, uint64, []byte, time.Time) { h.records++ }
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
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 2, 4, 5} {
		if err := nc.PublishRequest(inbox, fmt.Sprintf("$JS.ACK.PARLEY.feed.1.%d.%d.1.9", 10+n, n), []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.PublishRequest(inbox, "nobody", []byte("no record: it would end the feed too")); err != nil {
		t.Fatal(err)
	}
	h := &heard{}
	if err := (&follower{j: j, h: h}).read(t.Context(), sub, 9); !errors.Is(err, errBroken) || h.records != 2 {
		t.Errorf("%d records were taken, then %v", h.records, err)
	}
}
