package e2e_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
)

// older makes a replica one of the release before: it says in its beats that it knows form 1 of records, and writes that.
var older = []string{"--record-form", "1"}

// replicaID finds in a log line which replica has written it.
var replicaID = regexp.MustCompile(`replica=(\S+)`)

// upgrade replaces replicas, one at a time, while clients ask.
type upgrade struct {
	d      *harness.Site
	rooms  []*largeRoom
	pairs  *load
	stream jetstream.Stream
}

// replace starts a replica, and then ends the one whose place it takes: in good order, or killed.
func (u *upgrade) replace(t *testing.T, i int, kill bool, args ...string) {
	t.Helper()
	old := u.d.Replicas[i]
	u.d.Replicas[i] = harness.StartRoomsvc(t, u.d.NATS, args...)
	u.asked(t)
	if kill {
		old.Kill(t)
		// What it had stored and not told is told by another, once it counts as gone. One that has just started may never have heard of it.
		id := replicaID.FindStringSubmatch(old.Logged(t, "msg=ready"))[1]
		harness.Await(t, "a replica says that it is gone", func() bool {
			return slices.ContainsFunc(u.d.Replicas, func(r *harness.Process) bool { return strings.Contains(r.Log(), "process="+id) })
		})
	} else if code := old.Stop(t); code != 0 {
		t.Errorf("%s: exit code %d", old.Name, code)
	}
	u.asked(t)
}

// asked waits until clients have been answered for a while.
func (u *upgrade) asked(t *testing.T) {
	t.Helper()
	u.pairs.answered(t, 100)
	for _, c := range u.rooms {
		c.answered(t, 40)
	}
}

// form returns the form of a room's record.
func (u *upgrade) form(t *testing.T, c *largeRoom) int {
	t.Helper()
	m, err := u.stream.GetLastMsgForSubject(t.Context(), "parley.journal."+string(c.room.Token()))
	if err != nil {
		t.Fatal(err)
	}
	if proto.Compact(m.Data) {
		return 2
	}
	return 1
}

// written awaits that each large room is in a form, as it is once somebody joins or leaves.
func (u *upgrade) written(t *testing.T, form int) {
	t.Helper()
	for _, c := range u.rooms {
		harness.Await(t, fmt.Sprintf("%q is written in form %d", c.room, form), func() bool { return u.form(t, c) == form })
	}
}

// TestReplicasAreUpgradedOneAfterTheOtherUnderLoadAndBack: the newer form of records is written once every replica knows it,
// and no more when an older one joins, which reads what was written meanwhile. Clients notice nothing of any of it.
func TestReplicasAreUpgradedOneAfterTheOtherUnderLoadAndBack(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	u := &upgrade{d: harness.StartSite(t, nats.URL, 2, 2, nil, older)}
	s := newSite(t, nats.URL, views.Level, u.d.Gateways...)
	nc := harness.Connect(t, nats.URL)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if u.stream, err = js.Stream(t.Context(), "PARLEY"); err != nil {
		t.Fatal(err)
	}
	watch := views.Observe(t, nc)
	u.rooms = []*largeRoom{newLargeRoom(t, s, watch, 30), newLargeRoom(t, s, watch, 60)}
	u.pairs = newLoad(t, s, 4)

	for _, step := range []struct {
		replica int
		kill    bool
		args    []string
		form    int // of records, once it is done
	}{
		{0, false, nil, 1},   // forth: one of two
		{1, true, nil, 2},    // both
		{0, true, older, 1},  // back: an older one joins, and a newer one, which wrote form 2, is killed
		{1, false, older, 1}, // both are older
	} {
		u.replace(t, step.replica, step.kill, step.args...)
		u.written(t, step.form)
		if step.form == 1 { // it stays so, whoever is asked
			u.asked(t)
			u.written(t, 1)
		}
	}
	u.asked(t)
	u.pairs.finish(t)
	for _, c := range u.rooms {
		c.finish(t)
	}
}
