package e2e_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// recovery is within what a store that has failed serves again, or its process has ended.
const recovery = 30 * time.Second

// readiness returns what asks for /readyz over one connection that it keeps: a process without file descriptors takes no
// other.
func readiness(t *testing.T, p *harness.Process) func() int {
	t.Helper()
	transport := &http.Transport{MaxConnsPerHost: 1}
	t.Cleanup(transport.CloseIdleConnections)
	url := "http://" + p.Addr(t, "ops") + "/readyz"
	ask := func() int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := transport.RoundTrip(req)
		if err != nil {
			return 0
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		return res.StatusCode
	}
	if status := ask(); status != http.StatusOK {
		t.Fatalf("/readyz is %d before anything has happened", status)
	}
	return ask
}

// fails changes rooms until a store that may open no file says that it has failed: what it has open it still writes.
func fails(t *testing.T, c *client, store *harness.Process, says string) {
	t.Helper()
	create, room := true, fresh(t)
	harness.Await(t, "the store fails", func() bool {
		name := proto.RoomLeave
		if create {
			name = proto.RoomCreate
		}
		create = !create
		if err := c.Send(t.Context(), proto.Frame{Name: name, Room: room}); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(store.Log(), says)
	})
}

// TestAJournalThatCouldNotBeWrittenForAMomentServesAgain takes parley's file descriptors away while a room is made, and gives
// them back.
func TestAJournalThatCouldNotBeWrittenForAMomentServesAgain(t *testing.T) {
	t.Parallel()
	p := harness.StartParley(t, "--data-dir", t.TempDir())
	s := newSite(t, "nats://"+p.Addr(t, "nats"), views.Strict, p)
	ann, bob, eve := s.dial(t), s.dial(t), s.dial(t)
	ready := readiness(t, p)
	back := p.OpenFiles(t, 3)
	fails(t, ann, p, "the journal's store has failed")
	harness.Await(t, "it says that it is not ready", func() bool { return ready() == http.StatusServiceUnavailable })
	back()
	harness.AwaitFor(t, recovery, "it is ready again", func() bool { return ready() == http.StatusOK })
	room := fresh(t) // of clients whose sockets have stayed
	fill(t, room, bob, eve)
	if err := s.truth(t).Compare(t.Context(), room, ids(bob, eve)); err != nil {
		t.Error(err)
	}
	// What was stored before the server inside was started anew is there after the process was.
	p.Kill(t)
	again := p.Again(t)
	again.Ready(t)
	want(t, testkit.Dial(t, again.WS(t)).Create(t, fresh(t)), proto.RoomCreated)
}

// TestAJournalThatCannotBeWrittenEndsTheProcess takes parley's file descriptors away for good.
func TestAJournalThatCannotBeWrittenEndsTheProcess(t *testing.T) {
	t.Parallel()
	p := harness.StartParley(t, "--data-dir", t.TempDir())
	ann := newSite(t, "", views.Strict, p).dial(t)
	p.OpenFiles(t, 3)
	fails(t, ann, p, "the journal's store has failed")
	harness.AwaitFor(t, recovery, "it ends", func() bool {
		select {
		case <-p.Done():
			return true
		default:
			return false
		}
	})
	if code := p.Wait(t); code != 1 {
		t.Errorf("exit code %d, expected 1", code)
	}
	if line := lastLine(p); !strings.HasPrefix(line, "parley: ") || !strings.Contains(line, "store has failed") || !strings.Contains(line, "ulimit -n") {
		t.Errorf("the last line is %s", line)
	}
}

// TestNobodyIsReadyWhileNATSStoresNothing takes the file descriptors of a NATS server away, whose store is dead from then on
// although it has them back.
func TestNobodyIsReadyWhileNATSStoresNothing(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	parts := harness.StartSite(t, nats.URL, 1, 2, nil, nil)
	nats.Stop(t) // so that it has not opened the files yet that it is to write
	nats.Again(t)
	for i, connections := range []int{2, 2, 1} {
		p := append(append([]*harness.Process(nil), parts.Replicas...), parts.Gateways...)[i]
		harness.Await(t, p.Name+" has NATS back", func() bool { return strings.Count(p.Log(), "NATS is back") == connections })
		p.Ready(t)
	}
	s := newSite(t, nats.URL, views.Level, parts.Gateways...)
	ann := s.dial(t)
	all := append(append([]*harness.Process(nil), parts.Replicas...), parts.Gateways...)
	back := nats.OpenFiles(t, 3)
	fails(t, ann, nats.Process, "failed to store a msg")
	back()
	statuses := func(want int) func() bool {
		return func() bool {
			for _, p := range all {
				if status, _ := p.Ops(t, "/readyz"); status != want {
					return false
				}
			}
			return true
		}
	}
	// Both replicas were asked, since the first did not answer. They take their time: it might be an election.
	harness.AwaitFor(t, 2*recovery, "nobody is ready", statuses(http.StatusServiceUnavailable))
	nats.Stop(t)
	nats.Again(t)
	harness.Await(t, "all are ready again", statuses(http.StatusOK))
	want(t, s.dial(t).Create(t, "another"), proto.RoomCreated)
}
