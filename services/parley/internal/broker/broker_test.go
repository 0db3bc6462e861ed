package broker

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-rtc/parley/services/internal/settings"
)

var quiet = slog.New(slog.DiscardHandler)

// start starts a server and returns it and what stops it.
func start(t *testing.T, cfg Config) (*Broker, func()) {
	t.Helper()
	cfg.Stream = "PARLEY"
	b, err := Start(t.Context(), cfg, quiet)
	if err != nil {
		t.Fatal(err)
	}
	stop := func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := b.Run(ctx); err != nil {
			t.Error(err)
		}
	}
	return b, stop
}

// journal makes the stream on files with one record, or returns how many it has.
func journal(t *testing.T, b *Broker) uint64 {
	t.Helper()
	nc, err := nats.Connect("", b.Options()...)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), "PARLEY")
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "PARLEY", Subjects: []string{"parley.journal.*"}})
		if _, err := js.Publish(t.Context(), "parley.journal.lobby", []byte("kept")); err != nil {
			t.Fatal(err)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info.State.Msgs
}

func TestAJournalOnFilesOutlivesItsServer(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "dir")
	for range 3 {
		b, stop := start(t, Config{DataDir: dir})
		if got := journal(t, b); got != 1 {
			t.Errorf("the journal has %d records, expected 1", got)
		}
		stop()
	}
}

func TestAJournalInMemoryLeavesNothingBehind(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	b, stop := start(t, Config{Listen: "127.0.0.1:0"})
	if journal(t, b) != 1 {
		t.Error("the journal is empty")
	}
	nc, err := nats.Connect("nats://" + b.Addr().String())
	if err != nil {
		t.Errorf("another service is not let in: %v", err)
	} else {
		if nc.MaxPayload() != b.MaxPayload() {
			t.Errorf("max_payload is %d, not %d", nc.MaxPayload(), b.MaxPayload())
		}
		nc.Close()
	}
	stop()
	if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

func TestOneDirectoryHasOneServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, stop := start(t, Config{DataDir: dir})
	if _, err := Start(t.Context(), Config{DataDir: dir}, quiet); !errors.Is(err, settings.ErrSetting) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("%v", err)
	}
	stop()
	_, stop = start(t, Config{DataDir: dir})
	stop()
}

func TestADirectoryThatCannotBeUsedIsASettingAndASentence(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below"), "/proc/nowhere"} {
		if _, err := Start(t.Context(), Config{DataDir: dir}, quiet); !errors.Is(err, settings.ErrSetting) || !strings.Contains(err.Error(), "--data-dir") {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

func TestAJournalThatCannotBeReadIsNotReplacedByAnEmptyOne(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(dir string) error{
		"metadata are overwritten": func(dir string) error { return os.WriteFile(filepath.Join(dir, "meta.inf"), []byte("{"), 0o600) },
		"the checksum is wrong":    func(dir string) error { return os.WriteFile(filepath.Join(dir, "meta.sum"), []byte("0"), 0o600) },
		"metadata are gone":        func(dir string) error { return os.Remove(filepath.Join(dir, "meta.inf")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			b, stop := start(t, Config{DataDir: dir})
			journal(t, b)
			stop()
			if err := harm(filepath.Join(dir, "jetstream", "$G", "streams", "PARLEY")); err != nil {
				t.Fatal(err)
			}
			_, err := Start(t.Context(), Config{DataDir: dir, Stream: "PARLEY"}, quiet)
			if err == nil || errors.Is(err, settings.ErrSetting) || !strings.Contains(err.Error(), "cannot be read") || !strings.Contains(err.Error(), "backup") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAnAddressThatIsTakenIsASetting(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, at := range []string{ln.Addr().String(), "nonsense", "127.0.0.1:port", "127.0.0.1:99999"} {
		if _, err := Start(t.Context(), Config{Listen: at}, quiet); !errors.Is(err, settings.ErrSetting) || !strings.Contains(err.Error(), "--nats-listen") {
			t.Errorf("%s: %v", at, err)
		}
	}
}
