package operate

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/services/internal/settings"
	"github.com/parley-rtc/parley/testkit"
)

// watcher runs the command until the test, or stop, ends it.
type watcher struct {
	out, note page
	stop      func() error
}

func (w *world) watch(room string, json bool) *watcher {
	w.t.Helper()
	cmd := &watch{flags: flags{
		NATS: settings.NATS{Servers: w.url}, Prefix: settings.Prefix{Prefix: "parley"}, JSON: json, Timeout: 5 * time.Second,
	}, Name: room}
	if err := cmd.check(); err != nil {
		w.t.Fatal(err)
	}
	x := &watcher{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- cmd.follow(ctx, &x.out, &x.note) }()
	ended := false
	x.stop = func() error {
		cancel()
		if ended {
			return nil
		}
		ended = true
		return <-done
	}
	w.t.Cleanup(func() { _ = x.stop() })
	testkit.WaitFor(w.t, "it listens", func() bool { return strings.Contains(x.note.String(), "listening to") })
	return x
}

// lines waits until so many have been printed.
func (x *watcher) lines(t *testing.T, n int) []string {
	t.Helper()
	testkit.WaitFor(t, fmt.Sprintf("%d lines", n), func() bool { return strings.Count(x.out.String(), "\n") >= n })
	return strings.Split(strings.TrimSuffix(x.out.String(), "\n"), "\n")
}

func TestWatchPrintsWhatHappensInOrder(t *testing.T) {
	t.Parallel()
	w := one(t)
	all, mine := w.watch("", false), w.watch("my room", false)
	ids := w.fill("lobby", 2)
	mineIDs := w.fill("my room", 1)
	if e := w.ask(proto.OpLeave, proto.Request{Room: "lobby", ClientID: ids[0]}); e.Name != proto.RoomLeft {
		t.Fatalf("%+v", e)
	}
	want := []string{
		"room-created   lobby         " + string(ids[0]) + "  seq 1",
		"client-joined  lobby         " + string(ids[1]) + "  seq 2",
		`room-created   "my room"     ` + string(mineIDs[0]) + "  seq 3",
		"room-closed    lobby         " + string(ids[0]) + "  owner-left  seq 4",
	}
	clock := regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d\d\d  `)
	check := func(x *watcher, want []string) {
		t.Helper()
		for i, line := range x.lines(t, len(want)) {
			if at := clock.FindString(line); at == "" || i >= len(want) || line[len(at):] != want[i] {
				t.Errorf("line %d: %q, expected %q", i, line, want)
			}
		}
		if err := x.stop(); err != nil {
			t.Errorf("it ended with %v", err)
		}
	}
	check(all, want)
	check(mine, want[2:3])
}

func TestWatchPrintsTwiceToldOnceAndSaysWhatWasMissed(t *testing.T) {
	t.Parallel()
	w := one(t)
	table, lines := w.watch("", false), w.watch("", true)
	tell := func(name proto.Name, seq, prev uint64) []byte {
		e := proto.Event{Name: name, Room: "lobby", ID: "c2d4e6f8-1a3c-4e5f-9a7b-8c9dadbecfd0", Seq: seq, Prev: prev}
		b := proto.AppendEvent(nil, &e)
		if err := w.nc.Publish(w.subjects.RoomEvent("lobby"), b); err != nil {
			t.Fatal(err)
		}
		return b
	}
	var want bytes.Buffer
	for _, b := range [][]byte{tell(proto.ClientJoined, 7, 5), tell(proto.ClientJoined, 12, 9)} {
		want.Write(append(b, '\n'))
	}
	tell(proto.ClientJoined, 7, 5)
	want.Write(append(tell(proto.ClientLeft, 13, 12), '\n'))
	printed := table.lines(t, 4)
	if len(printed) != 4 || !strings.HasSuffix(printed[1], "(missed)       lobby         something between 7 and 12") {
		t.Errorf("%q", printed)
	}
	lines.lines(t, 3)
	if got := lines.out.String(); got != want.String() {
		t.Errorf("printed:\n%s\ntold:\n%s", got, want.String())
	}
	if note := lines.note.String(); !strings.Contains(note, "changes of lobby between 7 and 12 were missed") {
		t.Errorf("said: %s", note)
	}
}

func TestWatchGoesOnAfterNATSWasAway(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t, testkit.Listen())
	w := &world{t: t, url: n.URL(), nc: connect(t, n.URL())}
	var err error
	if w.subjects, err = proto.NewSubjects(""); err != nil {
		t.Fatal(err)
	}
	x := w.watch("", true)
	n.Restart()
	testkit.WaitFor(t, "NATS is back", func() bool { return strings.Contains(x.note.String(), "NATS is back") })
	nc := connect(t, n.URL())
	testkit.WaitFor(t, "it listens again", func() bool { // it says that NATS is back as soon as it has asked to
		if err := nc.Publish(w.subjects.RoomEvent("lobby"), []byte(`{"event":"room-created","room":"lobby","seq":1,"prev":0}`)); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(x.out.String(), "room-created")
	})
	if err := nc.Publish(w.subjects.RoomEvent("lobby"), []byte(`{`)); err != nil {
		t.Fatal(err)
	}
	x.lines(t, 1)
	testkit.WaitFor(t, "the second is refused", func() bool { return strings.Contains(x.note.String(), "cannot be read") })
	if err := x.stop(); err != nil {
		t.Error(err)
	}
}
