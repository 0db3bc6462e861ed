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
