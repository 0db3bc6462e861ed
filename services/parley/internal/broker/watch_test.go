package broker

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// failing runs a server that is told once that its store has failed, and returns what stops it.
func failing(t *testing.T, b *Broker) (failed <-chan struct{}, stop func() error) {
	t.Helper()
	heard := make(chan struct{})
	var once atomic.Bool
	b.Watch(Mind{
		Unsettled: func() time.Duration {
			if once.Load() {
				return 0
			}
			return stalled
		},
		Failed: func() {
			if once.CompareAndSwap(false, true) {
				close(heard)
			}
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	return heard, func() error { cancel(); return <-done }
}

// await returns once the condition holds.
func await(holds func() bool) {
	for tick := time.NewTicker(time.Millisecond); !holds(); <-tick.C {
	}
}

func TestAServerThatStoresNothingIsReplacedByOneWithWhatItHad(t *testing.T) {
	t.Parallel()
	b, err := Start(t.Context(), Config{DataDir: t.TempDir(), Listen: "127.0.0.1:0", Stream: "PARLEY"}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if journal(t, b) != 1 {
		t.Error("the journal is empty")
	}
	first := b.srv.Load()
	outside := make(chan struct{}, 10)
	back := nats.ReconnectHandler(func(*nats.Conn) { outside <- struct{}{} })
	nc, err := nats.Connect("nats://"+b.Addr().String(), nats.MaxReconnects(-1), nats.ReconnectWait(time.Millisecond), back)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	failed, stop := failing(t, b)
	<-failed
	<-outside // other services find it where it was
	if b.srv.Load() == first {
		t.Error("it is the same server")
	}
	await(func() bool { return b.serving.Load() != nil }) // it has the journal
	if n := journal(t, b); n != 1 {
		t.Errorf("the journal has %d records, expected 1", n)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestAJournalThatCannotBeReadAnewEndsTheServerAndIsNotReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, err := Start(t.Context(), Config{DataDir: dir, Stream: "PARLEY"}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	journal(t, b)
	meta := filepath.Join(dir, "jetstream", "$G", "streams", "PARLEY", "meta.sum")
	if err := os.WriteFile(meta, []byte("0"), 0o600); err != nil {
		t.Fatal(err)
	}
	failed, stop := failing(t, b)
	<-failed
	await(func() bool { return b.serving.Load() == nil })
	// Who finds no journal makes one, and so nobody may look.
	if conn, err := b.InProcessConn(); !errors.Is(err, errRestarting) {
		t.Errorf("%v, %v", conn, err)
	}
	if err := stop(); err != nil && !strings.Contains(err.Error(), "cannot be read") {
		t.Error(err)
	}
	if sum, err := os.ReadFile(meta); err != nil || string(sum) != "0" {
		t.Errorf("the journal was replaced: %q, %v", sum, err)
	}
}

// A server that starts while its disk is full has to take writes once there is room. NATS would hold what was free at the
// start for the limit for good.
func TestNoDiskSpaceAtTheStartIsRemembered(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{"files": t.TempDir(), "memory": ""} {
		b, err := Start(t.Context(), Config{DataDir: dir, Stream: "PARLEY"}, quiet)
		if err != nil {
			t.Fatal(err)
		}
		if most := b.srv.Load().JetStreamConfig().MaxStore; most < 1<<50 {
			t.Errorf("%s: %d bytes may be stored, whatever the disk has later", name, most)
		}
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	}
}
